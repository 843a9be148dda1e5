import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { PointId } from '#model/point-id.ts';
import { decodeEntries, encodeEntries } from './log-codec.ts';
import type { LogEntry, LogOperation } from './operations.ts';
import { decodeBatch, encodeBatch } from './export-codec.ts';
import { keyOf } from './store.ts';

const id: fc.Arbitrary<PointId> = fc.oneof(fc.nat(), fc.bigInt(2n ** 53n, 2n ** 64n - 1n), fc.uuid());
const ids = fc.array(id, { maxLength: 5 });
const vector = fc.array(fc.float({ noNaN: true }), { maxLength: 4 }).map((numbers) => Float32Array.from(numbers));
const text = fc.string({ unit: 'grapheme', maxLength: 20 });
const point = fc.record({ id, vector: fc.option(vector), payload: fc.option(text) });
const operation: fc.Arbitrary<LogOperation> = fc.oneof(
  fc.record({ type: fc.constant('upsert' as const), points: fc.array(point, { maxLength: 4 }) }),
  fc.record({
    type: fc.constant('updateVectors' as const),
    points: fc.array(fc.record({ id, vector }), { maxLength: 4 }),
  }),
  fc.record({ type: fc.constantFrom('delete' as const, 'clearPayload' as const, 'deleteVectors' as const), ids }),
  fc.record({ type: fc.constant('setPayload' as const), ids, payload: text }),
  fc.record({ type: fc.constant('setPayload' as const), ids, payload: text, key: text }),
  fc.record({ type: fc.constant('overwritePayload' as const), ids, payload: text }),
  fc.record({ type: fc.constant('deletePayload' as const), ids, keys: fc.array(text, { maxLength: 3 }) }),
);
const entry: fc.Arbitrary<LogEntry> = fc.record({ seqNo: fc.maxSafeNat(), term: fc.nat(), operation });

describe('log entries as bytes', () => {
  test('come back as they were, with the very bytes of each', () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 4 }), (entries) => {
        const bytes = encodeEntries(entries);
        const frames = decodeEntries(bytes);
        expect(frames.map(({ bytes: _, ...rest }) => rest)).toEqual(entries);
        expect(Buffer.concat(frames.map((frame) => frame.bytes))).toEqual(Buffer.from(bytes));
      }),
    );
  });

  test('every flipped bit is found', () => {
    fc.assert(
      fc.property(fc.array(entry, { minLength: 1, maxLength: 2 }), fc.nat(), (entries, at) => {
        const bytes = encodeEntries(entries);
        const bit = at % (bytes.length * 8);
        bytes[bit >> 3]! ^= 1 << (bit & 7);
        expect(() => decodeEntries(bytes)).toThrow(/log entry at byte \d+/);
      }),
    );
  });

  test('all bits of one entry', () => {
    const bytes = encodeEntries([{ seqNo: 3, term: 1, operation: { type: 'delete', ids: [1, 2] } }]);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      expect(() => decodeEntries(bytes)).toThrow();
      bytes[bit >> 3]! ^= 1 << (bit & 7);
    }
    expect(decodeEntries(bytes)).toHaveLength(1);
  });

  test('a cut anywhere but between entries is found', () => {
    const one: LogEntry = { seqNo: 1, term: 1, operation: { type: 'delete', ids: [7] } };
    const bytes = encodeEntries([one, { ...one, seqNo: 2 }]);
    for (let length = 1; length < bytes.length; length++) {
      if (length === bytes.length / 2) expect(decodeEntries(bytes.subarray(0, length))).toHaveLength(1);
      else expect(() => decodeEntries(bytes.subarray(0, length))).toThrow(/cut off/);
    }
  });
});

describe('export batches', () => {
  const rows = [
    { key: keyOf(1), seq: 3, label: 5, vector: Float32Array.of(1, 2), payload: '{"a":1}' },
    { key: keyOf(2n ** 60n), seq: 2 ** 40, label: 2 ** 32 - 2, vector: null, payload: null },
  ];

  test('come back as they were; every flipped bit is found', () => {
    const bytes = encodeBatch(rows);
    expect(decodeBatch(bytes)).toEqual([
      { id: 1, seq: 3, label: 5, vector: Float32Array.of(1, 2), payload: '{"a":1}' },
      { id: 2n ** 60n, seq: 2 ** 40, label: 2 ** 32 - 2, vector: null, payload: null },
    ]);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      expect(() => decodeBatch(bytes)).toThrow(/damaged/);
      bytes[bit >> 3]! ^= 1 << (bit & 7);
    }
  });
});
