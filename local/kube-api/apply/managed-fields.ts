import type { KubeObject, ManagedFieldsEntry } from '../api-types.ts';
import { isObject } from '../json.ts';
import type { Json } from '../json.ts';
import type { Schema } from '../schema/schema.ts';
import { FieldSet } from './field-set.ts';
import { compareTyped } from './typed.ts';

/** Update managers kept apart; the oldest beyond it share one entry. */
const MAX_UPDATE_MANAGERS = 10;
const BUCKET_MANAGER = 'ancient-changes';

/** Who writes, and through which door. */
export interface Writer {
  readonly manager: string;
  readonly apiVersion: string;
  readonly subresource?: 'status' | 'scale';
  /** Top-level fields that this door does not write (`f:status` at the main one). */
  readonly ignore: (set: FieldSet) => FieldSet;
  /** RFC 3339, seconds. */
  readonly now: string;
}

export interface Manager {
  readonly name: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly subresource: string;
  time: string | undefined;
  fields: FieldSet;
}

const path = (...names: string[]): string[] => names.map((name) => `f:${name}`);

/** Fields that nobody owns. */
const UNOWNED = FieldSet.ofPaths(
  path('apiVersion'),
  path('kind'),
  path('metadata'),
  ...[
    'name',
    'namespace',
    'creationTimestamp',
    'selfLink',
    'uid',
    'clusterName',
    'generation',
    'managedFields',
    'resourceVersion',
  ].map((name) => path('metadata', name)),
);

export const withoutUnowned = (set: FieldSet): FieldSet => set.difference(UNOWNED);

/** Same writer: same name, operation and subresource; updates also by version. */
export const sameManager = (
  a: Manager,
  b: Pick<Manager, 'name' | 'operation' | 'apiVersion' | 'subresource'>,
): boolean =>
  a.name === b.name &&
  a.operation === b.operation &&
  a.subresource === b.subresource &&
  (a.operation === 'Apply' || a.apiVersion === b.apiVersion);

export function decodeManagers(entries: readonly ManagedFieldsEntry[] | undefined): Manager[] {
  return (entries ?? [])
    .filter((entry) => isObject(entry.fieldsV1))
    .map((entry) => ({
      name: entry.manager,
      operation: entry.operation,
      apiVersion: entry.apiVersion,
      subresource: entry.subresource ?? '',
      time: entry.time,
      fields: FieldSet.fromFieldsV1(entry.fieldsV1),
    }));
}

const order = (m: Manager): string => [m.operation, m.time ?? '', m.name, m.apiVersion, m.subresource].join('\0');

export function encodeManagers(managers: readonly Manager[]): ManagedFieldsEntry[] | undefined {
  const kept = managers.filter((manager) => !manager.fields.isEmpty());
  if (kept.length === 0) return undefined;
  return kept
    .toSorted((a, b) => (order(a) < order(b) ? -1 : 1))
    .map((manager) => ({
      manager: manager.name,
      operation: manager.operation,
      apiVersion: manager.apiVersion,
      ...(manager.time === undefined ? {} : { time: manager.time }),
      fieldsType: 'FieldsV1' as const,
      fieldsV1: manager.fields.toFieldsV1(),
      ...(manager.subresource === '' ? {} : { subresource: manager.subresource }),
    }));
}

function capUpdateManagers(managers: Manager[]): Manager[] {
  const updates = managers
    .filter((m) => m.operation === 'Update')
    .sort((a, b) => ((a.time ?? '') < (b.time ?? '') ? -1 : 1));
  const excess = updates.length - MAX_UPDATE_MANAGERS;
  if (excess <= 0) return managers;
  const oldest = updates.slice(0, excess + 1);
  const [first] = oldest;
  if (first === undefined) return managers;
  const bucket: Manager = {
    ...first,
    name: BUCKET_MANAGER,
    subresource: '',
    time: oldest.at(-1)?.time,
    fields: oldest.reduce((set, manager) => set.union(manager.fields), new FieldSet()),
  };
  return [...managers.filter((m) => !oldest.includes(m)), bucket];
}

/**
 * Who owns what after a create, update or patch (not apply): the writer takes what it added or changed, everybody
 * else loses that, and nobody owns what is gone. `live` is a skeleton of the kind for a create.
 */
export function managersAfterUpdate(
  live: Json,
  next: Json,
  schema: Schema | undefined,
  managers: Manager[],
  writer: Writer,
): Manager[] {
  const compared = compareTyped(live, next, schema);
  const changed = writer.ignore(compared.added.union(compared.modified));
  const removed = writer.ignore(compared.removed);
  const self = {
    name: writer.manager,
    operation: 'Update' as const,
    apiVersion: writer.apiVersion,
    subresource: writer.subresource ?? '',
  };
  const out = managers.map((manager) => ({
    ...manager,
    fields: manager.fields.difference(changed).difference(removed),
  }));
  const taken = withoutUnowned(changed);
  // The real server keeps no time for writes through scale.
  const time = writer.subresource === 'scale' ? undefined : writer.now;
  if (!taken.isEmpty()) {
    const mine = out.find((manager) => sameManager(manager, self));
    if (mine === undefined) out.push({ ...self, time, fields: taken });
    else {
      mine.fields = mine.fields.union(taken);
      mine.time = time;
    }
  }
  return capUpdateManagers(out.filter((manager) => !manager.fields.isEmpty()));
}

/** The object as ownership sees it: without managedFields. */
export function unmanaged(object: KubeObject): Json {
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata } as unknown as Json;
}
