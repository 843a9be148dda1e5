import type { Collection, VectorCluster } from '#crds/v1alpha1/index.ts';

/** Name of a collection as clients say it. */
export function clientName(collection: Collection): string {
  return collection.spec.name ?? collection.metadata.name;
}

/** The cluster whose nodes hold `named`'s collections: itself, or a Logical one's host. Undefined when there is none. */
export function physicalCluster(
  named: VectorCluster | undefined,
  find: (name: string) => VectorCluster | undefined,
): VectorCluster | undefined {
  if (named === undefined || named.spec.type !== 'Logical') return named;
  const host = named.spec.host === undefined ? undefined : find(named.spec.host);
  return host?.spec.type === 'Logical' ? undefined : host;
}

/** Nodes that a cluster should have. */
export function wantedNodes(cluster: VectorCluster): number {
  return cluster.spec.type === 'Logical' ? 0 : (cluster.spec.nodes ?? 3);
}

/** True when `owner` controls the object: one of the same name made before was another. */
export function isOwnedBy(
  object: { metadata: { ownerReferences?: { uid: string; controller?: boolean }[] } },
  uid: string | undefined,
): boolean {
  return object.metadata.ownerReferences?.some((owner) => owner.uid === uid && owner.controller === true) ?? false;
}
