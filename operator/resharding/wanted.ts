import type { Collection, Shard } from '#crds/v1alpha1/index.ts';
import { isUnderWay } from './types.ts';

const MAX_SHARDS = 256;
const DEFAULT_POINTS_PER_SHARD = 1_000_000;

/**
 * Number of shards that a collection should have: what its spec asks for, or, for strategy Auto, at least that and never fewer than there are,
 * twice as many when they have more than sharding.pointsPerShard points on average. Doubling halves the average, so it does not double at once again.
 *
 * @param routed the shards of the routing table
 */
export function wantedCount({ spec, status }: Collection, routed: Shard[], asked: number): number {
  if (spec.sharding?.strategy !== 'Auto' || routed.length === 0) return asked;
  const { resharding } = status ?? {};
  const base = Math.min(MAX_SHARDS, Math.max(asked, routed.length));
  // What was begun is not called off because points went or came meanwhile.
  if (isUnderWay(resharding)) return Math.max(base, resharding.to);
  const limit = spec.sharding.pointsPerShard ?? DEFAULT_POINTS_PER_SHARD;
  const points = routed.map((shard) => shard.status?.points);
  if (points.some((count) => count === undefined)) return base;
  const total = points.reduce<number>((sum, count) => sum + (count ?? 0), 0);
  return total / routed.length > limit ? Math.max(base, Math.min(MAX_SHARDS, routed.length * 2)) : base;
}
