import type { KubeObject } from '../kube/object.ts';
import { childMetadata, type StoredCluster } from './common.ts';

/** The nodes' identity. Without a token: nodes hold no Kubernetes credentials. */
export function buildServiceAccount(cluster: StoredCluster): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: childMetadata(cluster, cluster.metadata.name),
    automountServiceAccountToken: false,
  };
}
