import { RE2JS } from 're2js';
import { isObject, jsonEqual } from '../json.ts';
import type { Json, JsonObject } from '../json.ts';
import { fieldErrors } from '../status-errors.ts';
import type { FieldError } from '../status-errors.ts';
import { formatError } from './formats.ts';
import { correlateItem } from './correlate.ts';
import type { Schema } from './schema.ts';

/**
 * Validation by structural schemas, with the words, field paths and order of the API server's validator.
 * Pure but for a cache of compiled patterns.
 */

const PATTERN_CACHE_LIMIT = 1_000;
const patterns = new Map<string, RE2JS | null>();

/** A pattern in RE2's dialect, as the API server reads it; null when it does not compile. */
function compiled(pattern: string): RE2JS | null {
  let found = patterns.get(pattern);
  if (found === undefined) {
    if (patterns.size >= PATTERN_CACHE_LIMIT) patterns.clear();
    try {
      found = RE2JS.compile(pattern);
    } catch {
      found = null;
    }
    patterns.set(pattern, found);
  }
  return found;
}

function typeName(value: Json): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

function typesOf(schema: Schema): string[] {
  if (schema['x-kubernetes-int-or-string'] === true) return ['integer', 'string'];
  return schema.type === undefined || schema.type === '' ? [] : [schema.type];
}

function typeErrors(value: Json, schema: Schema, path: string): FieldError[] {
  const types = typesOf(schema);
  if (types.length === 0) return [];
  const actual = typeName(value);
  if (value === null && schema.nullable === true) return [];
  if (types.includes(actual) || (actual === 'integer' && types.includes('number'))) return [];
  const wanted = types.join(',');
  return [fieldErrors.typeInvalid(path, actual, `${inBody(path)} must be of type ${wanted}: "${actual}"`)];
}

/** Texts name the field within the body; the root has no name. */
const inBody = (path: string): string => `${path} in body`;

function stringErrors(value: string, schema: Schema, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const length = [...value].length;
  if (schema.maxLength !== undefined && length > schema.maxLength)
    errors.push(fieldErrors.tooLong(path, schema.maxLength));
  if (schema.minLength !== undefined && length < schema.minLength) {
    errors.push(fieldErrors.invalid(path, value, `${inBody(path)} should be at least ${schema.minLength} chars long`));
  }
  if (
    schema.pattern !== undefined &&
    schema.pattern !== '' &&
    compiled(schema.pattern)?.matcher(value).find() !== true
  ) {
    errors.push(fieldErrors.invalid(path, value, `${inBody(path)} should match '${schema.pattern}'`));
  }
  if (schema.format !== undefined && formatError(schema.format, value)) {
    errors.push(
      fieldErrors.typeInvalid(
        path,
        value,
        `${inBody(path)} must be of type ${schema.format}: ${JSON.stringify(value)}`,
      ),
    );
  }
  return errors;
}

function numberErrors(value: number, schema: Schema, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const refuse = (text: string): unknown =>
    errors.push(fieldErrors.invalid(path, value, `${inBody(path)} should be ${text}`));
  const { maximum, minimum, multipleOf } = schema;
  if (multipleOf !== undefined && multipleOf > 0 && !Number.isInteger(value / multipleOf))
    refuse(`a multiple of ${multipleOf}`);
  if (maximum !== undefined) {
    if (schema.exclusiveMaximum === true ? value >= maximum : value > maximum) {
      refuse(`less than ${schema.exclusiveMaximum === true ? '' : 'or equal to '}${maximum}`);
    }
  }
  if (minimum !== undefined) {
    if (schema.exclusiveMinimum === true ? value <= minimum : value < minimum) {
      refuse(`greater than ${schema.exclusiveMinimum === true ? '' : 'or equal to '}${minimum}`);
    }
  }
  return errors;
}

function enumErrors(value: Json, schema: Schema, path: string): FieldError[] {
  const allowed = schema.enum ?? [];
  if (allowed.length === 0 || value === null || allowed.some((option) => jsonEqual(option, value))) return [];
  const shown = allowed.map((option) => (typeof option === 'string' ? option : JSON.stringify(option)));
  return [fieldErrors.notSupported(path, value, shown)];
}

