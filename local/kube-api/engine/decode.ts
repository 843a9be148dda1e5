import { parse as parseYaml } from 'yaml';
import type { KubeObject } from '../api-types.ts';
import { asObject, asString, isObject } from '../json.ts';
import type { Json, JsonObject } from '../json.ts';
import { apiVersionOf } from '../resource-def.ts';
import type { ResourceDef } from '../resource-def.ts';
import { applyDefaults, dropForbiddenNulls } from '../schema/default.ts';
import { pruneBuiltin, pruneCustom } from '../schema/prune.ts';
import { builtinTypeError } from '../schema/builtin-types.ts';
import { badRequest, fieldErrors, invalid } from '../status-errors.ts';

export type FieldValidation = 'Ignore' | 'Warn' | 'Strict';

/** Reads a body as JSON or YAML. 400 when it is neither. */
export function parseBody(text: string, contentType: string): Json {
  try {
    return (contentType.includes('yaml') ? parseYaml(text, { maxAliasCount: 100 }) : JSON.parse(text)) as Json;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw badRequest(`error decoding body: ${why}`);
  }
}

/** Checks that a body is an object of the kind that the URL names, and gives it its kind where it is left out. */
export function checkKind(body: Json, def: Pick<ResourceDef, 'group' | 'version' | 'kind' | 'custom'>): KubeObject {
  if (!isObject(body)) throw badRequest(`couldn't get version/kind; json parse error: the body must be an object`);
  const apiVersion = apiVersionOf(def);
  const given = { apiVersion: asString(body['apiVersion']), kind: asString(body['kind']) };
  if (def.custom !== undefined && given.kind === '') {
    const text = JSON.stringify(body);
    throw badRequest(
      `the object provided is unrecognized (must be of type ${def.kind}): Object 'Kind' is missing in '${text}' (${text})`,
    );
  }
  const { kind, version } = def;
  if (given.apiVersion !== '' && given.apiVersion !== apiVersion) {
    if (def.custom !== undefined) {
      throw badRequest(
        `the API version in the data (${given.apiVersion}) does not match the expected API version (${apiVersion})`,
      );
    }
    const why = `no kind "${given.kind}" is registered for version "${given.apiVersion}" in scheme "pkg/runtime/scheme.go:110"`;
    throw badRequest(`${given.kind} in version "${given.apiVersion}" cannot be handled as a ${kind}: ${why}`);
  }
  if (given.kind !== '' && given.kind !== kind) {
    if (def.custom !== undefined) {
      const name = asString(asObject(body['metadata'])['name']);
      throw invalid(def.group, given.kind, name, [fieldErrors.invalid('kind', given.kind, `must be ${kind}`)]);
    }
    const group = def.group === '' ? 'core' : (def.group.split('.')[0] ?? '');
    const why = `converting (${version}.${given.kind}) to (${group}.${kind}): unknown conversion`;
    throw badRequest(`${given.kind} in version "${version}" cannot be handled as a ${kind}: ${why}`);
  }
  if (body['metadata'] !== undefined && body['metadata'] !== null && !isObject(body['metadata'])) {
    throw badRequest(
      `${def.kind} in version "${def.version}" cannot be handled as a ${def.kind}: metadata must be an object`,
    );
  }
  return {
    ...body,
    apiVersion,
    kind: def.kind,
    metadata: { ...(body['metadata'] as JsonObject | undefined) },
  } as unknown as KubeObject;
}

const META_TYPE = { $ref: 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta' };

function unknownFields(object: KubeObject, def: ResourceDef): string[] {
  const json = object as unknown as JsonObject;
  if (def.custom === undefined) return pruneBuiltin(json, def.schema);
  const unknown = pruneBuiltin(object.metadata as unknown as Json, META_TYPE, 'metadata');
  return [...unknown, ...pruneCustom(json, def.custom.structural)].sort();
}

/**
 * Turns a decoded body into an object of its kind: unknown fields out (refused, warned of or dropped), nulls out,
 * defaults in. Changes `object`.
 */
export function conform(
  object: KubeObject,
  def: ResourceDef,
  validation: FieldValidation,
  warn: (text: string) => void,
): void {
  if (def.custom === undefined) {
    const typeError = builtinTypeError(object as unknown as Json, def.schema, def.kind);
    if (typeError !== null)
      throw badRequest(`${def.kind} in version "${def.version}" cannot be handled as a ${def.kind}: ${typeError}`);
  }
  const unknown = unknownFields(object, def).map((path) => `unknown field "${path}"`);
  if (unknown.length > 0 && validation === 'Strict') {
    const version = def.version;
    throw badRequest(
      `${def.kind} in version "${version}" cannot be handled as a ${def.kind}: strict decoding error: ${unknown.join(', ')}`,
    );
  }
  if (validation === 'Warn') for (const text of unknown) warn(text);
  fillDefaults(object, def);
}

function fillDefaults(object: KubeObject, def: ResourceDef): void {
  const json = object as unknown as JsonObject;
  if (def.custom !== undefined) dropForbiddenNulls(json, def.custom.structural);
  settle(object, def);
}

/** Defaults after an apply. Nulls that a custom kind does not allow stay, and are refused later, as they should. */
export function settle(object: KubeObject, def: ResourceDef): void {
  const json = object as unknown as JsonObject;
  if (def.custom === undefined) pruneBuiltin(json, def.schema);
  else {
    pruneBuiltin(object.metadata as unknown as Json, META_TYPE);
    applyDefaults(json, def.custom.structural);
  }
  def.behaviour.defaults?.(object);
}
