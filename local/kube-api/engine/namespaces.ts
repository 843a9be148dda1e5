import type { KubeObject } from '../api-types.ts';
import type { ResourceDef } from '../resource-def.ts';
import { forbidden, notFound } from '../status-errors.ts';
import type { ObjectStore } from '../store/object-store.ts';

export const NAMESPACE_KEY = '/namespaces';
/** Made at the first start. */
export const INITIAL_NAMESPACES: readonly string[] = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];

/** Refuses objects in a namespace that is not there or is going away. */
export function requireNamespace(store: ObjectStore, def: ResourceDef, object: KubeObject): void {
  const name = object.metadata.namespace ?? '';
  const namespace = store.get(NAMESPACE_KEY, '', name);
  if (namespace === undefined) throw notFound({ group: '', resource: 'namespaces' }, name);
  if (namespace.metadata.deletionTimestamp !== undefined) {
    const why = `unable to create new content in namespace ${name} because it is being terminated`;
    const causes = [
      { reason: 'NamespaceTerminating', message: `namespace ${name} is being terminated`, field: 'metadata.namespace' },
    ];
    throw forbidden(def, object.metadata.name, why, causes);
  }
}
