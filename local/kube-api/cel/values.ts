import type { CelInput } from '@bufbuild/cel';
import { isObject } from '../json.ts';
import type { Json } from '../json.ts';
import type { Schema } from '../schema/schema.ts';
import { toDuration, toTimestamp } from './environment.ts';

/** Words that CEL keeps for itself; a member of such a name is read as `__name__`. */
const RESERVED = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);

/** The name under which a rule reads a member, or null when it cannot. */
export function escapeName(name: string): string | null {
  if (RESERVED.has(name)) return `__${name}__`;
  if (!/^[A-Za-z_][A-Za-z0-9_./-]*$/.test(name)) return null;
  return name
    .replaceAll('__', '__underscores__')
    .replaceAll('.', '__dot__')
    .replaceAll('-', '__dash__')
    .replaceAll('/', '__slash__');
}

function fromString(value: string, schema: Schema | undefined): CelInput {
  switch (schema?.format) {
    case 'date-time':
      return toTimestamp(value);
    case 'duration':
      return toDuration(value);
    case 'byte':
      return new Uint8Array(Buffer.from(value, 'base64'));
    default:
      return value;
  }
}

/** A JSON value as rules see it under its schema: typed numbers, times and durations; members by their CEL names. */
export function toCel(value: Json, schema: Schema | undefined): CelInput {
  if (value === null || typeof value === 'boolean') return value;
  if (typeof value === 'string') return fromString(value, schema);
  if (typeof value === 'number') return Number.isInteger(value) && schema?.type !== 'number' ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map((item) => toCel(item, schema?.items));
  const out = new Map<string, CelInput>();
  if (!isObject(value)) return null;
  for (const [key, member] of Object.entries(value)) {
    const named =
      schema?.properties !== undefined && Object.hasOwn(schema.properties, key) ? schema.properties[key] : undefined;
    const extra = typeof schema?.additionalProperties === 'object' ? schema.additionalProperties : undefined;
    // Members without a schema are not there for rules.
    if (member === undefined || (named === undefined && extra === undefined)) continue;
    const name = named === undefined ? key : escapeName(key);
    if (name !== null) out.set(name, toCel(member, named ?? extra));
  }
  return out;
}
