import type { KubeObject } from '../api-types.ts';
import { validateRules } from '../cel/rules.ts';
import { isObject } from '../json.ts';
import type { Json, JsonObject } from '../json.ts';
import type { ResourceDef, ScalePaths } from '../resource-def.ts';
import { validateListTypes } from '../schema/list-types.ts';
import { validateSchema } from '../schema/validate.ts';
import type { Schema } from '../schema/schema.ts';
import { fieldErrors } from '../status-errors.ts';
import type { FieldError } from '../status-errors.ts';
import type { Subresource } from '../engine/request.ts';

/** Errors after which rules are not run: they could trip over what is wrong already. */
const BLOCKING = new Set([
  'FieldValueNotSupported',
  'FieldValueRequired',
  'FieldValueTooLong',
  'FieldValueTooMany',
  'FieldValueTypeInvalid',
]);
const NOT_CHECKED =
  'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation';
const MAX_REPLICAS = 2_147_483_647;

function goType(value: Json): string {
  if (Array.isArray(value)) return '[]interface {}';
  if (value === null) return '<nil>';
  if (typeof value === 'object') return 'map[string]interface {}';
  if (typeof value === 'number') return 'float64';
  return typeof value === 'boolean' ? 'bool' : 'string';
}

const goText = (value: Json): string =>
  value === null ? '<nil>' : typeof value === 'object' ? JSON.stringify(value) : String(value);

interface Reached {
  readonly value?: number;
  /** What stood in the way, where a number or an object should be. */
  readonly wrong?: Json;
  readonly expected?: string;
}

function reach(object: JsonObject, path: readonly string[]): Reached {
  let at: Json | undefined = object;
  for (const key of path) {
    if (at === null) return {};
    if (!isObject(at)) return { wrong: at, expected: 'map[string]interface{}' };
    at = at[key];
    if (at === undefined) return {};
  }
  return typeof at === 'number' && Number.isInteger(at) ? { value: at } : { wrong: at, expected: 'int64' };
}

function scaleErrors(object: KubeObject, paths: ScalePaths | undefined, withSpec: boolean): FieldError[] {
  if (paths === undefined) return [];
  return [...(withSpec ? [paths.spec] : []), paths.status].flatMap((path) => {
    const field = `.${path.join('.')}`;
    const { value, wrong, expected } = reach(object as unknown as JsonObject, path);
    if (wrong !== undefined) {
      const text = `${field} accessor error: ${goText(wrong)} is of the type ${goType(wrong)}, expected ${expected}`;
      return [fieldErrors.invalid(field, 0, text)];
    }
    if (value === undefined) return [];
    if (value < 0) return [fieldErrors.invalid(field, value, 'should be a non-negative integer')];
    return value > MAX_REPLICAS
      ? [fieldErrors.invalid(field, value, `should be less than or equal to ${MAX_REPLICAS}`)]
      : [];
  });
}

/** metadata is validated elsewhere; a schema may only restrict name and generateName. */
const schemaOf = (def: ResourceDef): Schema => def.custom?.structural ?? {};

function withRules(errors: FieldError[], run: () => FieldError[]): FieldError[] {
  if (errors.some((error) => BLOCKING.has(error.type)))
    return [...errors, fieldErrors.invalid('<nil>', null, NOT_CHECKED)];
  return [...errors, ...run()];
}

/** The refusals of a new custom resource: schema, list types, then rules. */
export function validateCustom(object: KubeObject, def: ResourceDef): FieldError[] {
  const schema = schemaOf(def);
  const json = object as unknown as Json;
  const errors = [
    ...validateSchema(json, schema, ''),
    ...scaleErrors(object, def.scale, true),
    ...validateListTypes(json, schema),
  ];
  return withRules(errors, () => validateRules(json, undefined, schema));
}

/** The refusals of a change; through `status` only that member and the rules on it count. */
export function validateCustomUpdate(
  object: KubeObject,
  old: KubeObject,
  def: ResourceDef,
  subresource: Subresource,
): FieldError[] {
  const schema = schemaOf(def);
  const json = object as unknown as JsonObject;
  const was = old as unknown as JsonObject;
  const wasListClean = validateListTypes(was, schema).length === 0;
  const listErrors = wasListClean ? validateListTypes(json, schema) : [];
  if (subresource === 'status') {
    const statusSchema = schema.properties?.['status'];
    const found =
      json['status'] === undefined || statusSchema === undefined
        ? []
        : validateSchema(json['status'], statusSchema, '', was['status']);
    // The texts name fields within status; only the paths start at the object.
    const errors = found.map((error) =>
      error.field === '<nil>' ? error : { ...error, field: error.field === '' ? 'status' : `status.${error.field}` },
    );
    return withRules([...errors, ...scaleErrors(object, def.scale, false), ...listErrors], () =>
      validateRules(json, was, schema),
    );
  }
  const errors = [...validateSchema(json, schema, '', was), ...scaleErrors(object, def.scale, true), ...listErrors];
  return withRules(errors, () => validateRules(json, was, schema));
}
