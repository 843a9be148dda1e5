import { API_VERSION, type ObjectMeta, type OwnerReference, type VectorCluster } from '#crds/v1alpha1/index.ts';

/** A VectorCluster as the API server holds it: it has a uid and a namespace. */
export type StoredCluster = VectorCluster & { metadata: ObjectMeta & { uid: string; namespace: string } };

/** What builders need to know beside the custom resource. */
export interface BuildConfig {
  /** Namespace of the operator, from which it dials the nodes; undefined when it runs outside the cluster. */
  operatorNamespace?: string;
  /** Claim template of an existing StatefulSet: Kubernetes does not let it change. */
  storageSize?: string;
}

export const MANAGED_BY = 'annulus-operator';
/** Selects every child object: the operator's caches watch these only. */
export const MANAGED_SELECTOR = `app.kubernetes.io/managed-by=${MANAGED_BY}`;
export const CLUSTER_LABEL = 'annulus.dev/cluster';
/** On pods: hash of the template that they were made from. */
export const TEMPLATE_HASH_LABEL = 'annulus.dev/template-hash';

/** Names of a cluster's child objects. */
export const childNames = {
  statefulSet: (cluster: string): string => cluster,
  clientService: (cluster: string): string => cluster,
  headlessService: (cluster: string): string => `${cluster}-nodes`,
  secret: (cluster: string): string => `${cluster}-keys`,
  configMap: (cluster: string): string => `${cluster}-config`,
} as const;

/** Labels that select the data pods; a StatefulSet's selector can never change, so these neither. */
export function podSelector(cluster: string): Record<string, string> {
  return {
    'app.kubernetes.io/name': 'annulus',
    'app.kubernetes.io/instance': cluster,
    'app.kubernetes.io/component': 'node',
  };
}

/** Labels of every child object. */
export function childLabels(cluster: string): Record<string, string> {
  return { ...podSelector(cluster), 'app.kubernetes.io/managed-by': MANAGED_BY, [CLUSTER_LABEL]: cluster };
}

/** metadata of a child object, owned by the cluster: the garbage collector removes it with the cluster. */
export function childMetadata(cluster: StoredCluster, name: string): ObjectMeta {
  return {
    name,
    namespace: cluster.metadata.namespace,
    labels: childLabels(cluster.metadata.name),
    ownerReferences: [ownerReference('VectorCluster', cluster.metadata.name, cluster.metadata.uid)],
  };
}

/** Controller reference to an object of ours. */
export function ownerReference(kind: string, name: string, uid: string): OwnerReference {
  return { apiVersion: API_VERSION, kind, name, uid, controller: true, blockOwnerDeletion: true };
}
