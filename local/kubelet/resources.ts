import type { KubeObject, OwnerReference, ResourceName } from '../kube-api/api-types.ts';

const name = (group: string, version: string, resource: string): ResourceName => ({ group, version, resource });

export const PODS = name('', 'v1', 'pods');
export const CLAIMS = name('', 'v1', 'persistentvolumeclaims');
export const SECRETS = name('', 'v1', 'secrets');
export const CONFIG_MAPS = name('', 'v1', 'configmaps');
export const SERVICES = name('', 'v1', 'services');
export const ENDPOINT_SLICES = name('discovery.k8s.io', 'v1', 'endpointslices');
export const EVENTS = name('', 'v1', 'events');
export const NODES = name('', 'v1', 'nodes');
export const NAMESPACES = name('', 'v1', 'namespaces');
export const STATEFUL_SETS = name('apps', 'v1', 'statefulsets');
export const DISRUPTION_BUDGETS = name('policy', 'v1', 'poddisruptionbudgets');

/** Name of the one Node object. */
export const NODE_NAME = 'local';

/** `namespace/name`: how caches and workers are keyed. */
export const keyOf = (object: KubeObject): string => `${object.metadata.namespace ?? ''}/${object.metadata.name}`;

export const controllerOf = (object: KubeObject): OwnerReference | undefined =>
  object.metadata.ownerReferences?.find((owner) => owner.controller === true);

/** Whether every label of an equality selector (`matchLabels`, a Service's selector) is on the object. */
export function hasLabels(object: KubeObject, wanted: Readonly<Record<string, string>>): boolean {
  const labels = object.metadata.labels ?? {};
  return Object.entries(wanted).every(([label, value]) => labels[label] === value);
}
