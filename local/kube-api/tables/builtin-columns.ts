import type { KubeObject } from '../api-types.ts';
import { asArray, asObject, asString } from '../json.ts';
import type { Json, JsonObject } from '../json.ts';
import type { ResourceDef } from '../resource-def.ts';
import { ageCell } from './age.ts';
import { CLUSTER_COLUMNS } from './cluster-columns.ts';
import { podColumns } from './pod-columns.ts';
import type { Column } from './table.ts';

export const AGE: Column = { name: 'Age', cell: (object, now) => ageCell(object.metadata.creationTimestamp, now) };
export const WIDE = 1;

const spec = (object: KubeObject): JsonObject => asObject(object.spec);
const status = (object: KubeObject): JsonObject => asObject(object.status);
const list = (value: Json | undefined): string => asArray(value).map(asString).join(',');
const orNone = (text: string): string => text || '<none>';
const count = (value: unknown): number => Object.keys(asObject(value)).length;

/** A label selector as kubectl prints it. */
export function printSelector(selector: unknown): string {
  const { matchLabels, matchExpressions } = asObject(selector);
  const labels = Object.entries(asObject(matchLabels)).map(([key, value]) => `${key}=${asString(value)}`);
  const expressions = asArray(matchExpressions)
    .map(asObject)
    .map((e) => {
      const key = asString(e['key']);
      if (e['operator'] === 'Exists') return key;
      if (e['operator'] === 'DoesNotExist') return `!${key}`;
      return `${key} ${asString(e['operator']).toLowerCase()} (${list(e['values'])})`;
    });
  return orNone([...labels, ...expressions].join(','));
}

const containers = (object: KubeObject): JsonObject[] =>
  asArray(asObject(asObject(spec(object)['template'])['spec'])['containers']).map(asObject);
const containerNames = (object: KubeObject): string =>
  containers(object)
    .map((c) => asString(c['name']))
    .join(',');
const images = (object: KubeObject): string =>
  containers(object)
    .map((c) => asString(c['image']))
    .join(',');

const MODES: Readonly<Record<string, string>> = {
  ReadWriteOnce: 'RWO',
  ReadOnlyMany: 'ROX',
  ReadWriteMany: 'RWX',
  ReadWriteOncePod: 'RWOP',
};
const modes = (value: Json | undefined): string =>
  asArray(value)
    .map((mode) => MODES[asString(mode)] ?? asString(mode))
    .join(',');

const CLAIM: Column[] = [
  {
    name: 'Status',
    cell: (o) => (o.metadata.deletionTimestamp === undefined ? asString(status(o)['phase']) : 'Terminating'),
  },
  { name: 'Volume', cell: (o) => asString(spec(o)['volumeName']) },
  { name: 'Capacity', cell: (o) => asString(asObject(status(o)['capacity'])['storage']) },
  { name: 'Access Modes', cell: (o) => modes(status(o)['accessModes']) },
  { name: 'StorageClass', cell: (o) => asString(spec(o)['storageClassName']) },
  { name: 'VolumeAttributesClass', cell: () => '<unset>' },
  AGE,
  { name: 'VolumeMode', priority: WIDE, cell: (o) => asString(spec(o)['volumeMode']) || '<unset>' },
];

const VOLUME: Column[] = [
  { name: 'Capacity', cell: (o) => asString(asObject(spec(o)['capacity'])['storage']) },
  { name: 'Access Modes', cell: (o) => modes(spec(o)['accessModes']) },
  { name: 'Reclaim Policy', cell: (o) => asString(spec(o)['persistentVolumeReclaimPolicy']) },
  { name: 'Status', cell: (o) => asString(status(o)['phase']) },
  {
    name: 'Claim',
    cell: (o) => {
      const { namespace, name } = asObject(spec(o)['claimRef']);
      return name === undefined ? '' : `${asString(namespace)}/${asString(name)}`;
    },
  },
  { name: 'StorageClass', cell: (o) => asString(spec(o)['storageClassName']) },
  { name: 'VolumeAttributesClass', cell: () => '<unset>' },
  { name: 'Reason', cell: (o) => asString(status(o)['reason']) },
  AGE,
  { name: 'VolumeMode', priority: WIDE, cell: (o) => asString(spec(o)['volumeMode']) },
];

const portText = (port: JsonObject): string => {
  const node = port['nodePort'] === undefined ? '' : `:${String(port['nodePort'])}`;
  return `${String(port['port'])}${node}/${asString(port['protocol'])}`;
};

const SERVICE: Column[] = [
  { name: 'Type', cell: (o) => asString(spec(o)['type']) },
  { name: 'Cluster-IP', cell: (o) => orNone(asString(spec(o)['clusterIP'])) },
  {
    name: 'External-IP',
    cell: (o) =>
      spec(o)['type'] === 'ExternalName' ? asString(spec(o)['externalName']) : orNone(list(spec(o)['externalIPs'])),
  },
  { name: 'Port(s)', cell: (o) => orNone(asArray(spec(o)['ports']).map(asObject).map(portText).join(',')) },
  AGE,
  { name: 'Selector', priority: WIDE, cell: (o) => printSelector({ matchLabels: spec(o)['selector'] }) },
];

