import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { AnnulusError } from '#model/errors.ts';
import { compileFilter } from './match.ts';
import { parseFilter, parseFilterText } from './parse.ts';

const payload = {
  city: 'Berlin',
  tags: ['red', 'green'],
  price: 12.5,
  count: 3,
  big: 2n ** 60n,
  flag: true,
  when: '2024-02-29T12:00:00Z',
  nothing: null,
  empty: [],
  holes: [1, null],
  text: 'The quick brown Fox',
  deep: { inner: { leaf: 'x' } },
  rooms: [
    { beds: 2, view: 'sea', tags: ['a'] },
    { beds: 1, view: 'yard', tags: ['b', 'c'] },
  ],
};

function passes(filter: unknown, options: { id?: number; hasVector?: boolean; textIndexed?: string[] } = {}): boolean {
  const { id = 7, hasVector = true, textIndexed = [] } = options;
  return compileFilter(parseFilter(filter), new Set(textIndexed))({ id, payload, hasVector });
}

const must = (condition: unknown): unknown => ({ must: [condition] });

describe('conditions', () => {
  test.each<[string, unknown, boolean]>([
    ['match a keyword', { key: 'city', match: { value: 'Berlin' } }, true],
    ['match is case-sensitive', { key: 'city', match: { value: 'berlin' } }, false],
    ['any element of an array', { key: 'tags', match: { value: 'green' } }, true],
    ['a missing field', { key: 'town', match: { value: 'Berlin' } }, false],
    ['an integer', { key: 'count', match: { value: 3 } }, true],
    ['an integer is no string', { key: 'count', match: { value: '3' } }, false],
    ['an integer beyond 2^53', { key: 'big', match: { value: 2n ** 60n } }, true],
    ['its neighbour', { key: 'big', match: { value: 2n ** 60n + 1n } }, false],
    ['a boolean', { key: 'flag', match: { value: true } }, true],
    ['any', { key: 'city', match: { any: ['Paris', 'Berlin'] } }, true],
    ['any of nothing', { key: 'city', match: { any: [] } }, false],
    ['except', { key: 'city', match: { except: ['Paris'] } }, true],
    ['except it', { key: 'city', match: { except: ['Berlin'] } }, false],
    ['except one of two', { key: 'tags', match: { except: ['red'] } }, true],
    ['except on a missing field', { key: 'town', match: { except: ['Paris'] } }, false],
    ['text by substring', { key: 'text', match: { text: 'quick brown' } }, true],
    ['text keeps case', { key: 'text', match: { text: 'fox' } }, false],
    ['text_any', { key: 'text', match: { text_any: 'slow Fox' } }, true],
    ['range', { key: 'price', range: { gt: 12, lte: 12.5 } }, true],
    ['range with null bounds', { key: 'price', range: { gt: null, lt: 12.5 } }, false],
    ['range on a string', { key: 'city', range: { gte: 0 } }, false],
    ['datetime range', { key: 'when', range: { gte: '2024-02-29', lt: '2024-02-29T13:00:00+00:30' } }, true],
    ['datetime range, zone', { key: 'when', range: { lt: '2024-02-29T12:00:00+01:00' } }, false],
    ['values_count', { key: 'tags', values_count: { gte: 2 } }, true],
    ['values_count of a scalar', { key: 'city', values_count: { lt: 2, gt: 0 } }, true],
    ['values_count of null', { key: 'nothing', values_count: { lt: 1 } }, true],
    ['values_count of a missing field', { key: 'town', values_count: { lt: 1 } }, true],
    ['is_empty: empty list', { is_empty: { key: 'empty' } }, true],
    ['is_empty: missing', { is_empty: { key: 'town' } }, true],
    ['is_empty: null', { is_empty: { key: 'nothing' } }, true],
    ['is_empty: there', { is_empty: { key: 'city' } }, false],
    ['is_null', { is_null: { key: 'nothing' } }, true],
    ['is_null: an element', { is_null: { key: 'holes' } }, true],
    ['is_null: missing is not null', { is_null: { key: 'town' } }, false],
    ['is_null false beside key', { key: 'city', is_null: false }, true],
    ['has_id', { has_id: [1, 7] }, true],
    ['has_id: another', { has_id: [1, '550e8400-e29b-41d4-a716-446655440000'] }, false],
    ['has_vector', { has_vector: '' }, true],
    ['nested keys', { key: 'deep.inner.leaf', match: { value: 'x' } }, true],
    ['elements', { key: 'rooms[].view', match: { value: 'yard' } }, true],
    ['an element by number', { key: 'rooms[0].view', match: { value: 'yard' } }, false],
    ['no way through an array without []', { key: 'rooms.view', match: { value: 'yard' } }, false],
    ['arrays in elements', { key: 'rooms[].tags', match: { value: 'c' } }, true],
    ['__proto__ is a key like any other', { key: '__proto__.x', match: { value: 1 } }, false],
    [
      'nested: the same element',
      { nested: { key: 'rooms', filter: must({ key: 'beds', match: { value: 2 } }) } },
      true,
    ],
    [
      'nested: not spread over two',
      {
        nested: {
          key: 'rooms',
          filter: {
            must: [
              { key: 'beds', match: { value: 2 } },
              { key: 'view', match: { value: 'yard' } },
            ],
          },
        },
      },
      false,
    ],
  ])('%s', (_name, condition, expected) => {
    expect(passes(must(condition))).toBe(expected);
  });

  test('words, when the field has a text index', () => {
    const options = { textIndexed: ['text'] };
    expect(passes(must({ key: 'text', match: { text: 'FOX quick' } }), options)).toBe(true);
    expect(passes(must({ key: 'text', match: { text: 'quick cat' } }), options)).toBe(false);
    expect(passes(must({ key: 'text', match: { text_any: 'cat fox' } }), options)).toBe(true);
    expect(passes(must({ key: 'text', match: { phrase: 'brown fox' } }), options)).toBe(true);
    expect(passes(must({ key: 'text', match: { phrase: 'quick fox' } }), options)).toBe(false);
  });

  test('clauses as objects, min_should, must_not, empty filter', () => {
    const yes = { key: 'flag', match: { value: true } };
    const no = { key: 'flag', match: { value: false } };
    expect(passes({})).toBe(true);
    expect(passes({ must: yes, must_not: no })).toBe(true);
    expect(passes({ should: [no, no] })).toBe(false);
    expect(passes({ min_should: { conditions: [yes, no, yes], min_count: 2 } })).toBe(true);
    expect(passes({ min_should: { conditions: [yes, no, no], min_count: 2 } })).toBe(false);
    expect(passes({ should: [{ must: [yes], must_not: [yes] }, { must: yes }] })).toBe(true);
  });
});

