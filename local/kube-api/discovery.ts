import type { Json, JsonObject } from './json.ts';
import { apiVersionOf } from './resource-def.ts';
import type { ResourceDef } from './resource-def.ts';

/** What `kubectl version` shows: the Kubernetes whose behaviour this server follows. */
export const VERSION_INFO: JsonObject = {
  major: '1',
  minor: '34',
  gitVersion: 'v1.34.4+annulus',
  gitCommit: 'annulus',
  gitTreeState: 'clean',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: 'none',
  compiler: 'node',
  platform: `${process.platform}/${process.arch}`,
};

const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];
const SUBRESOURCE_VERBS = ['get', 'patch', 'update'];

interface Subentry {
  readonly name: 'status' | 'scale' | 'log';
  readonly kind: JsonObject;
  readonly verbs: string[];
}

function subentries(def: ResourceDef): Subentry[] {
  return [...def.subresources].map((name) => ({
    name,
    kind:
      name === 'scale'
        ? { group: 'autoscaling', version: 'v1', kind: 'Scale' }
        : { group: def.group, version: def.version, kind: def.kind },
    verbs: name === 'log' ? ['get'] : SUBRESOURCE_VERBS,
  }));
}

const CUSTOM_VERBS = ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch'];

function verbsOf(def: ResourceDef): string[] {
  if (def.virtual) return ['create'];
  return def.custom === undefined ? VERBS : CUSTOM_VERBS;
}

function resourceEntries(def: ResourceDef): JsonObject[] {
  const { resource, singular, namespaced, kind, shortNames, categories } = def;
  return [
    {
      name: resource,
      singularName: singular,
      namespaced,
      kind,
      verbs: verbsOf(def),
      ...(shortNames.length > 0 ? { shortNames: [...shortNames] } : {}),
      ...(categories.length > 0 ? { categories: [...categories] } : {}),
    },
    ...subentries(def).map((sub) => ({
      name: `${resource}/${sub.name}`,
      singularName: '',
      namespaced,
      ...(sub.name === 'scale' ? { group: 'autoscaling', version: 'v1' } : {}),
      kind: sub.kind['kind'] ?? '',
      verbs: sub.verbs,
    })),
  ];
}

/** /api/v1 and /apis/<group>/<version>. */
export function resourceList(defs: readonly ResourceDef[], groupVersion: string): Json {
  const of = defs.filter((def) => apiVersionOf(def) === groupVersion);
  return {
    kind: 'APIResourceList',
    ...(groupVersion === 'v1' ? {} : { apiVersion: 'v1' }),
    groupVersion,
    resources: of.flatMap(resourceEntries),
  };
}

/** Groups in discovery's order, each with its versions. */
function groupsOf(defs: readonly ResourceDef[]): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const def of defs) {
    const versions = groups.get(def.group) ?? [];
    if (!versions.includes(def.version)) versions.push(def.version);
    groups.set(def.group, versions);
  }
  return groups;
}

export function groupInfo(defs: readonly ResourceDef[], group: string): JsonObject | null {
  const versions = groupsOf(defs)
    .get(group)
    ?.map((version) => ({ groupVersion: `${group}/${version}`, version }));
  if (versions === undefined || group === '') return null;
  return { name: group, versions, preferredVersion: versions[0] ?? null };
}

/** /apis */
export function groupList(defs: readonly ResourceDef[]): Json {
  const groups = [...groupsOf(defs).keys()].map((group) => groupInfo(defs, group)).filter((info) => info !== null);
  return { kind: 'APIGroupList', apiVersion: 'v1', groups };
}

/** /api */
export const coreVersions = (address: string): Json => ({
  kind: 'APIVersions',
  versions: ['v1'],
  serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: address }],
});

export const AGGREGATED_TYPE = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

function aggregatedResource(def: ResourceDef): JsonObject {
  const { resource, singular, namespaced, kind, shortNames, categories, group, version } = def;
  return {
    resource,
    responseKind: { group, version, kind },
    scope: namespaced ? 'Namespaced' : 'Cluster',
    singularResource: singular,
    verbs: verbsOf(def),
    ...(shortNames.length > 0 ? { shortNames: [...shortNames] } : {}),
    ...(categories.length > 0 ? { categories: [...categories] } : {}),
    subresources: subentries(def).map((sub) => ({ subresource: sub.name, responseKind: sub.kind, verbs: sub.verbs })),
  };
}

/** /api or /apis in the aggregated form: everything in one answer. */
export function aggregatedDiscovery(defs: readonly ResourceDef[], core: boolean): Json {
  const items = [...groupsOf(defs)]
    .filter(([group]) => (group === '') === core)
    .map(([group, versions]) => ({
      metadata: group === '' ? { creationTimestamp: null } : { name: group, creationTimestamp: null },
      versions: versions.map((version) => ({
        version,
        freshness: 'Current',
        resources: defs.filter((def) => def.group === group && def.version === version).map(aggregatedResource),
      })),
    }));
  return { kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2', metadata: {}, items };
}
