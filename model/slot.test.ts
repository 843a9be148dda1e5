import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { hash64 } from './hash.ts';
import { pointIdText, type PointId } from './point-id.ts';
import { evenSlots, SLOTS, slotOf } from './slot.ts';

/** The definition, word by word: first 8 bytes of SHA-256(id), big-endian, mod 16384. */
function slowSlot(id: PointId): number {
  const hex = createHash('sha256').update(pointIdText(id)).digest('hex').slice(0, 16);
  return Number(BigInt(`0x${hex}`) % 16384n);
}

const anyId = fc.oneof(fc.nat(), fc.bigInt(2n ** 53n, 2n ** 64n - 1n), fc.uuid());

describe('slotOf', () => {
  test('agrees with its definition', () => {
    fc.assert(fc.property(anyId, (id) => expect(slotOf(id)).toBe(slowSlot(id))));
  });

  test('stays as it is for ever: a change would lose every stored point', () => {
    // Computed once by another implementation (Python's hashlib).
    expect(slotOf(0)).toBe(12088);
    expect(slotOf(1)).toBe(15585);
    expect(slotOf(42)).toBe(3725);
    expect(slotOf('550e8400-e29b-41d4-a716-446655440000')).toBe(2738);
    expect(hash64('annulus')).toBe(0x281b72b88b7eeb95n);
  });

  test('spreads 100,000 ids evenly', () => {
    const buckets = new Array<number>(16).fill(0);
    for (let id = 0; id < 100_000; id++) buckets[Math.floor((slotOf(id) * 16) / SLOTS)]!++;
    for (const count of buckets) expect(Math.abs(count - 6250)).toBeLessThan(400);
  });
});

describe('evenSlots', () => {
  test('covers every slot once, sizes differ by at most one', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), (shards) => {
        const ranges = evenSlots(shards);
        expect(ranges).toHaveLength(shards);
        expect(ranges[0]!.from).toBe(0);
        expect(ranges.at(-1)!.to).toBe(SLOTS - 1);
        for (let i = 1; i < shards; i++) expect(ranges[i]!.from).toBe(ranges[i - 1]!.to + 1);
        const sizes = ranges.map((r) => r.to - r.from + 1);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      }),
    );
  });

  test.each([0, -1, 1.5, SLOTS + 1, Number.NaN])('refuses %p', (shards) => {
    expect(() => evenSlots(shards)).toThrow(RangeError);
  });
});
