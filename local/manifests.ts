import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { KubeObjectInput, KubeStore, ResourceName } from './kube-api/api-types.ts';
import { asArray, asObject, asString, isObject } from './kube-api/json.ts';
import type { JsonObject } from './kube-api/json.ts';
import { CONFIG_MAPS, NAMESPACES, SECRETS } from './kubelet/resources.ts';

export const CUSTOM_RESOURCES: ResourceName = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  resource: 'customresourcedefinitions',
};
const GROUP = { group: 'annulus.dev', version: 'v1alpha1' } as const;
export const VECTOR_CLUSTERS: ResourceName = { ...GROUP, resource: 'vectorclusters' };
export const COLLECTIONS: ResourceName = { ...GROUP, resource: 'collections' };
export const SHARDS: ResourceName = { ...GROUP, resource: 'shards' };
const WORKSPACES: ResourceName = { ...GROUP, resource: 'workspaces' };

const FIELD_MANAGER = 'annulus-local';
const ESTABLISHED_TIMEOUT_MS = 10_000;

/** Kinds that `applyManifests` knows. */
const KINDS: Readonly<Record<string, ResourceName>> = {
  VectorCluster: VECTOR_CLUSTERS,
  Collection: COLLECTIONS,
  Shard: SHARDS,
  Workspace: WORKSPACES,
  CustomResourceDefinition: CUSTOM_RESOURCES,
  Namespace: NAMESPACES,
  ConfigMap: CONFIG_MAPS,
  Secret: SECRETS,
};

/** The objects of a YAML stream; throws with the document's number when one is no object. */
export function parseManifests(text: string): KubeObjectInput[] {
  return parseAllDocuments(text).flatMap((document, index) => {
    const [problem] = document.errors;
    if (problem !== undefined) throw new Error(`document ${index + 1}: ${problem.message}`);
    const value: unknown = document.toJS();
    if (value === null) return [];
    const object: JsonObject = asObject(value);
    const { apiVersion, kind, metadata } = object;
    if (typeof apiVersion !== 'string' || typeof kind !== 'string' || !isObject(metadata)) {
      throw new Error(`document ${index + 1} has no apiVersion, kind or metadata`);
    }
    return [{ ...object, apiVersion, kind, metadata: { ...metadata } }];
  });
}

/** Applies objects in their order, as `kubectl apply --server-side` does; namespaced ones default to `default`. */
export async function applyManifests(store: KubeStore, objects: readonly KubeObjectInput[]): Promise<void> {
  for (const object of objects) {
    const resource = KINDS[object.kind];
    if (resource === undefined) throw new Error(`kind ${object.kind}: apply it with kubectl`);
    const clusterScoped = resource === CUSTOM_RESOURCES || resource === NAMESPACES;
    const namespace = clusterScoped ? {} : { namespace: object.metadata.namespace ?? 'default' };
    const placed = { ...object, metadata: { ...object.metadata, ...namespace } };
    await store.apply(resource, placed, { fieldManager: FIELD_MANAGER, force: true });
  }
}

/** Applies the generated CRDs of a folder and waits until the API serves them. */
export async function applyCRDs(store: KubeStore, folder: string): Promise<void> {
  const files = readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .sort();
  if (files.length === 0) throw new Error(`no CRDs in ${folder}: run make generate`);
  const objects = files.flatMap((name) => parseManifests(readFileSync(join(folder, name), 'utf8')));
  await applyManifests(store, objects);
  const deadline = Date.now() + ESTABLISHED_TIMEOUT_MS;
  for (const { metadata } of objects) {
    while (!(await isEstablished(store, metadata.name ?? ''))) {
      if (Date.now() > deadline) throw new Error(`CRD ${metadata.name ?? ''} is not served after 10 s`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

async function isEstablished(store: KubeStore, name: string): Promise<boolean> {
  const { status } = await store.get(CUSTOM_RESOURCES, '', name);
  return asArray(status?.['conditions'])
    .map(asObject)
    .some((condition) => condition['type'] === 'Established' && asString(condition['status']) === 'True');
}
