import type { KubeList, KubeObject } from '../api-types.ts';
import type { CustomKind } from '../crd/custom-kind.ts';
import type { Json, JsonObject } from '../json.ts';
import { compileJsonPath } from '../json-path.ts';
import type { ResourceDef } from '../resource-def.ts';
import { BUILTIN_SCHEMAS, OBJECT_META } from '../schema/schema.ts';
import { ageCell } from './age.ts';
import { builtinColumns } from './builtin-columns.ts';

export interface Column {
  readonly name: string;
  readonly type?: string;
  readonly format?: string;
  readonly description?: string;
  readonly priority?: number;
  cell(object: KubeObject, now: number): Json;
}

/** How much of each object a table's rows carry along. */
export type IncludeObject = 'None' | 'Metadata' | 'Object';

const OBJECT_META_NAME = BUILTIN_SCHEMAS[OBJECT_META]?.properties?.['name']?.description ?? '';

const NAME: Column = {
  name: 'Name',
  format: 'name',
  description: OBJECT_META_NAME,
  cell: (object) => object.metadata.name,
};
const AGE: Column = { name: 'Age', cell: (object, now) => ageCell(object.metadata.creationTimestamp, now) };

function customColumns(custom: CustomKind): Column[] {
  const columns = custom.columns.map((column) => {
    const find = compileJsonPath(column.jsonPath);
    const cell = (object: KubeObject, now: number): Json => {
      const values = find(object as unknown as Json);
      const [value] = values;
      if (value === undefined || value === null) return null;
      if (column.type === 'date') return ageCell(String(value), now);
      if (column.type === 'string')
        return values
          .map((v) => (typeof v === 'string' ? v : JSON.stringify(v)))
          .join(' ')
          .trim() === ''
          ? ''
          : String(typeof value === 'object' ? JSON.stringify(value) : value);
      return typeof value === 'object' ? null : value;
    };
    const { name, type, format, description, priority } = column;
    return {
      name,
      type,
      format,
      description: description || `Custom resource definition column (in JSONPath format): ${column.jsonPath}`,
      priority,
      cell,
    };
  });
  return [NAME, ...columns];
}

const columnsOf = (def: ResourceDef): Column[] => {
  if (def.custom !== undefined) return customColumns(def.custom);
  const columns = builtinColumns(def) ?? [AGE];
  // Events are told by what happened; their names come last, in wide output.
  return def.kind === 'Event' ? [...columns, { ...NAME, priority: 1 }] : [NAME, ...columns];
};

const partial = (object: KubeObject): JsonObject =>
  ({ kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata }) as unknown as JsonObject;

/** A list or one object as meta.k8s.io/v1 Table. `now` is in milliseconds. */
export function toTable(
  def: ResourceDef,
  objects: readonly KubeObject[],
  metadata: KubeList['metadata'],
  include: IncludeObject,
  now: number,
): Json {
  const columns = columnsOf(def);
  const carried = (object: KubeObject): JsonObject => {
    if (include === 'None') return {};
    return { object: include === 'Object' ? (object as unknown as JsonObject) : partial(object) };
  };
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: metadata as unknown as JsonObject,
    columnDefinitions: columns.map((column) => ({
      name: column.name,
      type: column.type ?? 'string',
      format: column.format ?? '',
      description: column.description ?? '',
      priority: column.priority ?? 0,
    })),
    rows: objects.map((object) => ({ cells: columns.map((column) => column.cell(object, now)), ...carried(object) })),
  };
}

/** An object or a list with nothing but metadata. */
export function toMetadata(value: KubeObject | KubeList): Json {
  if (!('items' in value) || !Array.isArray(value.items)) return partial(value as KubeObject);
  const list = value as KubeList;
  return {
    kind: 'PartialObjectMetadataList',
    apiVersion: 'meta.k8s.io/v1',
    metadata: list.metadata as unknown as JsonObject,
    items: list.items.map(partial),
  };
}
