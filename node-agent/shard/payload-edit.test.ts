import { describe, expect, test } from '@jest/globals';
import { projectPayload } from './fields.ts';
import { mergePayload, parsePayload, removeKeys } from './payload-edit.ts';

const payload = '{"a":1,"b":{"c":[{"d":1,"e":2},{"d":3}],"f":2},"g.h":4}';

describe('setting', () => {
  test.each<[string | null, string, string | undefined, string | null]>([
    [null, '{"a":1}', undefined, '{"a":1}'],
    ['{"a":1,"b":2}', '{"b":3,"c":4}', undefined, '{"a":1,"b":3,"c":4}'],
    [null, '{}', undefined, null],
    ['{"a":{"b":1}}', '{"c":2}', 'a', '{"a":{"b":1,"c":2}}'],
    ['{"a":5}', '{"c":2}', 'a.b', '{"a":{"b":{"c":2}}}'],
    ['{"a":[{"x":1},{"x":2}]}', '{"y":0}', 'a[]', '{"a":[{"x":1,"y":0},{"x":2,"y":0}]}'],
    ['{"a":[{"x":1},{"x":2}]}', '{"y":0}', 'a[1]', '{"a":[{"x":1},{"x":2,"y":0}]}'],
    [null, '{"y":0}', '"a.b"', '{"a.b":{"y":0}}'],
    [null, '{"__proto__":{"x":1}}', undefined, '{"__proto__":{"x":1}}'],
    [null, '{"x":1}', '__proto__', '{"__proto__":{"x":1}}'],
  ])('%s + %s at %s', (old, patch, key, expected) => {
    expect(mergePayload(old, patch, key)).toBe(expected);
  });
});

describe('removing', () => {
  test.each<[string[], string | null]>([
    [['a'], '{"b":{"c":[{"d":1,"e":2},{"d":3}],"f":2},"g.h":4}'],
    [['b.c[].d', 'nothing.there'], '{"a":1,"b":{"c":[{"e":2},{}],"f":2},"g.h":4}'],
    [['b.c[0]', '"g.h"'], '{"a":1,"b":{"c":[{"d":3}],"f":2}}'],
    [['a', 'b', '"g.h"'], null],
  ])('%j', (keys, expected) => {
    expect(removeKeys(payload, keys)).toBe(expected);
  });
});

describe('parts of an answer', () => {
  test.each<[Parameters<typeof projectPayload>[1], string | null]>([
    [true, payload],
    [false, null],
    [{ include: ['a', 'b.f'] }, '{"a":1,"b":{"f":2}}'],
    [{ include: ['b.c[].d'] }, '{"b":{"c":[{"d":1},{"d":3}]}}'],
    [{ include: ['b.c[1].d', 'x'] }, '{"b":{"c":[{"d":3}]}}'],
    [{ include: [] }, '{}'],
    [{ exclude: ['b', '"g.h"'] }, '{"a":1}'],
  ])('%j', (wanted, expected) => {
    expect(projectPayload(payload, wanted)).toBe(expected);
    expect(projectPayload(null, wanted)).toBeNull();
  });
});

test('only objects of bounded depth are payloads', () => {
  const nested = (levels: number): string => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;
  expect([parsePayload('[]'), parsePayload('1'), parsePayload('null'), parsePayload('{')]).toEqual([
    null,
    null,
    null,
    null,
  ]);
  expect(parsePayload(nested(128))).not.toBeNull();
  expect(parsePayload(nested(130))).toBeNull();
  expect(parsePayload(nested(100_000))).toBeNull();
});