const NODE: Column[] = [
  {
    name: 'Status',
    cell: (o) => {
      const ready = asArray(status(o)['conditions'])
        .map(asObject)
        .find((c) => c['type'] === 'Ready');
      const words = [ready === undefined ? 'Unknown' : ready['status'] === 'True' ? 'Ready' : 'NotReady'];
      if (spec(o)['unschedulable'] === true) words.push('SchedulingDisabled');
      return words.join(',');
    },
  },
  {
    name: 'Roles',
    cell: (o) => {
      const prefix = 'node-role.kubernetes.io/';
      const roles = Object.keys(o.metadata.labels ?? {})
        .filter((key) => key.startsWith(prefix))
        .map((key) => key.slice(prefix.length));
      return orNone(roles.sort().join(','));
    },
  },
  AGE,
  { name: 'Version', cell: (o) => asString(asObject(status(o)['nodeInfo'])['kubeletVersion']) },
  ...(
    [
      ['Internal-IP', 'InternalIP'],
      ['External-IP', 'ExternalIP'],
    ] as const
  ).map(([name, type]): Column => ({
    name,
    priority: WIDE,
    cell: (o) =>
      orNone(
        asString(
          asArray(status(o)['addresses'])
            .map(asObject)
            .find((a) => a['type'] === type)?.['address'],
        ),
      ),
  })),
  ...(
    [
      ['OS-Image', 'osImage'],
      ['Kernel-Version', 'kernelVersion'],
      ['Container-Runtime', 'containerRuntimeVersion'],
    ] as const
  ).map(([name, key]): Column => ({
    name,
    priority: WIDE,
    cell: (o) => asString(asObject(status(o)['nodeInfo'])[key]) || '<unknown>',
  })),
];

const eventSource = (o: KubeObject): string => {
  const source = asObject(o['source']);
  const parts = [asString(source['component']) || asString(o['reportingComponent']), asString(source['host'])];
  return parts.filter((part) => part !== '').join(', ');
};
const lastSeen = (o: KubeObject, now: number): string =>
  ageCell(
    asString(asObject(o['series'])['lastObservedTime']) ||
      asString(o['lastTimestamp']) ||
      asString(o['eventTime']) ||
      asString(o['firstTimestamp']),
    now,
  );

const EVENT: Column[] = [
  { name: 'Last Seen', cell: lastSeen },
  { name: 'Type', cell: (o) => asString(o['type']) },
  { name: 'Reason', cell: (o) => asString(o['reason']) },
  {
    name: 'Object',
    cell: (o) => {
      const about = asObject(o['involvedObject'] ?? o['regarding']);
      return `${asString(about['kind']).toLowerCase()}/${asString(about['name'])}`;
    },
  },
  { name: 'Subobject', priority: WIDE, cell: (o) => asString(asObject(o['involvedObject'])['fieldPath']) },
  { name: 'Source', priority: WIDE, cell: eventSource },
  { name: 'Message', cell: (o) => asString(o['message'] ?? o['note']).trim() },
  {
    name: 'First Seen',
    priority: WIDE,
    cell: (o, now) => ageCell(asString(o['firstTimestamp']) || asString(o['eventTime']), now),
  },
  { name: 'Count', priority: WIDE, cell: (o) => Number(asObject(o['series'])['count'] ?? o['count'] ?? 1) },
];

const replicas = (o: KubeObject): string =>
  `${String(status(o)['readyReplicas'] ?? 0)}/${String(spec(o)['replicas'] ?? 0)}`;

const BY_KIND: Readonly<Record<string, readonly Column[]>> = {
  ...CLUSTER_COLUMNS,
  '/Pod': podColumns(),
  '/Service': SERVICE,
  '/Secret': [{ name: 'Type', cell: (o) => asString(o['type']) }, { name: 'Data', cell: (o) => count(o['data']) }, AGE],
  '/ConfigMap': [{ name: 'Data', cell: (o) => count(o['data']) + count(o['binaryData']) }, AGE],
  '/Namespace': [{ name: 'Status', cell: (o) => asString(status(o)['phase']) }, AGE],
  '/PersistentVolumeClaim': CLAIM,
  '/PersistentVolume': VOLUME,
  '/Node': NODE,
  '/Event': EVENT,
  'events.k8s.io/Event': EVENT,
  'apps/StatefulSet': [
    { name: 'Ready', cell: replicas },
    AGE,
    { name: 'Containers', priority: WIDE, cell: containerNames },
    { name: 'Images', priority: WIDE, cell: images },
  ],
  'apps/Deployment': [
    { name: 'Ready', cell: replicas },
    { name: 'Up-to-date', cell: (o) => Number(status(o)['updatedReplicas'] ?? 0) },
    { name: 'Available', cell: (o) => Number(status(o)['availableReplicas'] ?? 0) },
    AGE,
    { name: 'Containers', priority: WIDE, cell: containerNames },
    { name: 'Images', priority: WIDE, cell: images },
    { name: 'Selector', priority: WIDE, cell: (o) => printSelector(spec(o)['selector']) },
  ],
  'coordination.k8s.io/Lease': [{ name: 'Holder', cell: (o) => asString(spec(o)['holderIdentity']) }, AGE],
  'policy/PodDisruptionBudget': [
    { name: 'Min Available', cell: (o) => String(spec(o)['minAvailable'] ?? 'N/A') },
    { name: 'Max Unavailable', cell: (o) => String(spec(o)['maxUnavailable'] ?? 'N/A') },
    { name: 'Allowed Disruptions', type: 'integer', cell: (o) => Number(status(o)['disruptionsAllowed'] ?? 0) },
    AGE,
  ],
  'networking.k8s.io/NetworkPolicy': [
    { name: 'Pod-Selector', cell: (o) => printSelector(spec(o)['podSelector']) },
    AGE,
  ],
};

/** The columns after the name, for kinds that have more than an age. */
export const builtinColumns = (def: ResourceDef): readonly Column[] | undefined => BY_KIND[`${def.group}/${def.kind}`];
