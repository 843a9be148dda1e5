import { GROUP, VERSION } from '#crds/v1alpha1/index.ts';
import type { Resource } from './object.ts';

const ours = (plural: string, kind: string): Resource => ({
  group: GROUP,
  version: VERSION,
  plural,
  kind,
  namespaced: true,
});
const of = (group: string, version: string, plural: string, kind: string, namespaced = true): Resource => ({
  group,
  version,
  plural,
  kind,
  namespaced,
});

/** Every resource that the operator reads or writes: the RBAC rules of the chart name the same ones. */
export const RESOURCES = {
  VectorCluster: ours('vectorclusters', 'VectorCluster'),
  Collection: ours('collections', 'Collection'),
  Shard: ours('shards', 'Shard'),
  Pod: of('', 'v1', 'pods', 'Pod'),
  Node: of('', 'v1', 'nodes', 'Node', false),
  Secret: of('', 'v1', 'secrets', 'Secret'),
  Service: of('', 'v1', 'services', 'Service'),
  ConfigMap: of('', 'v1', 'configmaps', 'ConfigMap'),
  ServiceAccount: of('', 'v1', 'serviceaccounts', 'ServiceAccount'),
  PersistentVolumeClaim: of('', 'v1', 'persistentvolumeclaims', 'PersistentVolumeClaim'),
  Event: of('', 'v1', 'events', 'Event'),
  StatefulSet: of('apps', 'v1', 'statefulsets', 'StatefulSet'),
  PodDisruptionBudget: of('policy', 'v1', 'poddisruptionbudgets', 'PodDisruptionBudget'),
  NetworkPolicy: of('networking.k8s.io', 'v1', 'networkpolicies', 'NetworkPolicy'),
  Lease: of('coordination.k8s.io', 'v1', 'leases', 'Lease'),
  PodMonitor: of('monitoring.coreos.com', 'v1', 'podmonitors', 'PodMonitor'),
} as const satisfies Record<string, Resource>;

export type KnownKind = keyof typeof RESOURCES;

/** The resource of a kind that the operator knows; undefined for any other. */
export function resourceOfKind(kind: string): Resource | undefined {
  return Object.hasOwn(RESOURCES, kind) ? RESOURCES[kind as KnownKind] : undefined;
}
