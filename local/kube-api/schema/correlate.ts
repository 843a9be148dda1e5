import { isObject, jsonEqual } from '../json.ts';
import type { Json } from '../json.ts';
import type { Schema } from './schema.ts';

/** The old counterpart of a list item: the one with the same keys, where the list has keys. */
export function correlateItem(schema: Schema, item: Json, old: Json | undefined): Json | undefined {
  if (schema['x-kubernetes-list-type'] !== 'map' || !Array.isArray(old) || !isObject(item)) return undefined;
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  return old.find((other) => isObject(other) && keys.every((key) => jsonEqual(other[key], item[key])));
}
