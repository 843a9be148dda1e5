import type { Shard, VectorCluster } from '#crds/v1alpha1/index.ts';
import { wantedNodes } from '../../collections.ts';
import type { Blocked } from '../../conditions.ts';
import { isMoving } from '../../migration/migration.ts';
import type { Plan } from '../../placement/types.ts';
import { ordinalOf } from '../../pods.ts';

/** Reason of a cluster's block while nodes that are to go hold copies. */
export const NODES_HOLD_COPIES = 'NodesHoldCopies';

/** Highest ordinal with a copy on it, or with files that its node is about to delete, + 1; 0 without any. */
export function heldNodes(cluster: VectorCluster, shards: Shard[]): number {
  return Math.max(0, ...holders(shards).map((node) => ordinalOf(cluster.metadata.name, node) + 1));
}

/** How far the nodes beyond the wanted number are emptied, and what keeps the rest. */
export function drainProgress(cluster: VectorCluster, shards: Shard[], plan: Plan): Blocked {
  const wanted = wantedNodes(cluster);
  const leaves = (node: string): boolean => ordinalOf(cluster.metadata.name, node) >= wanted;
  const left = holders(shards).filter(leaves);
  const nodes = [...new Set(left)].sort();
  const moving = shards.filter(({ status }) => isMoving(status?.migration) && leaves(status.migration.from)).length;
  const waits = plan.blocked.filter(({ move }) => leaves(move.from ?? ''));
  const counts = [...Map.groupBy(waits, ({ reason }) => reason)].map(([reason, moves]) => `${moves.length} ${reason}`);
  const why = counts.length === 0 ? '' : `; waiting: ${counts.sort().join(', ')}`;
  const message = `${wanted} nodes wanted: ${nodes.join(', ')} still hold${nodes.length === 1 ? 's' : ''} ${left.length} copies, ${moving} of them on the move${why}`;
  return { reason: NODES_HOLD_COPIES, message };
}

/** The node of each copy, and of each that was removed and is not deleted yet. */
function holders(shards: Shard[]): string[] {
  return shards.flatMap(({ status }) => {
    const nodes = (status?.copies ?? []).map((copy) => copy.node);
    const { migration } = status ?? {};
    const cleansUp = isMoving(migration) && migration.phase === 'Cleanup' && !nodes.includes(migration.from);
    return cleansUp ? [...nodes, migration.from] : nodes;
  });
}
