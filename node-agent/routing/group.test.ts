import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { evenSlots, slotOf } from '#model/slot.ts';
import type { Write } from '../shard/operations.ts';
import { testCollection } from '../testing/test-map.ts';
import { groupQueries } from './group-queries.ts';
import { groupWrites, idsThatMustExist } from './group-writes.ts';
import type { SearchQuery } from './router.ts';

const SHARDS = 5;
const collection = testCollection('c', SHARDS);
const upsert = (ids: number[]): Write => ({
  type: 'upsert',
  points: ids.map((id) => ({ id, vector: null, payload: null })),
});

describe('groupWrites', () => {
  test('every point goes once to the shard of its slot, order kept', () => {
    const slots = evenSlots(SHARDS);
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 50 }), (ids) => {
        const groups = groupWrites(collection, [upsert(ids), { type: 'delete', select: { ids } }]);
        for (const [shard, { writes }] of groups) {
          const range = slots[Number(shard.split('-')[1])]!;
          const own = ids.filter((id) => slotOf(id) >= range.from && slotOf(id) <= range.to);
          expect(writes).toEqual([upsert(own), { type: 'delete', select: { ids: own } }]);
        }
        const points = [...groups.values()].flatMap(({ writes }) =>
          writes[0]?.type === 'upsert' ? writes[0].points : [],
        );
        expect(points.length).toBe(ids.length);
      }),
    );
  });

  test('a filter goes to every shard, and results find back to their place', () => {
    const groups = groupWrites(collection, [upsert([1]), { type: 'clearPayload', select: { filter: '{}' } }]);
    expect(groups.size).toBe(SHARDS);
    for (const { from } of groups.values()) expect(from.at(-1)).toBe(1);
  });
});

test('ids that a request makes itself need not exist before', () => {
  const writes: Write[] = [
    upsert([1, 2]),
    { type: 'setPayload', select: { ids: [2, 3] }, payload: '{}' },
    { type: 'delete', select: { ids: [9] } },
    { type: 'updateVectors', points: [{ id: 4, vector: new Float32Array(1) }] },
  ];
  expect(idsThatMustExist(writes)).toEqual([3, 4]);
});

describe('groupQueries', () => {
  const query = (x: number, more: Partial<SearchQuery> = {}): SearchQuery => ({
    vector: Float32Array.from([x, -x]),
    limit: 10,
    offset: 0,
    exact: false,
    filter: null,
    fields: { payload: true, vector: false },
    ...more,
  });

  test('queries that differ only in the vector are one search', () => {
    const groups = groupQueries([query(1), query(2), query(3)]);
    expect(groups).toHaveLength(1);
    expect(groups[0]).toMatchObject({ places: [0, 1, 2], search: { count: 3, limit: 10 } });
    expect(groups[0]!.search.vectors).toEqual(Float32Array.from([1, -1, 2, -2, 3, -3]));
  });

  test.each([
    { limit: 11 },
    { offset: 1 },
    { ef: 64 },
    { exact: true },
    { filter: '{}' },
    { scoreThreshold: 0.5 },
    { fields: { payload: { include: ['a'] }, vector: false } },
  ])('%j makes another', (more) => {
    const groups = groupQueries([query(1), query(2, more), query(3), query(4, more)]);
    expect(groups.map((group) => group.places)).toEqual([
      [0, 2],
      [1, 3],
    ]);
    expect(groups[1]!.search.limit).toBe((more.limit ?? 10) + (more.offset ?? 0));
  });
});
