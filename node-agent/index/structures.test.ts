import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { comparePointIds, type PointId } from '#model/point-id.ts';
import { FlatSegment } from './flat-segment.ts';
import { LabelIds } from './label-ids.ts';
import { LabelSet } from './label-set.ts';
import { TopK } from './top-k.ts';
import { BlockScan } from './block-scan.ts';
import { passesThreshold, scoreOf } from './distance.ts';
import { blockDistances, loadRow } from './kernel.ts';

// Each structure against its dumb twin.

const label = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 0xffff_fffe }));
const id: fc.Arbitrary<PointId> = fc.oneof(fc.maxSafeNat(), fc.bigInt(2n ** 53n, 2n ** 64n - 1n), fc.uuid());

test('LabelSet is a Set of labels in ascending order', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), label), { maxLength: 60 }), (steps) => {
      const set = new LabelSet();
      const twin = new Set<number>();
      for (const [add, item] of steps) {
        if (add) set.add(item);
        else set.delete(item);
        if (add) twin.add(item);
        else twin.delete(item);
        expect(set.has(item)).toBe(twin.has(item));
      }
      expect(set.size).toBe(twin.size);
      expect([...set]).toEqual([...twin].sort((a, b) => a - b));
    }),
    { numRuns: 50 },
  );
});

test('LabelIds is a Map of ids', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(label, fc.option(id)), { maxLength: 60 }), (steps) => {
      const ids = new LabelIds();
      const twin = new Map<number, PointId>();
      for (const [item, value] of steps) {
        if (value === null) {
          ids.delete(item);
          twin.delete(item);
        } else {
          ids.set(item, value);
          twin.set(item, value);
        }
      }
      expect(ids.size).toBe(twin.size);
      for (const [item] of steps) expect([ids.has(item), ids.get(item)]).toEqual([twin.has(item), twin.get(item)]);
    }),
  );
});

test('TopK keeps the nearest, equal ones by id', () => {
  const offers = fc.array(fc.tuple(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 1, max: 1000 })), {
    maxLength: 50,
  });
  fc.assert(
    fc.property(offers, fc.integer({ min: 1, max: 12 }), (items, k) => {
      const unique = [...new Map(items.map(([distance, item]) => [item, distance]))];
      // Ids run against labels, so that ordering by label by mistake is noticed.
      const idOf = (item: number): PointId => 5000 - item;
      const top = new TopK(k, idOf);
      for (const [item, distance] of unique) top.offer(distance, item);
      const expected = unique.sort((a, b) => a[1] - b[1] || comparePointIds(idOf(a[0]), idOf(b[0]))).slice(0, k);
      expect(top.sorted()).toEqual({ labels: expected.map(([item]) => item), distances: expected.map(([, d]) => d) });
    }),
  );
});

test('FlatSegment finds what was added and not deleted, through growing and shrinking', () => {
  const steps = fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 200 })), { maxLength: 600 });
  fc.assert(
    fc.property(steps, (all) => {
      const flat = new FlatSegment(2);
      const twin = new Map<number, number>();
      for (const [add, item] of all) {
        if (add === twin.has(item)) continue;
        if (add) flat.add(item, Float32Array.of(item, twin.size));
        if (add) twin.set(item, twin.size);
        else expect(flat.delete(item)).toBe(twin.delete(item));
      }
      expect(flat.size).toBe(twin.size);
      for (const [item, second] of twin) expect([...flat.vector(item)!]).toEqual([item, second]);
      const top = new TopK(500, () => undefined);
      const shape = { dimension: 2, metric: 'Euclid' as const, m: 2, efConstruction: 4 };
      flat.scan(new BlockScan(shape, [Float32Array.of(0, 0)], [top]), null);
      expect(new Set(top.sorted().labels)).toEqual(new Set(twin.keys()));
    }),
    { numRuns: 30 },
  );
});

describe('distances and scores', () => {
  const numbers = (dimension: number): fc.Arbitrary<Float32Array> =>
    fc.float32Array({ min: -10, max: 10, noNaN: true, minLength: dimension, maxLength: dimension });
  const blocks = fc.integer({ min: 1, max: 70 }).chain((dimension) =>
    fc.record({
      dimension: fc.constant(dimension),
      query: numbers(dimension),
      rows: fc.array(numbers(dimension), { minLength: 1, maxLength: 9 }),
    }),
  );

  test('agree with their definitions for every length', () => {
    fc.assert(
      fc.property(blocks, fc.constantFrom('Dot' as const, 'Euclid' as const), ({ dimension, query, rows }, metric) => {
        rows.forEach((row, i) => loadRow(row, dimension, i));
        const distances = blockDistances(metric === 'Euclid', query, dimension, rows.length);
        rows.forEach((row, i) => {
          const dot = row.reduce((sum, x, d) => sum + x * query[d]!, 0);
          const square = row.reduce((sum, x, d) => sum + (x - query[d]!) ** 2, 0);
          const expected = metric === 'Euclid' ? Math.sqrt(square) : dot;
          expect(Math.abs(scoreOf(metric, distances[i]!) - expected)).toBeLessThan(2e-2);
        });
      }),
    );
  });

  test('several blocks and queries in one scan', () => {
    const shape = { dimension: 3, metric: 'Dot' as const, m: 2, efConstruction: 4 };
    const tops = [new TopK(2, (item) => item), new TopK(2, (item) => item)];
    const scan = new BlockScan(shape, [Float32Array.of(1, 0, 0), Float32Array.of(-1, 0, 1)], tops);
    for (let item = 1; item <= 10_000; item++) scan.add(item, Float32Array.of(item, 0, item === 77 ? 1e6 : 0));
    scan.finish();
    expect(tops.map((top) => top.sorted().labels)).toEqual([
      [10_000, 9_999],
      [77, 1],
    ]);
  });

  test('thresholds: at least for similarities, at most for distances', () => {
    expect([
      passesThreshold('Dot', 2, 1),
      passesThreshold('Cosine', 0.5, 0.5),
      passesThreshold('Euclid', 2, 1),
    ]).toEqual([true, true, false]);
  });
});
