import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Json, JsonObject } from '../json.ts';
import type { Schema } from '../schema/schema.ts';
import { FieldSet, printPath } from './field-set.ts';
import { applyConfig } from './server-side-apply.ts';
import type { Manager, Writer } from './managed-fields.ts';
import { compareTyped, fieldSetOf, mergeTyped, removeFields } from './typed.ts';

const SCHEMA: Schema = {
  type: 'object',
  properties: {
    map: { type: 'object', additionalProperties: { type: 'integer' } },
    set: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } },
    keyed: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name', 'port'],
      items: {
        type: 'object',
        properties: { name: { type: 'string' }, port: { type: 'integer', default: 1 }, value: { type: 'string' } },
      },
    },
    list: { type: 'array', items: { type: 'integer' } },
    whole: { type: 'object', 'x-kubernetes-map-type': 'atomic', properties: { a: { type: 'string' } } },
  },
};

const writer = (manager: string): Writer => ({
  manager,
  apiVersion: 'v1',
  ignore: (set) => set,
  now: '2026-01-01T00:00:00Z',
});
const apply = (live: Json, config: Json, managers: Manager[], manager: string): ReturnType<typeof applyConfig> =>
  applyConfig(live, config, SCHEMA, managers, writer(manager));

describe('field sets', () => {
  test('read and write FieldsV1', () => {
    const fields = { 'f:spec': { '.': {}, 'f:a': {}, 'k:{"name":"x"}': { 'f:b': {} } } };
    expect(FieldSet.fromFieldsV1(fields).toFieldsV1()).toEqual(fields);
  });

  test('paths print as conflicts name them', () => {
    expect(printPath(['f:spec', 'k:{"name":"x","port":80}', 'f:a'])).toBe('.spec[name="x",port=80].a');
    expect(printPath(['f:tags', 'v:"a"'])).toBe('.tags[="a"]');
  });

  test('set algebra: union, intersection and difference fit together', () => {
    const path = fc.array(fc.constantFrom('f:a', 'f:b', 'f:c'), { minLength: 1, maxLength: 3 });
    const set = fc.array(path, { maxLength: 6 }).map((paths) => FieldSet.ofPaths(...paths));
    const listed = (s: FieldSet): string[] => [...s.paths()].map((p) => p.join('/')).sort();
    fc.assert(
      fc.property(set, set, (a, b) => {
        const [as, bs] = [new Set(listed(a)), new Set(listed(b))];
        expect(listed(a.union(b))).toEqual([...as.union(bs)].sort());
        expect(listed(a.intersection(b))).toEqual([...as.intersection(bs)].sort());
        expect(listed(a.difference(b))).toEqual([...as.difference(bs)].sort());
      }),
    );
  });
});

describe('typed values', () => {
  test('fields of a value, by the kind of each list and map', () => {
    const value = { map: { a: 1 }, set: ['x'], keyed: [{ name: 'n', value: 'v' }], list: [1, 2], whole: { a: 'b' } };
    expect(fieldSetOf(value, SCHEMA).toFieldsV1()).toEqual({
      'f:map': { 'f:a': {} },
      'f:set': { 'v:"x"': {} },
      'f:keyed': { 'k:{"name":"n","port":1}': { '.': {}, 'f:name': {}, 'f:value': {} } },
      'f:list': {},
      'f:whole': {},
    });
  });

  test('comparison tells what came, changed and went', () => {
    const compared = compareTyped({ map: { a: 1, b: 1 }, set: ['x'] }, { map: { a: 2, c: 1 }, set: ['y'] }, SCHEMA);
    const listed = (set: FieldSet): string[] => [...set.paths()].map(printPath);
    expect(listed(compared.modified)).toEqual(['.map.a']);
    expect(listed(compared.added)).toEqual(['.map.c', '.set[="y"]']);
    expect(listed(compared.removed)).toEqual(['.map.b', '.set[="x"]']);
  });

  test('merging keeps what the configuration does not speak of', () => {
    const live = {
      map: { a: 1 },
      keyed: [
        { name: 'n', port: 1, value: 'v' },
        { name: 'o', port: 2 },
      ],
      list: [1],
    };
    const merged = mergeTyped(live, { map: { b: 2 }, keyed: [{ name: 'o', port: 2, value: 'w' }], list: [3] }, SCHEMA);
    expect(merged).toEqual({
      map: { a: 1, b: 2 },
      keyed: [
        { name: 'n', port: 1, value: 'v' },
        { name: 'o', port: 2, value: 'w' },
      ],
      list: [3],
    });
  });

  test('fields are taken out of maps, sets and keyed lists', () => {
    const value: JsonObject = { map: { a: 1, b: 2 }, set: ['x', 'y'], keyed: [{ name: 'n' }, { name: 'o' }] };
    const some = FieldSet.ofPaths(['f:map', 'f:a'], ['f:set', 'v:"x"'], ['f:keyed', 'k:{"name":"n","port":1}']);
    expect(removeFields(value, some, SCHEMA)).toEqual({ map: { b: 2 }, set: ['y'], keyed: [{ name: 'o' }] });
    expect(removeFields(value, FieldSet.ofPaths(['f:map'], ['f:set'], ['f:keyed']), SCHEMA)).toBeUndefined();
  });
});

describe('server-side apply', () => {
  const config = fc.record({
    map: fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.integer({ min: 0, max: 2 }), { noNullPrototype: true }),
    set: fc.uniqueArray(fc.constantFrom('x', 'y', 'z')),
  });

  test('applying the same twice changes nothing', () => {
    fc.assert(
      fc.property(config, (wanted) => {
        const first = apply({}, wanted as Json, [], 'one');
        const again = apply(first.object, wanted as Json, first.managers, 'one');
        expect(again.changed).toBe(false);
        expect(again.conflicts).toEqual([]);
      }),
    );
  });

  test('what one applier alone wanted goes when it stops wanting it; what another owns stays', () => {
    fc.assert(
      fc.property(config, config, (one, two) => {
        const first = apply({}, one as Json, [], 'one');
        const both = apply(first.object, two as Json, first.managers, 'two');
        const left = apply(both.object, {}, both.managers, 'one');
        const object = left.object as typeof two;
        expect(Object.keys(object.map ?? {}).sort()).toEqual(Object.keys(two.map).sort());
        expect([...(object.set ?? [])].sort()).toEqual([...two.set].sort());
      }),
    );
  });

  test('a different value of another applier conflicts, the same value is shared', () => {
    const first = apply({}, { map: { a: 1 } }, [], 'one');
    expect(apply(first.object, { map: { a: 1 } }, first.managers, 'two').conflicts).toEqual([]);
    const [conflict] = apply(first.object, { map: { a: 2 } }, first.managers, 'two').conflicts;
    expect(printPath(conflict?.path ?? [])).toBe('.map.a');
  });
});
