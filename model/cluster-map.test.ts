import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { shardForSlot, type MapCollection } from './cluster-map.ts';
import { evenSlots, SLOTS } from './slot.ts';

function collection(shards: number): MapCollection {
  return {
    name: 'c',
    object: 'c',
    uid: 'u',
    cluster: 'x',
    dimension: 4,
    metric: 'Dot',
    hnsw: { m: 16, efConstruction: 100, efSearch: 128 },
    payloadIndexes: [],
    textFields: [],
    replicationFactor: 1,
    tableVersion: 1,
    routing: evenSlots(shards).map((slots, i) => ({ shard: `c-${i}`, slots })),
    shards: [],
  };
}

test('shardForSlot agrees with a walk over the table', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 256 }), fc.integer({ min: 0, max: SLOTS - 1 }), (shards, slot) => {
      const it = collection(shards);
      const slow = it.routing.find((entry) => slot >= entry.slots.from && slot <= entry.slots.to)!.shard;
      expect(shardForSlot(it, slot)).toBe(slow);
    }),
  );
});

test('a collection without a table has no shard for any slot', () => {
  expect(shardForSlot({ ...collection(1), routing: [] }, 5)).toBeUndefined();
});