describe('refusals name the field', () => {
  test.each<[unknown, string]>([
    [[], 'filter'],
    [{ musts: [] }, 'filter.musts'],
    [{ must: [{ key: 'a' }] }, 'filter.must[0]'],
    [{ must: [{ key: 'a', match: { value: 1 }, range: { gt: 1 } }] }, 'filter.must[0]'],
    [{ must: [{ key: 'a', match: { values: 1 } }] }, 'filter.must[0].match.values'],
    [{ must: [{ key: 'a', match: { value: 1.5 } }] }, 'filter.must[0].match.value'],
    [{ must: [{ key: 'a', match: { value: { b: 1 } } }] }, 'filter.must[0].match.value'],
    [{ must: [{ key: 'a', range: { from: 1 } }] }, 'filter.must[0].range.from'],
    [{ must: [{ key: 'a', range: { gt: '2024-02-30' } }] }, 'filter.must[0].range.gt'],
    [{ must: [{ key: 'a', range: { gt: '2024-02-20', lt: 5 } }] }, 'filter.must[0].range.lt'],
    [{ must: [{ key: 'a..b', match: { value: 1 } }] }, 'filter.must[0].key'],
    [{ must: [{ has_id: ['x'] }] }, 'filter.must[0].has_id[0]'],
    [{ must: [{ has_id: [-1] }] }, 'filter.must[0].has_id[0]'],
    [{ must: [{ key: 'a', geo_radius: {} }] }, 'filter.must[0].geo_radius'],
    [{ must: [{ has_vector: 'image' }] }, 'filter.must[0].has_vector'],
    [{ must: [{ nested: { key: 'a', filter: { must: { has_id: [1] } } } }] }, 'filter.must[0].nested.filter'],
    [{ min_should: { conditions: [], min_count: -1 } }, 'filter.min_should.min_count'],
    [{ must: [{ is_empty: { key: 'a', more: 1 } }] }, 'filter.must[0].is_empty.more'],
  ])('%j', (filter, field) => {
    expect.assertions(2);
    try {
      parseFilter(filter);
    } catch (error) {
      expect(error).toBeInstanceOf(AnnulusError);
      expect((error as AnnulusError).field).toBe(field);
    }
  });

  test('too deep, too many, no JSON', () => {
    let deep: unknown = {};
    for (let i = 0; i < 20; i++) deep = { must: [deep] };
    expect(() => parseFilter(deep)).toThrow(/nested deeper/);
    const many = { should: Array.from({ length: 5000 }, () => ({ is_null: { key: 'a' } })) };
    expect(() => parseFilter(many)).toThrow(/more than 4096 conditions/);
    expect(() => parseFilterText('{must:[]}')).toThrow(/not JSON/);
  });

  test('ids beyond 2^53 keep their value in texts', () => {
    const filter = parseFilterText('{"must":[{"has_id":[9007199254740993]}]}');
    expect(filter.must).toEqual([{ kind: 'hasId', ids: [9007199254740993n] }]);
  });
});

describe('against a dumb twin', () => {
  const scalar = fc.constantFrom('a', 'b', 1, 2, true);
  const condition = fc.record({ key: fc.constantFrom('x', 'y', 'z'), match: fc.record({ value: scalar }) });
  const subject = fc.record(
    { x: fc.oneof(scalar, fc.array(scalar, { maxLength: 3 })), y: fc.oneof(scalar, fc.constant(null)), z: scalar },
    { requiredKeys: [] },
  );
  type Match = { key: string; match: { value: unknown } };

  test('must, should, must_not, min_should', () => {
    const some = fc.array(condition, { maxLength: 3 });
    const counted = fc.record({ conditions: some, min_count: fc.integer({ min: 0, max: 3 }) });
    fc.assert(
      fc.property(some, some, some, counted, subject, (mustList, should, mustNot, minShould, point) => {
        const holds = ({ key, match }: Match): boolean =>
          [(point as Record<string, unknown>)[key]].flat().some((value) => value === match.value);
        const expected =
          mustList.every(holds) &&
          (should.length === 0 || should.some(holds)) &&
          !mustNot.some(holds) &&
          minShould.conditions.filter(holds).length >= minShould.min_count;
        const filter = parseFilter({ must: mustList, should, must_not: mustNot, min_should: minShould });
        expect(compileFilter(filter, new Set())({ id: 1, hasVector: true, payload: point })).toBe(expected);
      }),
    );
  });
});
