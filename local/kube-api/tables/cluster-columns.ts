import type { KubeObject } from '../api-types.ts';
import { asArray, asObject, asString } from '../json.ts';
import type { Json, JsonObject } from '../json.ts';
import { ageCell } from './age.ts';
import type { Column } from './table.ts';

/** Columns of the kinds that this server only keeps: roles, storage classes, endpoints. */

const AGE: Column = { name: 'Age', cell: (object, now) => ageCell(object.metadata.creationTimestamp, now) };
const CREATED_AT: Column = { name: 'Created At', type: 'date', cell: (object) => object.metadata.creationTimestamp };
const WIDE = 1;
/** Cells with lists show so many items. */
const SHOWN = 3;

const objects = (value: unknown): JsonObject[] => asArray(value).map(asObject);
const orNone = (text: string): string => text || '<none>';

function some(items: string[]): string {
  const more = items.length - SHOWN;
  return orNone(`${items.slice(0, SHOWN).join(',')}${more > 0 ? ` + ${more} more...` : ''}`);
}

const addresses = (object: KubeObject): string[] =>
  objects(object['subsets']).flatMap((subset) =>
    objects(subset['addresses']).flatMap(({ ip }) => {
      const ports = objects(subset['ports']);
      return ports.length === 0 ? [asString(ip)] : ports.map(({ port }) => `${asString(ip)}:${String(port)}`);
    }),
  );

const subjects = (object: KubeObject, kind: string): string =>
  objects(object['subjects'])
    .filter((subject) => subject['kind'] === kind)
    .map(({ name, namespace }) =>
      kind === 'ServiceAccount' ? `${asString(namespace)}/${asString(name)}` : asString(name),
    )
    .join(', ');

const role = (object: KubeObject): string => {
  const { kind, name } = asObject(object['roleRef']);
  return `${asString(kind)}/${asString(name)}`;
};

const BINDING: readonly Column[] = [
  { name: 'Role', cell: role },
  AGE,
  { name: 'Users', priority: WIDE, cell: (object) => subjects(object, 'User') },
  { name: 'Groups', priority: WIDE, cell: (object) => subjects(object, 'Group') },
  { name: 'ServiceAccounts', priority: WIDE, cell: (object) => subjects(object, 'ServiceAccount') },
];

const text = (object: KubeObject, member: string): string => asString(object[member] as Json | undefined);

export const CLUSTER_COLUMNS: Readonly<Record<string, readonly Column[]>> = {
  '/Endpoints': [{ name: 'Endpoints', cell: (object) => some(addresses(object)) }, AGE],
  '/ServiceAccount': [{ name: 'Secrets', cell: (object) => asArray(object['secrets']).length }, AGE],
  'rbac.authorization.k8s.io/Role': [CREATED_AT],
  'rbac.authorization.k8s.io/ClusterRole': [CREATED_AT],
  'rbac.authorization.k8s.io/RoleBinding': BINDING,
  'rbac.authorization.k8s.io/ClusterRoleBinding': BINDING,
  'storage.k8s.io/StorageClass': [
    { name: 'Provisioner', cell: (object) => text(object, 'provisioner') },
    { name: 'ReclaimPolicy', cell: (object) => text(object, 'reclaimPolicy') },
    { name: 'VolumeBindingMode', cell: (object) => text(object, 'volumeBindingMode') },
    { name: 'AllowVolumeExpansion', cell: (object) => String(object['allowVolumeExpansion'] === true) },
    AGE,
  ],
  'discovery.k8s.io/EndpointSlice': [
    { name: 'AddressType', cell: (object) => text(object, 'addressType') },
    {
      name: 'Ports',
      cell: (object) =>
        some(objects(object['ports']).map(({ port }) => String(port ?? '*'))).replace('<none>', '<unset>'),
    },
    {
      name: 'Endpoints',
      cell: (object) =>
        some(objects(object['endpoints']).flatMap((e) => asArray(e['addresses']).map(asString))).replace(
          '<none>',
          '<unset>',
        ),
    },
    AGE,
  ],
  'apiextensions.k8s.io/CustomResourceDefinition': [CREATED_AT],
};
