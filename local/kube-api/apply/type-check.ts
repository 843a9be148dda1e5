import { isObject } from '../json.ts';
import type { Json } from '../json.ts';
import { isIntOrString, itemSchema, memberSchema, QUANTITY } from '../schema/schema.ts';
import type { Schema } from '../schema/schema.ts';
import { printPath } from './field-set.ts';
import { itemElement, viewOf } from './type-view.ts';

const GO_KINDS: Readonly<Record<string, string>> = {
  string: 'string',
  integer: 'numeric (int or float)',
  number: 'numeric (int or float)',
  boolean: 'boolean',
  array: 'list',
  object: 'map',
};

function fits(value: Json, type: string): boolean {
  switch (type) {
    case 'string':
      return typeof value === 'string';
    case 'boolean':
      return typeof value === 'boolean';
    case 'integer':
    case 'number':
      return typeof value === 'number';
    case 'array':
      return Array.isArray(value);
    case 'object':
      return isObject(value);
    default:
      return true;
  }
}

function goWord(value: Json): string {
  if (Array.isArray(value)) return 'list';
  if (isObject(value)) return 'map';
  return typeof value === 'number'
    ? Number.isInteger(value)
      ? 'int'
      : 'float'
    : typeof value === 'boolean'
      ? 'bool'
      : 'string';
}

/** True where anything goes: a schema that says nothing of what is inside. */
const isOpen = (schema: Schema): boolean =>
  schema['x-kubernetes-preserve-unknown-fields'] === true ||
  schema.additionalProperties === true ||
  (schema.properties === undefined && schema.additionalProperties === undefined);

function* walk(
  value: Json,
  schema: Schema | undefined,
  path: readonly string[],
  isScalarType: boolean,
): Generator<string> {
  if (schema === undefined || value === null || isScalarType || isIntOrString(schema)) return;
  const { type = '' } = schema;
  if (type !== '' && !fits(value, type)) {
    yield `${printPath(path)}: expected ${GO_KINDS[type] ?? type}, got ${goWord(value)}`;
  } else if (Array.isArray(value)) {
    const view = viewOf(schema, value);
    const seen = new Set<string>();
    for (const [i, item] of value.entries()) {
      const element = view === 'leaf' ? `i:${i}` : itemElement(schema, view, item);
      if (seen.has(element)) yield `${printPath(path)}: duplicate entries for key ${printPath([element])}`;
      seen.add(element);
      yield* walk(item, itemSchema(schema), [...path, element], schema.items?.$ref === QUANTITY);
    }
  } else if (isObject(value)) {
    for (const [key, member] of Object.entries(value)) {
      if (member === undefined) continue;
      const below = memberSchema(schema, key);
      const at = [...path, `f:${key}`];
      if (below === undefined && !isOpen(schema)) yield `${printPath(at)}: field not declared in schema`;
      const reference =
        schema.properties?.[key] ??
        (typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined);
      yield* walk(member, below, at, reference?.$ref === QUANTITY);
    }
  }
}

/** What of a value has no place in its type, in structured merge's words. */
export const typeErrors = (value: Json, schema: Schema | undefined): string[] => [...walk(value, schema, [], false)];