function arrayErrors(value: Json[], old: Json | undefined, schema: Schema, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const { items, minItems, maxItems } = schema;
  if (items !== undefined) {
    value.forEach((item, i) =>
      errors.push(...validateSchema(item, items, `${path}[${i}]`, correlateItem(schema, item, old))),
    );
  }
  if (minItems !== undefined && value.length < minItems) {
    errors.push(fieldErrors.invalid(path, value.length, `${inBody(path)} should have at least ${minItems} items`));
  }
  if (maxItems !== undefined && value.length > maxItems) errors.push(fieldErrors.tooMany(path, value.length, maxItems));
  return errors;
}

function objectErrors(value: JsonObject, old: Json | undefined, schema: Schema, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const was = isObject(old) ? old : {};
  const at = (key: string): string => (path === '' ? key : `${path}.${key}`);
  const size = Object.keys(value).length;
  if (schema.minProperties !== undefined && size < schema.minProperties) {
    errors.push(
      fieldErrors.invalid(path, size, `${inBody(path)} should have at least ${schema.minProperties} properties`),
    );
  }
  if (schema.maxProperties !== undefined && size > schema.maxProperties)
    errors.push(fieldErrors.tooMany(path, size, schema.maxProperties));
  for (const [key, member] of Object.entries(value)) {
    const named = schema.properties !== undefined && Object.hasOwn(schema.properties, key);
    if (!named && typeof schema.additionalProperties === 'object' && member !== undefined) {
      errors.push(...validateSchema(member, schema.additionalProperties, at(key), was[key]));
    }
  }
  for (const [key, property] of Object.entries(schema.properties ?? {})) {
    const member = value[key];
    if (member !== undefined) errors.push(...validateSchema(member, property, at(key), was[key]));
  }
  for (const key of schema.required ?? []) if (value[key] === undefined) errors.push(fieldErrors.required(at(key), ''));
  return errors;
}

function combinedErrors(value: Json, schema: Schema, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const refuse = (text: string): unknown => errors.push(fieldErrors.invalid('<nil>', '', `"${path}" must ${text}`));
  const passes = (option: Schema): boolean => validateSchema(value, option, path).length === 0;
  const { anyOf = [], oneOf = [], allOf = [], not } = schema;
  if (anyOf.length > 0 && !anyOf.some(passes)) {
    refuse('validate at least one schema (anyOf)');
    errors.push(...(anyOf[0] === undefined ? [] : validateSchema(value, anyOf[0], path)));
  }
  if (oneOf.length > 0) {
    const valid = oneOf.filter(passes).length;
    if (valid !== 1) {
      const found = valid === 0 ? 'Found none valid' : `Found ${valid} valid alternatives`;
      refuse(`validate one and only one schema (oneOf). ${found}`);
      if (valid === 0 && oneOf[0] !== undefined) errors.push(...validateSchema(value, oneOf[0], path));
    }
  }
  const failing = allOf.flatMap((option) => validateSchema(value, option, path));
  if (failing.length > 0) {
    errors.push(...failing);
    refuse('validate all the schemas (allOf)');
  }
  if (not !== undefined && passes(not)) refuse('not validate the schema (not)');
  return errors;
}

/**
 * The refusals of a value under a schema. What is unchanged since `old` is not refused again (ratcheting):
 * a stricter schema must not make old objects unchangeable.
 */
export function validateSchema(value: Json, schema: Schema, path: string, old?: Json): FieldError[] {
  if (old !== undefined && jsonEqual(value, old)) return [];
  const errors = typeErrors(value, schema, path);
  if (value === null) return errors;
  errors.push(...combinedErrors(value, schema, path));
  if (typeof value === 'string') errors.push(...stringErrors(value, schema, path));
  if (typeof value === 'number') errors.push(...numberErrors(value, schema, path));
  if (Array.isArray(value)) errors.push(...arrayErrors(value, old, schema, path));
  errors.push(...enumErrors(value, schema, path));
  if (isObject(value)) errors.push(...objectErrors(value, old, schema, path));
  return errors;
}
