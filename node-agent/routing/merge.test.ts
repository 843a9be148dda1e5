import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { comparePointIds } from '#model/point-id.ts';
import type { ShardHits } from '../shard/shard-host.ts';
import { mergeHits, mergePages } from './merge.ts';

interface Scored {
  id: number;
  score: number;
}

/** One query's hits as a shard gives them. */
function shardHits(hits: Scored[], better: (a: Scored, b: Scored) => number): ShardHits {
  const sorted = [...hits].sort(better);
  return {
    offsets: Uint32Array.from([0, 0, sorted.length]),
    ids: sorted.map((hit) => hit.id),
    scores: Float32Array.from(sorted.map((hit) => hit.score)),
    payloads: sorted.map((hit) => `{"id":${hit.id}}`),
    vectors: null,
  };
}

describe('mergeHits', () => {
  test.each(['Euclid', 'Cosine', 'Dot'] as const)('%s: agrees with sorting everything', (metric) => {
    const better = (a: Scored, b: Scored): number =>
      (metric === 'Euclid' ? a.score - b.score : b.score - a.score) || comparePointIds(a.id, b.id);
    const hit = fc.record({ id: fc.nat(), score: fc.integer({ min: 0, max: 5 }) });
    const all = fc.uniqueArray(hit, { selector: (one) => one.id, maxLength: 40 });
    fc.assert(
      fc.property(all, fc.integer({ min: 1, max: 5 }), fc.nat(10), fc.nat(15), (hits, shards, offset, limit) => {
        const parts = Array.from({ length: shards }, (_, shard) =>
          shardHits(
            hits.filter((one) => one.id % shards === shard),
            better,
          ),
        );
        const expected = [...hits].sort(better).slice(offset, offset + limit);
        const merged = mergeHits(metric, parts, 1, offset, limit);
        expect(merged.map(({ id, score }) => ({ id, score }))).toEqual(expected);
        expect(merged.map((one) => one.payload)).toEqual(expected.map((one) => `{"id":${one.id}}`));
        expect(mergeHits(metric, parts, 0, offset, limit)).toEqual([]);
      }),
    );
  });

  test('a row that starts with NaN is a point without vector', () => {
    const hits: ShardHits = {
      offsets: Uint32Array.from([0, 2]),
      ids: [1, 2],
      scores: Float32Array.from([1, 0.5]),
      payloads: null,
      vectors: Float32Array.from([1, 2, Number.NaN, 0]),
    };
    const [first, second] = mergeHits('Dot', [hits], 0, 0, 5);
    expect([first?.vector, second?.vector]).toEqual([Float32Array.from([1, 2]), null]);
  });
});

describe('mergePages', () => {
  const at = (id: number, orderValue?: number) => ({
    id,
    payload: null,
    vector: null,
    ...(orderValue === undefined ? {} : { orderValue }),
  });

  test('by id', () => {
    expect(
      mergePages(
        [
          [at(1), at(4)],
          [at(2), at(3)],
        ],
        null,
      ).map((point) => point.id),
    ).toEqual([1, 2, 3, 4]);
  });

  test.each([
    ['asc', [3, 1, 2]],
    ['desc', [1, 2, 3]],
  ] as const)('by order value %s, ties by id', (direction, ids) => {
    const pages = direction === 'asc' ? [[at(3, 1), at(2, 7)], [at(1, 7)]] : [[at(2, 7), at(3, 1)], [at(1, 7)]];
    expect(mergePages(pages, direction).map((point) => point.id)).toEqual(ids);
  });
});
