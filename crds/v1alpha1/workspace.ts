import type { Condition, ObjectMeta } from './common.ts';

/**
 * A tenant of a VectorCluster, with limits, tier and affinity.
 *
 * @kind Workspace
 * @plural workspaces
 * @shortNames vws
 * @categories annulus,all
 * @printColumn Cluster string .spec.cluster
 * @printColumn Tier string .spec.tier
 * @printColumn Accepted string .status.conditions[?(@.type=="Accepted")].status
 * @printColumn Age date .metadata.creationTimestamp
 * @condition Accepted its cluster exists and the limits can be kept
 */
export interface Workspace {
  apiVersion: 'annulus.dev/v1alpha1';
  kind: 'Workspace';
  metadata: ObjectMeta;
  spec: WorkspaceSpec;
  status?: WorkspaceStatus;
}

/** @rule self.cluster == oldSelf.cluster | cluster is immutable */
export interface WorkspaceSpec {
  /** VectorCluster in the same namespace. @minLength 1 @maxLength 63 */
  cluster: string;
  /** @maxLength 253 */
  owner?: string;
  /** @default "Shared" */
  tier?: 'Shared' | 'Dedicated';
  /** @default {} */
  limits?: WorkspaceLimits;
  /** Nodes that the workspace's shards prefer or need. */
  affinity?: WorkspaceAffinity;
}

/** Upper bounds; absent means without a limit of its own. */
export interface WorkspaceLimits {
  /** @minimum 0 @maximum 10000 */
  collections?: number;
  /** @minimum 0 */
  points?: number;
  /** @minimum 0 */
  bytes?: number;
  /** @minimum 1 @maximum 1000000 */
  queriesPerSecond?: number;
  /** @minimum 1 @maximum 1000000 */
  writesPerSecond?: number;
  /** @minimum 1 @maximum 10000 */
  concurrentRequests?: number;
}

/** Placement wish. */
export interface WorkspaceAffinity {
  /** @default "Preferred" */
  mode?: 'Preferred' | 'Required';
  /** Node labels to match. @maxProperties 16 */
  nodeLabels?: Record<string, string>;
}

/** What the operator last saw. */
export interface WorkspaceStatus {
  /** @minimum 0 */
  observedGeneration?: number;
  /** @listType map @listMapKey type @maxItems 16 */
  conditions?: Condition[];
  /** @minimum 0 */
  points?: number;
  /** @minimum 0 */
  bytes?: number;
}
