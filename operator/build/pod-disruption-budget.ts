import type { KubeObject } from '../kube/object.ts';
import { childMetadata, podSelector, type StoredCluster } from './common.ts';

/** A drain of Kubernetes nodes takes one data pod at a time: every shard with two copies keeps one. */
export function buildPodDisruptionBudget(cluster: StoredCluster): KubeObject {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: childMetadata(cluster, cluster.metadata.name),
    spec: { maxUnavailable: 1, selector: { matchLabels: podSelector(cluster.metadata.name) } },
  };
}
