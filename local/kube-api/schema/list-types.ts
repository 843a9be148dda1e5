import { canonicalJson, isObject } from '../json.ts';
import type { Json, JsonObject } from '../json.ts';
import { fieldErrors } from '../status-errors.ts';
import type { FieldError } from '../status-errors.ts';
import type { Schema } from './schema.ts';

function duplicates(list: Json[], schema: Schema, path: string): FieldError[] {
  const type = schema['x-kubernetes-list-type'];
  if (type !== 'set' && type !== 'map') return [];
  const seen = new Set<string>();
  const errors: FieldError[] = [];
  list.forEach((item, i) => {
    let key: Json = item;
    if (type === 'map') {
      const keys: JsonObject = {};
      for (const name of schema['x-kubernetes-list-map-keys'] ?? [])
        if (isObject(item) && item[name] !== undefined) keys[name] = item[name];
      key = keys;
    }
    const text = canonicalJson(key);
    if (seen.has(text)) errors.push(fieldErrors.duplicate(`${path}[${i}]`, key));
    seen.add(text);
  });
  return errors;
}

/** Refuses lists of type set or map that hold the same thing twice. */
export function validateListTypes(value: Json | undefined, schema: Schema | undefined, path = ''): FieldError[] {
  if (schema === undefined || value === undefined) return [];
  if (Array.isArray(value)) {
    return [
      ...duplicates(value, schema, path),
      ...value.flatMap((item, i) => validateListTypes(item, schema.items, `${path}[${i}]`)),
    ];
  }
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([key, member]) => {
    const extra = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined;
    const named = schema.properties?.[key];
    const at = named === undefined ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`;
    return validateListTypes(member, named ?? extra, at);
  });
}
