import { describe, expect, test } from '@jest/globals';
import { canonicalJson, contentHash, covers, sameJson } from './json.ts';

describe('covers', () => {
  test("the server's defaults do not count as drift", () => {
    const wanted = { spec: { ports: [{ name: 'rest', port: 1 }], selector: { a: 'b' } } };
    const actual = {
      spec: { ports: [{ name: 'rest', port: 1, nodePort: 0 }], selector: { a: 'b' }, type: 'ClusterIP' },
      status: {},
    };
    expect(covers(actual, wanted)).toBe(true);
  });
  test('a changed, missing or additional element is drift', () => {
    const wanted = { list: [1, 2], text: 'x' };
    expect(covers({ list: [1, 2], text: 'y' }, wanted)).toBe(false);
    expect(covers({ list: [1, 2] }, wanted)).toBe(false);
    expect(covers({ list: [1, 2, 3], text: 'x' }, wanted)).toBe(false);
  });
  test('an empty object may be dropped by the server', () => {
    expect(covers({ name: 'tmp' }, { name: 'tmp', emptyDir: {} })).toBe(true);
    expect(covers({ name: 'tmp' }, { name: 'tmp', emptyDir: { medium: 'Memory' } })).toBe(false);
  });
});

test('equality and hash do not depend on the order of members or on undefined ones', () => {
  expect(sameJson({ a: 1, b: [{ c: 2 }], d: undefined }, { b: [{ c: 2 }], a: 1 })).toBe(true);
  expect(sameJson({ a: 1 }, { a: 1, b: 0 })).toBe(false);
  expect(sameJson([1, 2], [2, 1])).toBe(false);
  expect(canonicalJson({ b: 1, a: { d: 2, c: 3 } })).toBe('{"a":{"c":3,"d":2},"b":1}');
  expect(contentHash({ a: 1, b: 2 })).toBe(contentHash({ b: 2, a: 1 }));
});
