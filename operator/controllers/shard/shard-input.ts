import type { Shard, VectorCluster } from '#crds/v1alpha1/index.ts';
import type { NodeSight } from '../../control/sights.ts';
import type { ClusterHealth } from '../../failover/health.ts';
import type { ManualMove } from '../../migration/manual-move.ts';
import type { Move } from '../../placement/types.ts';
import type { Blocked } from '../../conditions.ts';
import type { PendingCopyRequest } from './copy-requests.ts';

/** What a shard's plan follows from. */
export interface ShardInput {
  shard: Shard;
  /** The cluster with the nodes; undefined when there is none of that name. */
  cluster: VectorCluster | undefined;
  /** The nodes that the cluster should have, by name; `podReady` says what Kubernetes thinks. */
  nodes: Map<string, NodeSight & { podReady: boolean }>;
  /** What gossip and Kubernetes say of the cluster's nodes. */
  health: ClusterHealth;
  placement: PlacementAdvice;
  requests: PendingCopyRequest[];
  /** Random UUIDs for new copies: at least as many as the replication factor. */
  newIds: string[];
  /** When each recovery was first seen and how far it was then, by allocationId: gives the ETA. */
  recoveries: Map<string, { at: number; copiedPoints: number }>;
  /** Since when each copy has been reported failed, by allocationId, ms. */
  failures?: ReadonlyMap<string, number>;
  now: number;
}

/** The planner's word on one shard. */
export interface PlacementAdvice {
  /** Nodes for the first copies, the primary's first; empty while it is better to wait. */
  first: string[];
  /** Nodes that should get one more copy now. */
  add: string[];
  /** Nodes that should lose their copy now. */
  remove: string[];
  /** The move of one of its copies that may start now. */
  move?: Move & { from: string; to: string };
  /** Why the running move is not wanted any more. */
  cancel?: Blocked;
  /** What annotation annulus.dev/migrate comes to. */
  manual?: ManualMove;
  /** Node that should get the primary, to even primaries out. */
  handoverTo?: string;
  /** What the planner wants but may not do, and why. */
  blocked: Blocked[];
  /** When to ask again although nothing changed. */
  askAgainMs?: number;
}
