import type { KubeObject } from '../api-types.ts';
import { applyConfig, conflictError } from '../apply/server-side-apply.ts';
import { decodeManagers, encodeManagers, managersAfterUpdate, unmanaged } from '../apply/managed-fields.ts';
import { fieldSetOf } from '../apply/typed.ts';
import { typeErrors } from '../apply/type-check.ts';
import { cloneJson, isObject } from '../json.ts';
import type { Json } from '../json.ts';
import { applyJsonPatch } from '../patch/json-patch.ts';
import { applyMergePatch } from '../patch/merge-patch.ts';
import { applyStrategicPatch } from '../patch/strategic-merge.ts';
import { apiVersionOf } from '../resource-def.ts';
import type { ResourceDef } from '../resource-def.ts';
import {
  badRequest,
  bareError,
  conflict,
  fieldErrors,
  invalid,
  notFound,
  unsupportedMediaType,
} from '../status-errors.ts';
import { checkKind, conform, settle } from './decode.ts';
import type { Engine } from './engine.ts';
import type { Subresource, WriteRequest } from './request.ts';
import { writerOf } from './writer.ts';

export const PATCH_TYPES = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  applyYaml: 'application/apply-patch+yaml',
  applyCbor: 'application/apply-patch+cbor',
} as const;

const CUSTOM_PATCH_TYPES = [PATCH_TYPES.json, PATCH_TYPES.merge, PATCH_TYPES.applyYaml];

/** Applies a patch document of one of the three classic types to a JSON value. */
export function patchJson(current: Json, patch: Json, type: string, def: ResourceDef): Json {
  switch (type) {
    case PATCH_TYPES.json:
      return applyJsonPatch(current, patch);
    case PATCH_TYPES.merge:
      return applyMergePatch(current, patch);
    case PATCH_TYPES.strategic:
      if (def.custom !== undefined) throw unsupportedMediaType(CUSTOM_PATCH_TYPES);
      return applyStrategicPatch(current, patch, def.schema);
    default:
      throw unsupportedMediaType(def.custom === undefined ? undefined : CUSTOM_PATCH_TYPES);
  }
}

function checkNames(next: KubeObject, old: KubeObject): void {
  for (const [what, given, is] of [
    ['name', next.metadata.name, old.metadata.name],
    ['namespace', next.metadata.namespace, old.metadata.namespace],
  ] as const) {
    if (given !== undefined && given !== '' && given !== is) {
      const where = what === 'name' ? 'the URL' : 'the request';
      throw badRequest(`the ${what} of the object (${given}) does not match the ${what} on ${where} (${is ?? ''})`);
    }
  }
}

/** PATCH by JSON patch, merge patch or strategic merge patch. */
export function patchObject(
  engine: Engine,
  def: ResourceDef,
  namespace: string,
  name: string,
  patch: Json,
  type: string,
  request: WriteRequest,
  subresource: Subresource,
): KubeObject {
  const old = engine.get(def, namespace, name);
  const patched = patchJson(cloneJson(old) as unknown as Json, patch, type, def);
  if (!isObject(patched)) throw badRequest('the patch must leave an object');
  const next = checkKind(patched, def);
  checkNames(next, old);
  conform(next, def, request.fieldValidation, request.warn);
  return engine.replace(def, old, next, request, { subresource });
}

export interface ApplyRequest extends WriteRequest {
  readonly force: boolean;
}

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/** kubectl's own client-side past is no reason for a conflict with kubectl. */
function allowedByLastApplied(
  live: KubeObject,
  def: ResourceDef,
  manager: string,
): (path: readonly string[]) => boolean {
  const text = manager === 'kubectl' ? live.metadata.annotations?.[LAST_APPLIED] : undefined;
  if (text === undefined) return () => false;
  try {
    const owned = fieldSetOf(JSON.parse(text) as Json, def.schema);
    return (path) => owned.has(path);
  } catch {
    return () => false;
  }
}

function checkApplied(config: Json, def: ResourceDef): KubeObject {
  if (!isObject(config)) throw badRequest('error decoding YAML: the body must be an object');
  const object = config as unknown as KubeObject;
  if (object.apiVersion === undefined || object.kind === undefined)
    throw badRequest(`Object 'Kind' is missing in '${JSON.stringify(config)}'`);
  if (object.kind !== def.kind || object.apiVersion !== apiVersionOf(def)) {
    const [first = '', second] = object.apiVersion.split('/');
    const version = second === undefined ? `/${first}` : `${first}/${second}`;
    throw badRequest(`invalid object type: ${version}, Kind=${object.kind}`);
  }
  object.metadata = { ...object.metadata };
  if (object.metadata.managedFields !== undefined) throw badRequest('metadata.managedFields must be nil');
  return object;
}

