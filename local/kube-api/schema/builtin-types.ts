import { isObject } from '../json.ts';
import type { Json } from '../json.ts';
import { deref, isIntOrString, QUANTITY } from './schema.ts';
import type { Schema } from './schema.ts';

const GO_TYPES: Readonly<Record<string, string>> = {
  string: 'string',
  boolean: 'bool',
  integer: 'int32',
  number: 'float64',
};

function jsonTypeName(value: Json): string {
  if (Array.isArray(value)) return 'array';
  if (isObject(value)) return 'object';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

function goType(schema: Schema): string {
  if (schema.type === 'integer' && schema.format === 'int64') return 'int64';
  return GO_TYPES[schema.type ?? ''] ?? schema.type ?? 'object';
}

function mismatch(value: Json, schema: Schema): boolean {
  switch (schema.type) {
    case 'string':
      return typeof value !== 'string';
    case 'boolean':
      return typeof value !== 'boolean';
    case 'integer':
      return !Number.isInteger(value);
    case 'number':
      return typeof value !== 'number';
    case 'array':
      return !Array.isArray(value);
    case 'object':
      return !isObject(value);
    default:
      return false;
  }
}

/**
 * The first value of a built-in type that could not be decoded into it, in the words of Go's decoder; null when all
 * can. Bytes (`format: byte`) are checked to be base64.
 */
export function builtinTypeError(value: Json, type: Schema | undefined, where: string): string | null {
  const schema = deref(type);
  if (schema === undefined || value === null || value === undefined) return null;
  if (type?.$ref === QUANTITY || isIntOrString(schema)) {
    return typeof value === 'string' || typeof value === 'number'
      ? null
      : `json: cannot unmarshal ${jsonTypeName(value)} into Go struct field ${where}`;
  }
  if (mismatch(value, schema)) {
    return `json: cannot unmarshal ${jsonTypeName(value)} into Go struct field ${where} of type ${goType(schema)}`;
  }
  if (schema.format === 'byte' && typeof value === 'string' && !/^[A-Za-z0-9+/]*={0,2}$/.test(value)) {
    return `illegal base64 data at input byte ${Math.max(0, value.search(/[^A-Za-z0-9+/=]/))}`;
  }
  if (Array.isArray(value)) {
    for (const item of value) {
      const error = builtinTypeError(item, schema.items, where);
      if (error !== null) return error;
    }
    return null;
  }
  if (!isObject(value)) return null;
  for (const [key, member] of Object.entries(value)) {
    const extra = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined;
    const named =
      schema.properties !== undefined && Object.hasOwn(schema.properties, key) ? schema.properties[key] : undefined;
    const error = builtinTypeError(member ?? null, named ?? extra, named === undefined ? where : `${where}.${key}`);
    if (error !== null) return error;
  }
  return null;
}
