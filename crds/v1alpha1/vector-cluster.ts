import type { Condition, ObjectMeta } from './common.ts';

/**
 * A named cluster of vector-search nodes, or (type Logical) a named group of collections on another cluster's nodes.
 *
 * @kind VectorCluster
 * @plural vectorclusters
 * @shortNames vc
 * @categories annulus,all
 * @scale spec=.spec.nodes status=.status.nodes.ready selector=.status.selector
 * @printColumn Type string .spec.type
 * @printColumn Phase string .status.phase
 * @printColumn Ready integer .status.nodes.ready
 * @printColumn Nodes integer .status.nodes.desired
 * @printColumn Shards string .status.shards.summary
 * @printColumn Points integer .status.points
 * @printColumn Age date .metadata.creationTimestamp
 * @printColumn Message string .status.message priority=1
 * @printColumn Map integer .status.mapVersion priority=1
 * @condition Accepted the spec makes sense and the operator acts on it
 * @condition Available a node is ready and every shard can be read and written
 * @condition Progressing nodes, shards or copies are on their way to what is wanted
 * @condition Degraded something is missing that repairs itself or needs a person; the message says which
 * @rule self.metadata.name.matches('^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$') | a cluster's name is a DNS label that starts with a letter, of at most 40 characters: it names Services
 */
export interface VectorCluster {
  apiVersion: 'annulus.dev/v1alpha1';
  kind: 'VectorCluster';
  metadata: ObjectMeta;
  spec: VectorClusterSpec;
  status?: VectorClusterStatus;
}

/**
 * @rule self.type != 'Logical' || has(self.host) | a Logical cluster needs host: the VectorCluster whose nodes serve it
 * @rule self.type == 'Logical' || !has(self.host) | only a Logical cluster has a host
 * @rule self.type != 'Logical' || !has(self.nodes) | a Logical cluster has no nodes of its own; remove nodes
 * @rule self.type == oldSelf.type | type is immutable
 * @rule self.replicationFactor >= (has(self.minInSync) ? self.minInSync : 1) | minInSync cannot be greater than replicationFactor
 */
export interface VectorClusterSpec {
  /**
   * Sharded: collections have n shards over the cluster's nodes. Replicated: one shard, every copy whole.
   * Logical: a named group without pods; its collections live on `host`.
   *
   * @default "Sharded"
   */
  type: 'Sharded' | 'Replicated' | 'Logical';
  /** Name for people. @maxLength 128 */
  displayName?: string;
  /** @maxLength 1024 */
  description?: string;
  /** Free key-value settings of the owner; Annulus does not read them. @maxProperties 64 */
  settings?: Record<string, string>;
  /** Who owns the cluster (an opaque identity). @maxLength 253 */
  owner?: string;
  directory?: DirectorySpec;
  /** Number of nodes (data pods); also the scale subresource. Defaults to 3 where type is not Logical. @minimum 1 @maximum 100 */
  nodes?: number;
  /** Node label that names a failure domain; copies of a shard go to distinct values first. @default "topology.kubernetes.io/zone" @maxLength 317 */
  topologyKey?: string;
  /** Shards that a collection gets when it does not say. @default 2 @minimum 1 @maximum 256 */
  shards?: number;
  /** Copies that a collection's shards get when it does not say. @default 2 @minimum 1 @maximum 7 */
  replicationFactor?: number;
  /** Writes are refused while fewer copies are in sync. Default 1 for replicationFactor 1-2, else the majority. @minimum 1 @maximum 7 */
  minInSync?: number;
  /** @default {} */
  ring?: RingSpec;
  /** @default {} */
  storage?: StorageSpec;
  /** Image of the node-agent. @default "annulus:latest" @minLength 1 @maxLength 512 */
  image?: string;
  resources?: ResourceRequirements;
  /** @maxProperties 32 */
  nodeSelector?: Record<string, string>;
  /** Pod tolerations, passed on as they are. @listType atomic @maxItems 32 @preserveUnknownFields */
  tolerations?: Record<string, unknown>[];
  /** Pod affinity, passed on as it is. @preserveUnknownFields */
  affinity?: Record<string, unknown>;
  /** @default {} */
  rebalance?: RebalanceSpec;
  /** @default {} */
  membership?: MembershipSpec;
  security?: SecuritySpec;
  monitoring?: MonitoringSpec;
  /** The operator changes nothing of this cluster while true. @default false */
  paused?: boolean;
  /** Logical only: the VectorCluster, in the same namespace, whose nodes serve this one. @maxLength 63 */
  host?: string;
  /** What happens to the nodes' claims (their data) when the cluster is deleted. @default "Retain" */
  claimDeletionPolicy?: 'Retain' | 'Delete';
}

