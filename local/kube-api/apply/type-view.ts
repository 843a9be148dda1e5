import { canonicalJson, isObject } from '../json.ts';
import type { Json, JsonObject } from '../json.ts';
import { deref, isIntOrString, itemSchema, memberSchema } from '../schema/schema.ts';
import type { Schema } from '../schema/schema.ts';

/** How apply sees a value: a leaf is owned as a whole, the others item by item. */
export type View = 'leaf' | 'map' | 'set' | 'keyed';

const MERGE_STRATEGY = /(^|,)merge(,|$)/;

function listView(schema: Schema | undefined): View {
  const type = schema?.['x-kubernetes-list-type'];
  if (type === 'map') return 'keyed';
  if (type === 'set') return 'set';
  if (type === undefined && MERGE_STRATEGY.test(schema?.['x-kubernetes-patch-strategy'] ?? '')) {
    return schema?.['x-kubernetes-patch-merge-key'] === undefined ? 'set' : 'keyed';
  }
  return 'leaf';
}

/** The view of a value of a schema; without a schema, objects are granular and lists are atomic. */
export function viewOf(schema: Schema | undefined, value: Json | undefined): View {
  if (Array.isArray(value)) return listView(schema);
  if (isObject(value)) {
    if (schema !== undefined && isIntOrString(schema)) return 'leaf';
    return schema?.['x-kubernetes-map-type'] === 'atomic' ? 'leaf' : 'map';
  }
  return 'leaf';
}

/** The view that a schema gives to null or to nothing. */
export function viewOfSchema(schema: Schema | undefined): View {
  if (schema?.type === 'array') return listView(schema);
  const isMap = schema?.type === 'object' || schema?.properties !== undefined;
  return isMap && schema?.['x-kubernetes-map-type'] !== 'atomic' ? 'map' : 'leaf';
}

/** True when the schema names this member (a struct field rather than a map key). */
export const isNamed = (schema: Schema | undefined, key: string): boolean =>
  schema?.properties !== undefined && Object.hasOwn(schema.properties, key);

export const childSchema = (schema: Schema | undefined, element: string): Schema | undefined =>
  element.startsWith('f:') ? memberSchema(schema, element.slice(2)) : itemSchema(schema);

const keysOf = (schema: Schema | undefined): readonly string[] => {
  const mergeKey = schema?.['x-kubernetes-patch-merge-key'];
  return schema?.['x-kubernetes-list-map-keys'] ?? (mergeKey === undefined ? [] : [mergeKey]);
};

/** The path element of a list item: by its keys (defaults filled in) or by its value. */
export function itemElement(schema: Schema | undefined, view: View, item: Json): string {
  if (view === 'set') return `v:${canonicalJson(item)}`;
  const element: JsonObject = {};
  const itemType = itemSchema(schema);
  for (const key of [...keysOf(schema)].sort()) {
    const value = (isObject(item) ? item[key] : undefined) ?? deref(itemType?.properties?.[key])?.default;
    if (value !== undefined) element[key] = value;
  }
  return `k:${canonicalJson(element)}`;
}
