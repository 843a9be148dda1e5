import type { KubeObject } from '../api-types.ts';
import { FieldSet } from '../apply/field-set.ts';
import { decodeManagers, encodeManagers, managersAfterUpdate, unmanaged } from '../apply/managed-fields.ts';
import type { Writer } from '../apply/managed-fields.ts';
import { jsonEqual } from '../json.ts';
import type { Json, JsonObject } from '../json.ts';
import { apiVersionOf } from '../resource-def.ts';
import type { ResourceDef } from '../resource-def.ts';
import { deref } from '../schema/schema.ts';
import type { Schema } from '../schema/schema.ts';
import type { Subresource } from './request.ts';

const STATUS = FieldSet.ofPaths(['f:status']);
const STATUS_AND_META: ReadonlySet<string> = new Set(['f:status', 'f:metadata']);

/** Which fields a write through a door may come to own. */
function ignoreAt(def: ResourceDef, subresource: Subresource): (set: FieldSet) => FieldSet {
  if (subresource === 'status') return (set) => set.keepOnly(STATUS_AND_META);
  if (def.subresources.has('status')) return (set) => set.recursiveDifference(STATUS);
  return (set) => set;
}

export function writerOf(def: ResourceDef, subresource: Subresource, manager: string, now: string): Writer {
  return {
    manager,
    apiVersion: apiVersionOf(def),
    ...(subresource === undefined ? {} : { subresource }),
    ignore: ignoreAt(def, subresource),
    now,
  };
}

/** What an object of a built-in kind has before anybody gave it anything: its structs, empty. */
function skeleton(type: Schema | undefined): JsonObject {
  const out: JsonObject = {};
  const required = deref(type)?.required ?? [];
  for (const [key, property] of Object.entries(deref(type)?.properties ?? {})) {
    const isStruct = property.$ref !== undefined && jsonEqual(property.default ?? null, {});
    if (isStruct && deref(property)?.properties !== undefined) out[key] = skeleton(property);
    else if (property.type === 'array' && required.includes(key)) out[key] = null;
  }
  return out;
}

const emptyOf = (object: KubeObject, def: ResourceDef): Json => {
  const { apiVersion, kind } = object;
  return def.custom === undefined ? { ...skeleton(def.schema), apiVersion, kind } : { apiVersion, kind };
};

/** Sets metadata.managedFields of `next` after an update or a create (`old` absent). Changes `next`. */
export function trackUpdate(old: KubeObject | undefined, next: KubeObject, def: ResourceDef, writer: Writer): void {
  const given = next.metadata.managedFields;
  const isReset =
    given !== undefined && (given.length === 0 || (given.length === 1 && Object.keys(given[0] ?? {}).length === 0));
  const source =
    given === undefined || given.length === 0 || writer.subresource !== undefined ? old?.metadata.managedFields : given;
  const managers = isReset ? [] : decodeManagers(source);
  const isTracked = old === undefined || managers.length > 0;
  const live = old === undefined ? emptyOf(next, def) : unmanaged(old);
  const after = isTracked ? managersAfterUpdate(live, unmanaged(next), def.schema, managers, writer) : managers;
  const encoded = encodeManagers(after);
  if (encoded === undefined) delete next.metadata.managedFields;
  else next.metadata.managedFields = encoded;
}

const withoutTimes = (object: KubeObject): Json => {
  const entries = (object.metadata.managedFields ?? []).map(({ time: _, ...entry }) => entry);
  return { ...object, metadata: { ...object.metadata, managedFields: entries } } as unknown as Json;
};

/** Two objects that differ at most in when their fields were last managed: not worth a write. */
export const isSameObject = (a: KubeObject, b: KubeObject): boolean => jsonEqual(withoutTimes(a), withoutTimes(b));
