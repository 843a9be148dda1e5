import type { Collection, Resharding, RoutingTable, Shard, ShardSpec } from '#crds/v1alpha1/index.ts';
import { timeText } from '../conditions.ts';
import type { ReshardingSight } from './sight.ts';

export interface ReshardingInput extends ReshardingSight {
  collection: Collection;
  /** Wanted number of shards. */
  wanted: number;
  /** Spec of new shards but for what differs between them. */
  template: Omit<ShardSpec, 'index' | 'slots' | 'sources'>;
  /** Nothing new is begun, and why; what would leave clients waiting is still ended. */
  frozen?: string;
  now: number;
}

/** What a collection's resharding needs now. Every effect follows from a status that is in the API already: crashes between any two are harmless. */
export interface ReshardingPlan {
  /** For the status. */
  resharding?: Resharding;
  /** For the same write of the status. */
  routing?: RoutingTable;
  create: ShardSpec[];
  remove: Shard[];
  requeueAfterMs?: number;
}

/** True while old and new shards are there together. */
export function isUnderWay(resharding: Resharding | undefined): resharding is Resharding {
  return resharding !== undefined && resharding.phase !== 'Complete' && resharding.phase !== 'Failed';
}

const CANCELLED = 'cancelled: ';

/** True for one that failed by itself: a person must hear of it. */
export function hasFailed(resharding: Resharding | undefined): resharding is Resharding {
  return resharding?.phase === 'Failed' && !(resharding.message ?? '').startsWith(CANCELLED);
}

/** Nothing is to be done but to keep the status. */
export function keep(resharding: Resharding | undefined): ReshardingPlan {
  return { create: [], remove: [], ...(resharding === undefined ? {} : { resharding }) };
}

/** The old shards have lost nothing: they serve on, and the new ones go. */
export function failed(resharding: Resharding, message: string, now: number): Resharding {
  const { etaSeconds: _, ...rest } = resharding;
  return { ...rest, phase: 'Failed', endedAt: timeText(now), message };
}

/** As failed, because other shards are wanted than it makes. */
export function cancelled(resharding: Resharding, wanted: number, now: number): Resharding {
  const why =
    wanted === resharding.from ? `the collection keeps its ${wanted} shards` : `${wanted} shards are wanted now`;
  return failed(resharding, `${CANCELLED}${why}`, now);
}
