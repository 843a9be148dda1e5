import { PORTS } from '#model/ports.ts';
import type { KubeObject } from '../kube/object.ts';
import { childMetadata, childNames, podSelector, type StoredCluster } from './common.ts';

/** Gives every data pod a DNS name, ready or not: nodes must find each other before they are ready. */
export function buildHeadlessService(cluster: StoredCluster): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: childMetadata(cluster, childNames.headlessService(cluster.metadata.name)),
    spec: {
      clusterIP: 'None',
      publishNotReadyAddresses: true,
      selector: podSelector(cluster.metadata.name),
      ports: [
        port('rest', PORTS.rest),
        port('grpc', PORTS.grpc),
        port('node', PORTS.node),
        port('gossip', PORTS.gossip, 'UDP'),
      ],
    },
  };
}

/** Where clients reach the cluster: any ready node serves any request. */
export function buildClientService(cluster: StoredCluster): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: childMetadata(cluster, childNames.clientService(cluster.metadata.name)),
    spec: {
      type: 'ClusterIP',
      selector: podSelector(cluster.metadata.name),
      ports: [port('rest', PORTS.rest), port('grpc', PORTS.grpc)],
    },
  };
}

function port(name: string, number: number, protocol: 'TCP' | 'UDP' = 'TCP'): object {
  return { name, port: number, targetPort: name, protocol };
}
