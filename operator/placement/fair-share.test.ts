import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { fairShares, type Demand } from './fair-share.ts';

/** The slow and obvious way: shard by shard, one copy a zone while zones last, each copy to the zone whose nodes have least. */
function dumbShares(sizes: readonly number[], { copies, shards }: Demand): number[] {
  const load = sizes.map(() => 0);
  for (let shard = 0; shard < shards; shard++) {
    const taken = sizes.map(() => 0);
    for (let copy = 0; copy < Math.min(copies, sum(sizes)); copy++) {
      const fresh = sizes.some((_, zone) => taken[zone] === 0);
      let best = -1;
      for (const [zone, size] of sizes.entries()) {
        if (fresh ? taken[zone] !== 0 : (taken[zone] ?? 0) >= size) continue;
        if (best < 0 || (load[zone] ?? 0) / size < (load[best] ?? 0) / (sizes[best] ?? 1)) best = zone;
      }
      taken[best] = (taken[best] ?? 0) + 1;
      load[best] = (load[best] ?? 0) + 1;
    }
  }
  return sizes.map((size, zone) => (load[zone] ?? 0) / size);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

const sizes = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 5 });
const demand = fc.record({ copies: fc.integer({ min: 1, max: 5 }), shards: fc.integer({ min: 1, max: 60 }) });

describe('fair shares', () => {
  test('zones of one size share evenly', () => {
    expect(fairShares([2, 2, 2], [{ copies: 2, shards: 30 }])).toEqual([10, 10, 10]);
  });

  test('a lone node in its zone holds a copy of every shard of two', () => {
    expect(fairShares([1, 5], [{ copies: 2, shards: 10 }])).toEqual([10, 2]);
  });

  test('more copies than nodes are as many as nodes', () => {
    expect(fairShares([1, 1], [{ copies: 5, shards: 3 }])).toEqual([3, 3]);
  });

  test('no nodes, no shares', () => {
    expect(fairShares([], [{ copies: 2, shards: 3 }])).toEqual([]);
  });

  test('every copy has a place, whatever the zones and demands', () => {
    fc.assert(
      fc.property(sizes, fc.array(demand, { maxLength: 4 }), (zones, demands) => {
        const total = sum(demands.map(({ copies, shards }) => Math.min(copies, sum(zones)) * shards));
        const shares = fairShares(zones, demands);
        expect(sum(shares.map((share, zone) => share * (zones[zone] ?? 0)))).toBeCloseTo(total, 3);
      }),
    );
  });

  test('agrees with its dumb twin within a copy a node', () => {
    fc.assert(
      fc.property(sizes, demand, (zones, one) => {
        const twin = dumbShares(zones, one);
        for (const [zone, share] of fairShares(zones, [one]).entries()) {
          expect(Math.abs(share - (twin[zone] ?? NaN))).toBeLessThanOrEqual(1.001);
        }
      }),
    );
  });
});
