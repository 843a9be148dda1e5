import { expect, test } from '@jest/globals';
import { nextHandover } from './even-primaries.ts';
import { nodesOf, shardOf } from './test-cluster.ts';
import type { PlacementShard } from './types.ts';

const all = (): boolean => true;
const lopsided = (): PlacementShard[] =>
  Array.from({ length: 8 }, (_, i) => shardOf(`s-${i}`, ['n-0', `n-${1 + (i % 3)}`]));

/** Hands over until nothing is wanted. */
function even(shards: PlacementShard[]): { shards: PlacementShard[]; handovers: number } {
  for (let handovers = 0; handovers < 100; handovers++) {
    const next = nextHandover(nodesOf(4, 1), shards, 20, all);
    if (next === undefined) return { shards, handovers };
    shards = shards.map((shard) => {
      if (shard.name !== next.shard) return shard;
      const copies = shard.copies.map((copy) => ({
        ...copy,
        role: copy.node === next.to ? ('Primary' as const) : ('Replica' as const),
      }));
      return { ...shard, copies };
    });
  }
  throw new Error('it does not end');
}

test('primaries are evened out, one handover at a time, and it ends', () => {
  const { shards, handovers } = even(lopsided());
  const primaries = shards.map((shard) => shard.copies.find((copy) => copy.role === 'Primary')!.node);
  const counts = [...Map.groupBy(primaries, (node) => node).values()].map((each) => each.length);
  expect(counts.sort()).toEqual([2, 2, 2, 2]);
  expect(handovers).toBe(6);
});

test('nothing is handed over that is pinned, recovers, or may not be', () => {
  const pinned = lopsided().map((shard) => ({
    ...shard,
    copies: shard.copies.map((copy) => ({ ...copy, pinned: true })),
  }));
  const behind = lopsided().map((shard) => ({
    ...shard,
    copies: shard.copies.map((copy) => ({ ...copy, inSync: copy.role === 'Primary' })),
  }));
  for (const shards of [pinned, behind]) expect(nextHandover(nodesOf(4, 1), shards, 20, all)).toBeUndefined();
  expect(nextHandover(nodesOf(4, 1), lopsided(), 20, () => false)).toBeUndefined();
});
