import type { Shard, VectorCluster } from '#crds/v1alpha1/index.ts';
import { wantedNodes } from '../collections.ts';
import type { Blocked } from '../conditions.ts';

/**
 * Why a cluster may not shrink to the number of nodes that it asks for: a shard's copies are on distinct nodes. Undefined when
 * it may, or when it does not shrink. Nothing is drained for a number that would not do.
 *
 * @param present number of nodes that there are, or that copies are on: highest ordinal + 1
 */
export function scaleDownRefusal(cluster: VectorCluster, present: number, shards: Shard[]): Blocked | undefined {
  const wanted = wantedNodes(cluster);
  if (wanted >= present) return undefined;
  const most = shards.reduce<Shard | undefined>(
    (a, b) => (a === undefined || b.spec.replicationFactor > a.spec.replicationFactor ? b : a),
    undefined,
  );
  if (most === undefined || most.spec.replicationFactor <= wanted) return undefined;
  const { collection, replicationFactor } = most.spec;
  return {
    reason: 'ReplicasWouldNotFit',
    message: `${wanted} nodes wanted, but collection ${collection} has ${replicationFactor} copies of each shard, on distinct nodes: the ${present} nodes stay and nothing is drained; lower its replicationFactor first or ask for at least ${replicationFactor} nodes`,
  };
}
