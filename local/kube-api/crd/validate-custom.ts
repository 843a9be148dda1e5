import type { KubeObject } from '../api-types.ts';
import { validateRules } from '../cel/rules.ts';
import { getPath } from '../json.ts';
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

function scaleErrors(object: KubeObject, paths: ScalePaths | undefined, withSpec: boolean): FieldError[] {
  if (paths === undefined) return [];
  return [...(withSpec ? [paths.spec] : []), paths.status].flatMap((path) => {
    const value = getPath(object as unknown as JsonObject, path);
    if (typeof value !== 'number') return [];
    const field = `.${path.join('.')}`;
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
    const errors =
      json['status'] === undefined || statusSchema === undefined
        ? []
        : validateSchema(json['status'], statusSchema, 'status', was['status']);
    return withRules([...errors, ...scaleErrors(object, def.scale, false), ...listErrors], () =>
      validateRules(json, was, schema),
    );
  }
  const errors = [...validateSchema(json, schema, '', was), ...scaleErrors(object, def.scale, true), ...listErrors];
  return withRules(errors, () => validateRules(json, was, schema));
}
