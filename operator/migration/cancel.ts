import type { Shard } from '#crds/v1alpha1/index.ts';
import type { Blocked } from '../conditions.ts';
import type { PlacementNode } from '../placement/types.ts';
import { MIGRATE_ANNOTATION, PIN_ANNOTATION } from './manual-move.ts';
import { isMoving } from './migration.ts';

/**
 * Why a shard's running move is not wanted any more; undefined while it is. A move for balance or zones goes on even if the
 * planner would choose another by now: what is half done is cheaper to end. Pure.
 */
export function cancelReason(shard: Shard, nodes: ReadonlyMap<string, PlacementNode>): Blocked | undefined {
  const { migration } = shard.status ?? {};
  if (!isMoving(migration)) return undefined;
  const { from, to, reason } = migration;
  const { annotations } = shard.metadata;
  if (nodes.get(to)?.draining === true) return { reason: 'TargetDraining', message: `${to} gives its own copies away` };
  if (reason === 'Manual') {
    const wanted = annotations?.[MIGRATE_ANNOTATION]?.split(':').map((part) => part.trim());
    if (wanted?.length === 2 && wanted[0] === from && wanted[1] === to) return undefined;
    return { reason: 'AnnotationRemoved', message: `annotation ${MIGRATE_ANNOTATION} does not ask for it any more` };
  }
  if (annotations?.[PIN_ANNOTATION] === 'true')
    return { reason: 'Pinned', message: `the shard is pinned by annotation ${PIN_ANNOTATION}` };
  if (reason === 'Drain' && nodes.get(from)?.draining === false)
    return { reason: 'DrainCancelled', message: `${from} is not drained any more` };
  return undefined;
}
