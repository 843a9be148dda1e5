import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  comparePointIds,
  parsePointId,
  pointIdFromKey,
  pointIdFromText,
  pointIdKey,
  pointIdText,
  type PointId,
} from './point-id.ts';

const anyId: fc.Arbitrary<PointId> = fc
  .oneof(fc.nat(), fc.bigInt(0n, 2n ** 64n - 1n), fc.uuid())
  .map((value) => parsePointId(value)!);

describe('point ids', () => {
  test('text and key forms come back as the same id', () => {
    fc.assert(
      fc.property(anyId, (id) => {
        expect(pointIdFromText(pointIdText(id))).toBe(id);
        expect(pointIdFromKey(pointIdKey(id))).toBe(id);
      }),
    );
  });

  test('keys sort as ids do: integers by value, then UUIDs', () => {
    fc.assert(
      fc.property(anyId, anyId, (a, b) => {
        expect(Math.sign(Buffer.compare(pointIdKey(a), pointIdKey(b)))).toBe(comparePointIds(a, b));
      }),
    );
  });

  test('the bounds of 64 bits and of safe integers', () => {
    expect(parsePointId(2n ** 64n - 1n)).toBe(2n ** 64n - 1n);
    expect(parsePointId(2n ** 64n)).toBeNull();
    expect(parsePointId(2n ** 53n - 1n)).toBe(Number.MAX_SAFE_INTEGER);
    expect(pointIdFromKey(pointIdKey(2n ** 53n))).toBe(2n ** 53n);
  });

  test.each([-1, 1.5, 2 ** 53, Number.NaN, '', 'abc', '12', null, {}, '550e8400-e29b-41d4-a716-44665544000'])(
    '%p is no id',
    (value) => {
      expect(parsePointId(value)).toBeNull();
    },
  );

  test('every spelling of a UUID is one id', () => {
    const canonical = '550e8400-e29b-41d4-a716-446655440000';
    for (const spelling of [
      canonical,
      canonical.toUpperCase(),
      canonical.replaceAll('-', ''),
      `{${canonical}}`,
      `urn:uuid:${canonical}`,
    ]) {
      expect(parsePointId(spelling)).toBe(canonical);
    }
  });
});