/** How the public directory shows the cluster. */
export interface DirectorySpec {
  /** @pattern ^[a-z0-9]([-a-z0-9]*[a-z0-9])?$ @maxLength 63 */
  slug?: string;
  /** @default "Unlisted" */
  visibility?: 'Public' | 'Unlisted';
}

/** The consistent-hash ring (DESIGN: placement). */
export interface RingSpec {
  /** Points that each node has on the ring. @default 150 @minimum 1 @maximum 1000 */
  virtualNodes?: number;
  /** A node takes at most ceil(maxLoad x average) copies; a decimal number of 1 or more. @default "1.2" @pattern ^[1-9][0-9]*(\.[0-9]{1,3})?$ */
  maxLoad?: string;
}

/** The volume of each node. */
export interface StorageSpec {
  /** Kubernetes quantity. @default "10Gi" @pattern ^[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|Ti|Pi|k|M|G|T|P)?$ */
  size?: string;
  /** StorageClass; the cluster's default one when absent. @maxLength 253 */
  className?: string;
}

/** Kubernetes resource requests and limits of a node. */
export interface ResourceRequirements {
  /** @maxProperties 16 */
  requests?: Record<string, string>;
  /** @maxProperties 16 */
  limits?: Record<string, string>;
}

/** When and how fast the operator moves copies. */
export interface RebalanceSpec {
  /** @default true */
  automatic?: boolean;
  /** Moves start when the fullest node has this much more than the average. @default 20 @minimum 1 @maximum 100 */
  maxImbalancePercent?: number;
  /** @default 2 @minimum 1 @maximum 32 */
  maxConcurrentMigrations?: number;
  /** @default 100 @minimum 1 @maximum 10000 */
  throttleMiBPerSecond?: number;
}

/** SWIM failure detection among the nodes. */
export interface MembershipSpec {
  /** @default "1s" @pattern ^[0-9]+(ms|s)$ */
  probeInterval?: string;
  /** @default "500ms" @pattern ^[0-9]+(ms|s)$ */
  probeTimeout?: string;
  /** @default 3 @minimum 0 @maximum 10 */
  indirectProbes?: number;
  /** Suspicion lasts suspicionMultiplier x log10(nodes) x probeInterval. @default 2 @minimum 1 @maximum 10 */
  suspicionMultiplier?: number;
  /** @default 3 @minimum 1 @maximum 10 */
  fanout?: number;
}

/** Transport security. */
export interface SecuritySpec {
  /** Secret with tls.crt and tls.key for clients. @maxLength 253 */
  clientTLSSecretName?: string;
}

/** Objects for Prometheus. */
export interface MonitoringSpec {
  /** Create a PodMonitor where that CRD exists. @default true */
  podMonitor?: boolean;
}

/** What the operator last saw. */
export interface VectorClusterStatus {
  /** @minimum 0 */
  observedGeneration?: number;
  /** @listType map @listMapKey type @maxItems 32 */
  conditions?: Condition[];
  /** Derived from the conditions, for the printed column. */
  phase?: 'Pending' | 'Progressing' | 'Available' | 'Degraded' | 'Unavailable' | 'Paused' | 'Refused' | 'Deleting';
  /** The sentence of the most important condition. @maxLength 4096 */
  message?: string;
  nodes?: NodeCounts;
  shards?: ShardCounts;
  /** @minimum 0 */
  points?: number;
  /** @minimum 0 */
  bytes?: number;
  /** Version of the cluster map that the nodes route by. @minimum 0 */
  mapVersion?: number;
  /** SHA-256 of the cluster map's content, so that a restarted operator knows whether it changed. @maxLength 64 */
  mapHash?: string;
  /** Ed25519 public key, base64. @maxLength 256 */
  publicKey?: string;
  /** @minimum 0 */
  keyVersion?: number;
  /** Where clients reach the cluster. @listType atomic @maxItems 16 */
  endpoints?: string[];
  /** Wanted moves and what blocks each. @listType atomic @maxItems 64 */
  plan?: PlannedMove[];
  /** Label selector of the data pods (scale subresource). @maxLength 1024 */
  selector?: string;
}

/** Node counts. */
export interface NodeCounts {
  /** @minimum 0 */
  desired: number;
  /** @minimum 0 */
  ready: number;
}

/** Shard counts. */
export interface ShardCounts {
  /** @minimum 0 */
  total: number;
  /** Shards with every wanted copy in sync. @minimum 0 */
  healthy: number;
  /** healthy/total, for the printed column. @maxLength 32 */
  summary: string;
}

/** A copy that the planner wants elsewhere. */
export interface PlannedMove {
  shard: string;
  from?: string;
  to?: string;
  /** Why the move does not start now; absent when it may. */
  blocked?: string;
}
