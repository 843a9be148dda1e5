import type { KubeObject } from '../kube/object.ts';
import { childMetadata, podSelector, type StoredCluster } from './common.ts';

/** Makes the Prometheus operator scrape the nodes. */
export function buildPodMonitor(cluster: StoredCluster): KubeObject {
  return {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PodMonitor',
    metadata: childMetadata(cluster, cluster.metadata.name),
    spec: {
      selector: { matchLabels: podSelector(cluster.metadata.name) },
      podMetricsEndpoints: [{ port: 'rest', path: '/metrics', interval: '15s' }],
    },
  };
}
