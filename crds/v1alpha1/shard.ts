import type { Condition, ObjectMeta, SlotRange } from './common.ts';

/**
 * One slot range of one Collection and where its copies are. Written by the operator only.
 *
 * @kind Shard
 * @plural shards
 * @shortNames vsh
 * @categories annulus
 * @printColumn Collection string .spec.collection
 * @printColumn Slots string .status.slots
 * @printColumn Primary string .status.primary
 * @printColumn InSync string .status.inSync
 * @printColumn Points integer .status.points
 * @printColumn Lag integer .status.lag
 * @printColumn Phase string .status.phase
 * @printColumn Progress string .status.progress
 * @printColumn ETA string .status.eta
 * @printColumn Age date .metadata.creationTimestamp
 * @printColumn Replicas string .status.replicas priority=1
 * @printColumn Term integer .status.primaryTerm priority=1
 * @printColumn Config integer .status.configVersion priority=1
 * @printColumn Size string .status.size priority=1
 * @printColumn Message string .status.message priority=1
 * @condition Placed nodes are chosen for its copies
 * @condition Available the primary takes writes
 * @condition FullyReplicated as many copies as wanted are in sync
 * @condition Stalled a migration has not moved on for long; the message names what it waits for
 * @condition Pinned annotation annulus.dev/pin or annulus.dev/migrate keeps its copies where they are
 */
export interface Shard {
  apiVersion: 'annulus.dev/v1alpha1';
  kind: 'Shard';
  metadata: ObjectMeta;
  spec: ShardSpec;
  status?: ShardStatus;
}

/**
 * @rule self.collection == oldSelf.collection && self.slots == oldSelf.slots && self.index == oldSelf.index | collection, index and slots are immutable
 * @rule has(self.sources) == has(oldSelf.sources) && (!has(self.sources) || self.sources == oldSelf.sources) | sources are immutable
 */
export interface ShardSpec {
  /** VectorCluster whose nodes hold the copies (never a Logical one). @maxLength 63 */
  cluster: string;
  /** metadata.name of the Collection. @maxLength 253 */
  collection: string;
  /** Place in the collection's table, from 0. @minimum 0 @maximum 1048575 */
  index: number;
  slots: SlotRange;
  /** Shards that this one is filled from (resharding): the part of their points whose slots it owns. @listType set @maxItems 256 */
  sources?: string[];
  /** Wanted number of copies. @minimum 1 @maximum 7 */
  replicationFactor: number;
  /** Writes are refused while fewer copies are in sync. @minimum 1 @maximum 7 */
  minInSync: number;
}

/** Where the shard is. This is the truth that nodes act by. */
export interface ShardStatus {
  /** @minimum 0 */
  observedGeneration?: number;
  /** @listType map @listMapKey type @maxItems 16 */
  conditions?: Condition[];
  /** Fencing number, +1 at every change of primary; 0 until the first copies exist. @minimum 0 */
  primaryTerm?: number;
  /** +1 at every change of copies. @minimum 0 */
  configVersion?: number;
  /** @listType map @listMapKey node @maxItems 16 */
  copies?: ShardCopy[];
  migration?: ShardMigration;
  /** Node whose in-sync copy is to become the primary: the present primary takes no new writes until that is done. */
  handoverTo?: string;
  /** When handoverTo was last set, or given up because it took too long. @format date-time */
  handoverAt?: string;
  /** How far a shard with sources is filled. */
  feed?: ShardFeed;
  /** @minimum 0 */
  points?: number;
  /** @minimum 0 */
  bytes?: number;
  /** Highest seqNo of the primary minus the lowest of the copies. @minimum 0 */
  lag?: number;
  /** Derived, for the printed columns. */
  phase?: 'Pending' | 'Creating' | 'Filling' | 'Active' | 'Degraded' | 'Recovering' | 'Migrating' | 'Unavailable';
  primary?: string;
  /** Nodes of the replicas, comma separated. */
  replicas?: string;
  /** in sync/wanted. */
  inSync?: string;
  /** from-to. */
  slots?: string;
  /** Bytes for people. */
  size?: string;
  progress?: string;
  eta?: string;
  /** @maxLength 4096 */
  message?: string;
}

/** One copy of the shard. */
export interface ShardCopy {
  /** Node (pod) name. */
  node: string;
  role: 'Primary' | 'Replica' | 'Joining';
  inSync: boolean;
  /** Identity of this copy's data: a copy made anew on the same node gets another. @maxLength 64 */
  allocationId: string;
  /** @minimum 0 */
  seqNo?: number;
  /** @minimum 0 */
  bytes?: number;
}

/** Filling of a new shard from the points of older ones. */
export interface ShardFeed {
  phase: 'Copying' | 'Syncing' | 'Verifying' | 'Ready';
  /** @minimum 0 */
  copiedPoints?: number;
  /** @minimum 0 */
  totalPoints?: number;
  /** @maxLength 1024 */
  message?: string;
}

/** A copy on the move. */
export interface ShardMigration {
  /** Node that loses its copy. */
  from?: string;
  to: string;
  /** Why: a planner's reason, or Manual by annotation. */
  reason?: 'Repair' | 'Drain' | 'Spread' | 'Balance' | 'Manual';
  /** Identity of the copy being made. @maxLength 64 */
  allocationId?: string;
  /** Times in a row that moving this copy failed: it is tried again after a pause that grows with them. @minimum 0 */
  attempts?: number;
  phase: 'Preparing' | 'Copying' | 'Syncing' | 'Verifying' | 'Switching' | 'Cleanup' | 'Complete' | 'Failed';
  /** @minimum 0 */
  copiedPoints?: number;
  /** @minimum 0 */
  totalPoints?: number;
  /** @minimum 0 */
  copiedBytes?: number;
  /** @minimum 0 */
  bytesPerSecond?: number;
  /** @format date-time */
  startedAt?: string;
  /** When it completed or failed. @format date-time */
  endedAt?: string;
  /** When anything last moved on: older than the stall time means that `message` names what it waits for. @format date-time */
  progressAt?: string;
  /** @minimum 0 */
  etaSeconds?: number;
  /** @maxLength 1024 */
  message?: string;
}
