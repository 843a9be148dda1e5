import { cloneJson, isObject } from '../json.ts';
import type { Json } from '../json.ts';
import type { Schema } from './schema.ts';

const isForbiddenNull = (value: Json | undefined, schema: Schema | undefined): boolean =>
  value === null && schema !== undefined && schema.nullable !== true;

/** Removes nulls that a structural schema does not allow and that no default replaces. In place. */
export function dropForbiddenNulls(value: Json, schema: Schema | undefined): void {
  if (schema === undefined) return;
  if (Array.isArray(value)) {
    for (const item of value) dropForbiddenNulls(item, schema.items);
    return;
  }
  if (!isObject(value)) return;
  for (const [key, member] of Object.entries(value)) {
    const named = schema.properties?.[key];
    if (named !== undefined) {
      if (isForbiddenNull(member, named)) delete value[key];
      else if (member !== undefined) dropForbiddenNulls(member, named);
    } else if (typeof schema.additionalProperties === 'object' && member !== undefined) {
      if (isForbiddenNull(member, schema.additionalProperties)) delete value[key];
      else dropForbiddenNulls(member, schema.additionalProperties);
    }
  }
}

/** Fills in a structural schema's defaults, top down. In place. */
export function applyDefaults(value: Json, schema: Schema | undefined): void {
  if (schema === undefined) return;
  if (Array.isArray(value)) {
    for (const item of value) applyDefaults(item, schema.items);
    return;
  }
  if (!isObject(value)) return;
  for (const [key, property] of Object.entries(schema.properties ?? {})) {
    const isOpen = value[key] === undefined || isForbiddenNull(value[key], property);
    if (property.default !== undefined && isOpen) value[key] = cloneJson(property.default);
  }
  for (const [key, member] of Object.entries(value)) {
    const extra = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined;
    if (member !== undefined) applyDefaults(member, schema.properties?.[key] ?? extra);
  }
}
