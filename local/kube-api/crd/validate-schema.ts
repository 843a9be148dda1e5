import { programOf } from '../cel/program.ts';
import { RE2JS } from 're2js';
import type { Json } from '../json.ts';
import type { Schema, ValidationRule } from '../schema/schema.ts';
import { validateSchema } from '../schema/validate.ts';
import { fieldErrors } from '../status-errors.ts';
import type { FieldError } from '../status-errors.ts';

/** Whether a definition's schema is structural: what the API server refuses before any object comes. */

const TYPES = ['array', 'boolean', 'integer', 'number', 'object', 'string'];
type Place = 'root' | 'field' | 'item';
const MISSING_TYPE: Readonly<Record<Place, string>> = {
  root: 'must not be empty at the root',
  field: 'must not be empty for specified object fields',
  item: 'must not be empty for specified array items',
};

function typeErrors(schema: Schema, path: string, place: Place): FieldError[] {
  const { type = '' } = schema;
  if (type === '') {
    const isFree =
      schema['x-kubernetes-int-or-string'] === true || schema['x-kubernetes-preserve-unknown-fields'] === true;
    return isFree && place !== 'root' ? [] : [fieldErrors.required(`${path}.type`, MISSING_TYPE[place])];
  }
  return TYPES.includes(type) ? [] : [fieldErrors.notSupported(`${path}.type`, type, TYPES)];
}

function patternErrors({ pattern }: Schema, path: string): FieldError[] {
  if (pattern === undefined) return [];
  try {
    RE2JS.compile(pattern);
    return [];
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return [fieldErrors.invalid(`${path}.pattern`, pattern, `must be a valid regular expression, but isn't: ${why}`)];
  }
}

function ruleErrors(rule: ValidationRule, path: string): FieldError[] {
  const errors: FieldError[] = [];
  // The API server shows a rule as its own Go type prints it.
  const shown = {
    Rule: rule.rule,
    Message: rule.message ?? '',
    MessageExpression: rule.messageExpression ?? '',
    Reason: rule.reason ?? null,
    FieldPath: rule.fieldPath ?? '',
    OptionalOldSelf: rule.optionalOldSelf ?? null,
  };
  for (const [member, text] of [
    ['rule', rule.rule],
    ['messageExpression', rule.messageExpression],
  ] as const) {
    const program = text === undefined || text === '' ? {} : programOf(text);
    if ('compileError' in program)
      errors.push(
        fieldErrors.invalid(`${path}.${member}`, shown, `compilation failed: ERROR: ${program.compileError}`),
      );
  }
  return errors;
}

function listErrors(schema: Schema, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (schema.type === 'array' && schema.items === undefined)
    errors.push(fieldErrors.required(`${path}.items`, 'must be specified'));
  if (schema['x-kubernetes-list-type'] === 'map' && (schema['x-kubernetes-list-map-keys'] ?? []).length === 0) {
    errors.push(
      fieldErrors.required(`${path}.x-kubernetes-list-map-keys`, 'must not be empty if x-kubernetes-list-type is map'),
    );
  }
  return errors;
}

function defaultErrors(schema: Schema, path: string): FieldError[] {
  if (schema.default === undefined) return [];
  return validateSchema(schema.default as Json, schema, '').map((error) => ({
    ...error,
    field: `${path}.default${error.field === '' ? '' : `.${error.field}`}`,
  }));
}

/** The refusals of one schema and all below it. */
export function structuralErrors(schema: Schema, path: string, place: Place = 'root'): FieldError[] {
  const errors = [
    ...typeErrors(schema, path, place),
    ...listErrors(schema, path),
    ...patternErrors(schema, path),
    ...defaultErrors(schema, path),
    ...(schema['x-kubernetes-validations'] ?? []).flatMap((rule, i) =>
      ruleErrors(rule, `${path}.x-kubernetes-validations[${i}]`),
    ),
  ];
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const isMeta = place === 'root' && name === 'metadata';
    if (!isMeta) errors.push(...structuralErrors(property, `${path}.properties[${name}]`, 'field'));
  }
  if (schema.items !== undefined) errors.push(...structuralErrors(schema.items, `${path}.items`, 'item'));
  if (typeof schema.additionalProperties === 'object')
    errors.push(...structuralErrors(schema.additionalProperties, `${path}.additionalProperties`, 'field'));
  return errors;
}
