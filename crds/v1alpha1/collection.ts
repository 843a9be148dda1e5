import type { Condition, ObjectMeta, SlotRange } from './common.ts';

/**
 * Vectors of one dimension and metric, in a VectorCluster.
 *
 * @kind Collection
 * @plural collections
 * @shortNames vcol
 * @categories annulus,all
 * @printColumn Cluster string .spec.cluster
 * @printColumn Name string .spec.name
 * @printColumn Dimension integer .spec.dimension
 * @printColumn Metric string .spec.metric
 * @printColumn Shards integer .status.shards
 * @printColumn Ready string .status.conditions[?(@.type=="Available")].status
 * @printColumn Points integer .status.points
 * @printColumn Age date .metadata.creationTimestamp
 * @printColumn Resharding string .status.resharding.phase priority=1
 * @printColumn Message string .status.message priority=1
 * @condition Accepted its cluster exists and the name is free there
 * @condition Available every shard can be read and written
 * @condition Progressing shards are being created, or their number changes
 * @condition FullyReplicated every shard has all its copies in sync
 */
export interface Collection {
  apiVersion: 'annulus.dev/v1alpha1';
  kind: 'Collection';
  metadata: ObjectMeta;
  spec: CollectionSpec;
  status?: CollectionStatus;
}

/**
 * @rule self.dimension == oldSelf.dimension | dimension is immutable: create a new collection and load it
 * @rule self.metric == oldSelf.metric | metric is immutable: create a new collection and load it
 * @rule has(self.name) == has(oldSelf.name) && (!has(self.name) || self.name == oldSelf.name) | name is immutable
 * @rule !has(self.name) || !(self.name in ['.', '..']) | name cannot be . or ..: no URL would lead to it
 */
export interface CollectionSpec {
  /** VectorCluster, in the same namespace, that holds the collection. Absent: unassigned. @maxLength 63 */
  cluster?: string;
  /** Name as clients say it; metadata.name when absent. Unique in its cluster. @minLength 1 @maxLength 255 @pattern ^[^<>:"/\\|?*\x00-\x1F\x7F]+$ */
  name?: string;
  /** Numbers in a vector. @minimum 1 @maximum 65535 */
  dimension: number;
  /** @default "Cosine" */
  metric?: 'Cosine' | 'Euclid' | 'Dot';
  /** @default {} */
  sharding?: ShardingSpec;
  /** Copies of each shard; the cluster's when absent. @minimum 1 @maximum 7 */
  replicationFactor?: number;
  /** @default {} */
  hnsw?: HnswSpec;
  /** Payload fields that filters find by index. @listType map @listMapKey field @maxItems 64 */
  payloadIndexes?: PayloadIndex[];
  /** Payload fields that full-text search covers. @listType set @maxItems 16 */
  textFields?: string[];
}

/** How points spread over shards. */
export interface ShardingSpec {
  /** @default "Hash" */
  strategy?: 'Single' | 'Hash' | 'Custom' | 'Content' | 'Auto';
  /** Number of shards; the cluster's default when absent. @minimum 1 @maximum 256 */
  shards?: number;
  /** Auto only: the number of shards doubles when they have more points than this on average. @default 1000000 @minimum 1000 */
  pointsPerShard?: number;
}

/** The HNSW graph (Malkov and Yashunin, 2016). */
export interface HnswSpec {
  /** Links of a point on each level. @default 16 @minimum 2 @maximum 128 */
  m?: number;
  /** Candidates kept while a point is inserted. @default 100 @minimum 4 @maximum 4096 */
  efConstruction?: number;
  /** Candidates kept by a search that does not say hnsw_ef. @default 128 @minimum 1 @maximum 10000 */
  efSearch?: number;
}

/** An index over one payload field. */
export interface PayloadIndex {
  /** Dotted path, `[]` steps into arrays. @minLength 1 @maxLength 512 */
  field: string;
  type: 'keyword' | 'integer' | 'float' | 'bool' | 'datetime' | 'uuid' | 'text';
}

/** What the operator last saw. */
export interface CollectionStatus {
  /** @minimum 0 */
  observedGeneration?: number;
  /** @listType map @listMapKey type @maxItems 32 */
  conditions?: Condition[];
  /** The sentence of the most important condition. @maxLength 4096 */
  message?: string;
  /** The routing table: which shard owns which slots. Switched as one. */
  routing?: RoutingTable;
  /** Number of shards in the routing table. @minimum 0 */
  shards?: number;
  /** @minimum 0 */
  points?: number;
  resharding?: Resharding;
}

/** A change of the number of shards: new shards are filled from the old ones, then the routing table switches as one. */
export interface Resharding {
  phase: 'Preparing' | 'Copying' | 'Syncing' | 'Verifying' | 'Switching' | 'Cleanup' | 'Complete' | 'Failed';
  /** Number of shards before. @minimum 1 */
  from: number;
  /** Number of shards after. @minimum 1 */
  to: number;
  /** metadata.names of the old shards. @listType set @maxItems 256 */
  sources: string[];
  /** metadata.names of the new shards. @listType set @maxItems 256 */
  targets: string[];
  /** @minimum 0 */
  copiedPoints?: number;
  /** @minimum 0 */
  totalPoints?: number;
  /** @format date-time */
  startedAt?: string;
  /** @format date-time */
  endedAt?: string;
  /** When anything last moved on. @format date-time */
  progressAt?: string;
  /** When the old shards were last sealed for the switch of the table. @format date-time */
  switchingAt?: string;
  /** How often the switch was begun. @minimum 0 */
  attempts?: number;
  /** @minimum 0 */
  etaSeconds?: number;
  /** @maxLength 1024 */
  message?: string;
}

/** Maps every slot to one shard. */
export interface RoutingTable {
  /** +1 at every change. @minimum 1 */
  version: number;
  /** @listType map @listMapKey shard @maxItems 256 */
  entries: RoutingEntry[];
}

/** One shard's part of the routing table. */
export interface RoutingEntry {
  /** metadata.name of the Shard. */
  shard: string;
  slots: SlotRange;
}
