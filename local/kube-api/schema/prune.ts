import { isObject } from '../json.ts';
import type { Json } from '../json.ts';
import { deref, isIntOrString, QUANTITY } from './schema.ts';
import type { Schema } from './schema.ts';

const META_FIELDS = new Set(['apiVersion', 'kind', 'metadata']);

const join = (path: string, key: string): string => (path === '' ? key : `${path}.${key}`);

/** Objects of these built-in types are free-form. */
const isOpaque = (schema: Schema): boolean =>
  isIntOrString(schema) ||
  (schema.type === undefined && schema.properties === undefined && schema.additionalProperties === undefined) ||
  (schema.type === 'object' && schema.properties === undefined && schema.additionalProperties === undefined);

/**
 * Removes what a custom resource's structural schema does not know, in place.
 * @returns paths of the removed fields, sorted, as strict decoding names them.
 */
export function pruneCustom(value: Json, schema: Schema | undefined): string[] {
  const unknown: string[] = [];
  prune(value, schema, '', true, unknown);
  return unknown.sort();
}

function prune(value: Json, schema: Schema | undefined, path: string, embedded: boolean, unknown: string[]): void {
  const keep = schema?.['x-kubernetes-preserve-unknown-fields'] === true;
  if (Array.isArray(value)) {
    value.forEach((item, i) =>
      prune(item, schema?.items, `${path}[${i}]`, schema?.items?.['x-kubernetes-embedded-resource'] === true, unknown),
    );
    return;
  }
  if (!isObject(value)) return;
  for (const [key, member] of Object.entries(value)) {
    if (embedded && META_FIELDS.has(key)) continue;
    const named =
      schema?.properties !== undefined && Object.hasOwn(schema.properties, key) ? schema.properties[key] : undefined;
    const extra = typeof schema?.additionalProperties === 'object' ? schema.additionalProperties : undefined;
    const below = named ?? extra;
    if (below !== undefined) {
      prune(member ?? null, below, join(path, key), below['x-kubernetes-embedded-resource'] === true, unknown);
    } else if (!keep && schema?.additionalProperties !== true) {
      unknown.push(join(path, key));
      delete value[key];
    }
  }
}

/** What Go leaves out when it writes a built-in object: nulls, empty lists and empty maps. */
function isAbsent(value: Json | undefined, type: Schema | undefined): boolean {
  if (value === null || value === undefined) return true;
  if (Array.isArray(value)) return value.length === 0;
  const schema = deref(type);
  return isObject(value) && schema?.additionalProperties !== undefined && Object.keys(value).length === 0;
}

/**
 * Removes what a built-in type does not know, and members that are null (Go leaves them out), in place.
 * @returns paths of the unknown fields.
 */
export function pruneBuiltin(value: Json, type: Schema | undefined, path = ''): string[] {
  const schema = deref(type);
  if (schema === undefined || type?.$ref === QUANTITY || isOpaque(schema)) return [];
  if (Array.isArray(value)) return value.flatMap((item, i) => pruneBuiltin(item, schema.items, `${path}[${i}]`));
  if (!isObject(value)) return [];
  const unknown: string[] = [];
  for (const [key, member] of Object.entries(value)) {
    const named =
      schema.properties !== undefined && Object.hasOwn(schema.properties, key) ? schema.properties[key] : undefined;
    const extra = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined;
    const below = named ?? extra;
    if (below === undefined && schema.additionalProperties !== true) {
      unknown.push(join(path, key));
      delete value[key];
    } else if (isAbsent(member, below) && schema.required?.includes(key) !== true && key !== 'managedFields') {
      delete value[key];
    } else if (member !== undefined) unknown.push(...pruneBuiltin(member, below, join(path, key)));
  }
  return unknown;
}
