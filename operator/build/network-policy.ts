import { PORTS } from '#model/ports.ts';
import type { KubeObject } from '../kube/object.ts';
import { childMetadata, podSelector, type BuildConfig, type StoredCluster } from './common.ts';

/** Clients reach the client ports; only the cluster's own nodes and the operator reach the internal ones. */
export function buildNetworkPolicy(cluster: StoredCluster, config: BuildConfig): KubeObject {
  const nodes = { podSelector: { matchLabels: podSelector(cluster.metadata.name) } };
  const operator = config.operatorNamespace && {
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': config.operatorNamespace } },
  };
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: childMetadata(cluster, cluster.metadata.name),
    spec: {
      podSelector: nodes.podSelector,
      policyTypes: ['Ingress'],
      ingress: [
        { ports: [tcp(PORTS.rest), tcp(PORTS.grpc)] },
        // An operator outside the cluster comes from addresses that no selector knows; the cluster token still guards the port.
        { ports: [tcp(PORTS.node)], ...(operator ? { from: [nodes, operator] } : {}) },
        { ports: [{ protocol: 'UDP', port: PORTS.gossip }], from: [nodes] },
      ],
    },
  };
}

function tcp(port: number): object {
  return { protocol: 'TCP', port };
}
