import type { Metric } from '#model/cluster-map.ts';
import { comparePointIds } from '#model/point-id.ts';
import type { ShardHits, ShardPoint } from '../shard/shard-host.ts';
import type { Hit } from './router.ts';

/** Negative when score a is better than b by the metric: distances ascend, similarities descend. */
export function compareScores(metric: Metric, a: number, b: number): number {
  return metric === 'Euclid' ? a - b : b - a;
}

function hitAt(hits: ShardHits, at: number): Hit {
  const width = hits.vectors ? hits.vectors.length / hits.ids.length : 0;
  const vector = hits.vectors ? hits.vectors.subarray(at * width, (at + 1) * width) : null;
  return {
    id: hits.ids[at]!,
    score: hits.scores[at]!,
    payload: hits.payloads?.[at] ?? null,
    vector: vector && !Number.isNaN(vector[0]) ? vector : null,
  };
}

/**
 * Best `limit` hits after the first `offset` of query `query` over the shards' answers, each best first. Equal scores go by id, so that the
 * answer does not depend on which shard answered first.
 */
export function mergeHits(metric: Metric, shards: ShardHits[], query: number, offset: number, limit: number): Hit[] {
  const only = shards.length === 1 ? shards[0]! : null;
  const merged: Hit[] = [];
  if (only) {
    const end = Math.min(only.offsets[query]! + offset + limit, only.offsets[query + 1]!);
    for (let at = only.offsets[query]! + offset; at < end; at++) merged.push(hitAt(only, at));
    return merged;
  }
  const cursors = shards.map((hits) => hits.offsets[query]!);
  for (let rank = 0; rank < offset + limit; rank++) {
    let best = -1;
    for (let shard = 0; shard < shards.length; shard++) {
      if (cursors[shard]! >= shards[shard]!.offsets[query + 1]!) continue;
      if (best < 0 || isBetter(metric, shards, cursors, shard, best)) best = shard;
    }
    if (best < 0) break;
    if (rank >= offset) merged.push(hitAt(shards[best]!, cursors[best]!));
    cursors[best]!++;
  }
  return merged;
}

function isBetter(metric: Metric, shards: ShardHits[], cursors: number[], a: number, b: number): boolean {
  const left = shards[a]!;
  const right = shards[b]!;
  const byScore = compareScores(metric, left.scores[cursors[a]!]!, right.scores[cursors[b]!]!);
  if (byScore !== 0) return byScore < 0;
  return comparePointIds(left.ids[cursors[a]!]!, right.ids[cursors[b]!]!) < 0;
}

/** Pages of several shards, each in order, as one in order; by id, or by order value and then id. */
export function mergePages(pages: ShardPoint[][], direction: 'asc' | 'desc' | null): ShardPoint[] {
  const sign = direction === 'desc' ? -1 : 1;
  const byId = (a: ShardPoint, b: ShardPoint): number => comparePointIds(a.id, b.id);
  const byValue = (a: ShardPoint, b: ShardPoint): number =>
    sign * ((a.orderValue ?? 0) - (b.orderValue ?? 0)) || byId(a, b);
  const all = pages.flat();
  return pages.length === 1 ? all : all.sort(direction === null ? byId : byValue);
}
