import type { KubeApi } from './api.ts';
import { FIELD_MANAGER } from './api.ts';
import type { KubeObject, Resource } from './object.ts';

/** Server-side apply of exactly the fields that the object has, taking over those that others changed. */
export function apply(api: KubeApi, resource: Resource, object: KubeObject): Promise<KubeObject> {
  return api.serverSideApply(resource, object, { fieldManager: FIELD_MANAGER, force: true });
}

/**
 * Server-side apply of a whole status. With metadata.resourceVersion in `object` the write is refused (409) when the
 * object has changed since: use it wherever the new status was decided from the old one.
 */
export function applyStatus(
  api: KubeApi,
  resource: Resource,
  object: Pick<KubeObject, 'apiVersion' | 'kind' | 'metadata'>,
  status: object,
): Promise<KubeObject> {
  const { name, namespace, resourceVersion } = object.metadata;
  const metadata = {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
  return api.serverSideApply(
    resource,
    { apiVersion: object.apiVersion, kind: object.kind, metadata, status },
    { fieldManager: FIELD_MANAGER, force: true, subresource: 'status' },
  );
}
