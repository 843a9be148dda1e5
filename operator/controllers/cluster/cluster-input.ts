import type { Shard, VectorCluster } from '#crds/v1alpha1/index.ts';
import type { BuildConfig, StoredCluster } from '../../build/common.ts';
import type { NodeSight } from '../../control/sights.ts';
import type { ClusterHealth } from '../../failover/health.ts';
import type { KubeObject } from '../../kube/object.ts';
import type { Plan } from '../../placement/types.ts';
import type { Pod } from '../../pods.ts';

/** What a cluster's plan follows from; all of its namespace. */
export interface ClusterInput {
  cluster: StoredCluster;
  clusters: VectorCluster[];
  /** Child objects in the caches, by `Kind/name`. */
  children: Map<string, KubeObject>;
  pods: Pod[];
  sights: Map<string, NodeSight>;
  /** What is believed of the nodes. */
  health: ClusterHealth;
  /** Shards on the cluster's nodes. */
  shards: Shard[];
  /** Collections and Shards that can't be read, as `Kind name`: no new map is made meanwhile. */
  unreadable: string[];
  /** The planner's wanted moves of placed shards. */
  moves: Plan;
  /** When time alone makes them others. */
  adviceChangesInMs?: number;
  config: BuildConfig;
  podMonitors: boolean;
  /** Base64 of the Ed25519 public key in the Secret; undefined while there is none, or none that can be read. */
  publicKey: string | undefined;
  /** True when just this wish was applied and the child has not changed since: the API server made it its own way, applying again won't cure that. */
  settled: (object: KubeObject, wanted: KubeObject) => boolean;
  now: number;
}