function checkAppliedName({ metadata }: KubeObject, name: string): void {
  if (metadata.name !== undefined && metadata.name !== name) {
    throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${name})`);
  }
}

/** Apply needs a type for every field: without one nobody could own it. */
function requireTyped(applied: KubeObject, def: ResourceDef): void {
  const errors = typeErrors(applied as unknown as Json, def.schema);
  if (errors.length === 0) return;
  const { namespace = '', name = '' } = applied.metadata;
  const what = `${namespace}/${name}; ${def.group}/${def.version}, Kind=${def.kind}`;
  const text = errors.length === 1 ? (errors[0] ?? '') : `errors:\n${errors.map((error) => `  ${error}`).join('\n')}`;
  throw bareError(500, `failed to create typed patch object (${what}): ${text}`);
}

/** Server-side apply. @returns the object and whether it was created. */
export function applyObject(
  engine: Engine,
  def: ResourceDef,
  namespace: string,
  name: string,
  config: Json,
  request: ApplyRequest,
  subresource: Subresource,
): { object: KubeObject; created: boolean } {
  if (request.fieldManager === '') {
    throw invalid('meta.k8s.io', 'PatchOptions', '', [
      fieldErrors.required('fieldManager', 'is required for apply patch'),
    ]);
  }
  const applied = checkApplied(config, def);
  requireTyped(applied, def);
  checkAppliedName(applied, name);
  const wanted = cloneJson(applied);
  wanted.metadata.name = name;
  if (def.namespaced) wanted.metadata.namespace = namespace;
  const stored = engine.store.get(def.storageKey, namespace, name);
  if (stored === undefined) {
    if (subresource !== undefined) throw notFound(def, name);
    return { object: createByApply(engine, def, namespace, wanted, request), created: true };
  }
  const live = engine.present(def, stored);
  return { object: updateByApply(engine, def, live, wanted, request, subresource), created: false };
}

function createByApply(
  engine: Engine,
  def: ResourceDef,
  namespace: string,
  wanted: KubeObject,
  request: ApplyRequest,
): KubeObject {
  if ((wanted.metadata.uid ?? '') !== '') {
    const why = `uid mismatch: the provided object specified uid ${wanted.metadata.uid}, and no existing object was found`;
    throw conflict(def, wanted.metadata.name, why);
  }
  const empty = { apiVersion: wanted.apiVersion, kind: wanted.kind } as unknown as Json;
  const writer = writerOf(def, undefined, request.fieldManager, engine.environment.now());
  const result = applyConfig(empty, wanted as unknown as Json, def.schema, [], writer);
  const object = result.object as unknown as KubeObject;
  const entries = encodeManagers(result.managers);
  settle(object, def);
  if (entries !== undefined) object.metadata.managedFields = entries;
  return engine.create(def, namespace, object, { ...request, fieldManager: request.fieldManager }, true);
}

function updateByApply(
  engine: Engine,
  def: ResourceDef,
  live: KubeObject,
  wanted: KubeObject,
  request: ApplyRequest,
  subresource: Subresource,
): KubeObject {
  const now = engine.environment.now();
  const writer = writerOf(def, subresource, request.fieldManager, now);
  const body = unmanaged(live);
  let managers = decodeManagers(live.metadata.managedFields);
  if (managers.length === 0) {
    const first = { ...writer, manager: 'before-first-apply' };
    managers = managersAfterUpdate({ apiVersion: live.apiVersion, kind: live.kind }, body, def.schema, [], first);
  }
  const result = applyConfig(body, wanted as unknown as Json, def.schema, managers, writer);
  const allowed = allowedByLastApplied(live, def, request.fieldManager);
  const refused = request.force ? [] : result.conflicts.filter((conflict) => !allowed(conflict.path));
  if (refused.length > 0) throw conflictError(refused);
  const next = cloneJson(result.object) as unknown as KubeObject;
  next.metadata = { ...next.metadata, uid: wanted.metadata.uid ?? next.metadata.uid };
  if (wanted.metadata.resourceVersion !== undefined) next.metadata.resourceVersion = wanted.metadata.resourceVersion;
  settle(next, def);
  const entries = encodeManagers(result.managers);
  if (entries !== undefined) next.metadata.managedFields = entries;
  return engine.replace(def, live, next, request, { subresource, managed: true });
}
