import type { ObjectMeta } from '#crds/v1alpha1/index.ts';

/** An object as the API server sends it. `spec`, `status` and the rest are JSON: parse at the point of use. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  [member: string]: unknown;
}

/** A resource as in discovery and URLs. Core resources have group ''. */
export interface Resource {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

/** namespace/name, or /name for cluster-scoped objects: the key of caches and queues. */
export function objectKey(namespace: string | undefined, name: string): string {
  return `${namespace ?? ''}/${name}`;
}

/** Key of an object. */
export function keyOf(object: { metadata: ObjectMeta }): string {
  return objectKey(object.metadata.namespace, object.metadata.name);
}

/** Inverse of objectKey. */
export function splitKey(key: string): { namespace: string; name: string } {
  const slash = key.indexOf('/');
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

/** apiVersion of a resource's objects. */
export function apiVersionOf(resource: Resource): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
}

/** URL path of a resource's collection, or of one object, or of its subresource. */
export function resourcePath(resource: Resource, namespace?: string, name?: string, subresource?: string): string {
  const root = resource.group === '' ? '/api' : `/apis/${resource.group}`;
  const scope = resource.namespaced && namespace ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  const tail = [name, subresource].filter((part) => part !== undefined).map((part) => `/${encodeURIComponent(part)}`);
  return `${root}/${resource.version}${scope}/${resource.plural}${tail.join('')}`;
}
