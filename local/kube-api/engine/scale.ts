import type { KubeObject } from '../api-types.ts';
import { asObject, cloneJson, getPath, isObject, setPath } from '../json.ts';
import type { Json, JsonObject } from '../json.ts';
import type { ResourceDef, ScalePaths } from '../resource-def.ts';
import { printSelector } from '../tables/builtin-columns.ts';
import { badRequest, fieldErrors, internalError, invalid, unknownPath } from '../status-errors.ts';

const MAX_REPLICAS = 2_147_483_647;

function pathsOf(def: ResourceDef): ScalePaths {
  if (def.scale === undefined) throw unknownPath();
  return def.scale;
}

/** The object as autoscaling/v1 Scale. */
export function toScale(def: ResourceDef, object: KubeObject): KubeObject {
  const paths = pathsOf(def);
  const json = object as unknown as JsonObject;
  const replicas = getPath(json, paths.spec);
  if (replicas === undefined && def.custom !== undefined) {
    throw internalError(`the spec replicas field ".${paths.spec.join('.')}" does not exist`);
  }
  const current = getPath(json, paths.status);
  const selector = paths.selector === undefined ? undefined : getPath(json, paths.selector);
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const text = isObject(selector) ? printSelector(selector) : selector;
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, ...(namespace === undefined ? {} : { namespace }), uid, resourceVersion, creationTimestamp },
    spec: typeof replicas === 'number' && replicas !== 0 ? { replicas } : {},
    status: {
      replicas: typeof current === 'number' ? current : 0,
      ...(typeof text === 'string' && text !== '' ? { selector: text } : {}),
    },
  };
}

/** The object with the replicas of a Scale. 422 for a negative count, 400 for anything else that is none. */
export function withScale(def: ResourceDef, object: KubeObject, scale: Json): KubeObject {
  const paths = pathsOf(def);
  const given = asObject(scale);
  if (given['kind'] !== undefined && given['kind'] !== 'Scale')
    throw badRequest(`expected kind Scale, got ${JSON.stringify(given['kind'])}`);
  const replicas = asObject(given['spec'])['replicas'] ?? 0;
  if (!Number.isInteger(replicas))
    throw badRequest(`Scale in version "v1" cannot be handled as a Scale: spec.replicas must be an integer`);
  const count = Number(replicas);
  if (def.custom === undefined && (count < 0 || count > MAX_REPLICAS)) {
    const text = count < 0 ? 'must be greater than or equal to 0' : `must be less than or equal to ${MAX_REPLICAS}`;
    throw invalid('autoscaling', 'Scale', object.metadata.name, [fieldErrors.invalid('spec.replicas', count, text)]);
  }
  const next = cloneJson(object);
  setPath(next as unknown as JsonObject, paths.spec, count);
  const version = asObject(given['metadata'])['resourceVersion'];
  if (typeof version === 'string' && version !== '') next.metadata.resourceVersion = version;
  return next;
}
