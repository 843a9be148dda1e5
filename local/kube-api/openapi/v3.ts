import { createHash } from 'node:crypto';
import type { Registry } from '../engine/registry.ts';
import { isObject } from '../json.ts';
import type { Json, JsonObject } from '../json.ts';
import { apiVersionOf } from '../resource-def.ts';
import type { ResourceDef } from '../resource-def.ts';
import { BUILTIN_SCHEMAS } from '../schema/schema.ts';

const REF = '#/components/schemas/';

/** Group, reversed, and kind: how OpenAPI names the types of custom resources. */
const typeName = (def: ResourceDef): string => {
  for (const [name, schema] of Object.entries(BUILTIN_SCHEMAS)) {
    const gvks = schema['x-kubernetes-group-version-kind'] ?? [];
    if (
      gvks.length === 1 &&
      gvks.some((gvk) => gvk.group === def.group && gvk.version === def.version && gvk.kind === def.kind)
    )
      return name;
  }
  return `${def.group.split('.').reverse().join('.')}.${def.version}.${def.kind}`;
};

/** A schema as OpenAPI writes it: references spelled out, siblings of a reference beside an allOf. */
function published(node: Json | undefined, used: Set<string>): Json {
  if (Array.isArray(node)) return node.map((item) => published(item, used));
  if (!isObject(node)) return node ?? null;
  const { $ref, ...rest } = node;
  const out: JsonObject = {};
  for (const [key, value] of Object.entries(rest)) {
    // The keys of `properties` are names of members, one of them `$ref`.
    const isNames = key === 'properties' && isObject(value);
    out[key] = isNames
      ? Object.fromEntries(Object.entries(value).map(([name, of]) => [name, published(of, used)]))
      : published(value, used);
  }
  if (typeof $ref !== 'string') return out;
  used.add($ref);
  const reference = { $ref: `${REF}${$ref}` };
  return Object.keys(out).length === 0 ? reference : { ...out, allOf: [reference] };
}

const query = (name: string, type = 'string'): JsonObject => ({
  name,
  in: 'query',
  schema: { type, uniqueItems: true },
});
const WRITE_PARAMETERS = [query('dryRun'), query('fieldManager'), query('fieldValidation')];
const PATCH_PARAMETERS = [...WRITE_PARAMETERS, query('force', 'boolean')];

function operation(def: ResourceDef, action: string, parameters: JsonObject[] = []): JsonObject {
  const { group, version, kind } = def;
  const schema = { $ref: `${REF}${typeName(def)}` };
  return {
    operationId: `${action}${version}${def.namespaced ? 'Namespaced' : ''}${kind}`,
    parameters,
    responses: { '200': { description: 'OK', content: { 'application/json': { schema } } } },
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': { group, version, kind },
  };
}

function pathsOf(def: ResourceDef): JsonObject {
  const root = def.group === '' ? `/api/${def.version}` : `/apis/${def.group}/${def.version}`;
  const collection = def.namespaced ? `${root}/namespaces/{namespace}/${def.resource}` : `${root}/${def.resource}`;
  return {
    [collection]: {
      get: operation(def, 'list'),
      post: operation(def, 'post', WRITE_PARAMETERS),
      delete: operation(def, 'deletecollection', [query('dryRun')]),
    },
    [`${collection}/{name}`]: {
      get: operation(def, 'get'),
      put: operation(def, 'put', WRITE_PARAMETERS),
      patch: operation(def, 'patch', PATCH_PARAMETERS),
      delete: operation(def, 'delete', [query('dryRun')]),
    },
  };
}

/** Adds the types that the given ones refer to, and theirs. */
function withReferences(schemas: JsonObject, used: Set<string>): void {
  for (const name of used)
    if (schemas[name] === undefined) schemas[name] = published(BUILTIN_SCHEMAS[name] as unknown as Json, used);
}

const INFO = { title: 'Annulus local Kubernetes API', version: 'v1.34' };

function documentOf(defs: readonly ResourceDef[]): JsonObject {
  const used = new Set<string>();
  const schemas: JsonObject = {};
  let paths: JsonObject = {};
  for (const def of defs) {
    schemas[typeName(def)] = published((def.schema ?? {}) as unknown as Json, used);
    paths = { ...paths, ...pathsOf(def) };
  }
  withReferences(schemas, used);
  return { openapi: '3.0.0', info: INFO, paths, components: { schemas } };
}

/** /openapi/v3 (the list of documents) and the document of one group and version; null when there is none. */
export function openApiDocument(registry: Registry, rest: readonly string[], _pathname: string): Json | null {
  const defs = registry.all();
  const place = (def: ResourceDef): string => (def.group === '' ? `api/${def.version}` : `apis/${apiVersionOf(def)}`);
  if (rest.length > 0) {
    const wanted = defs.filter((def) => place(def) === rest.join('/'));
    return wanted.length === 0 ? null : documentOf(wanted);
  }
  const paths: JsonObject = {};
  for (const key of new Set(defs.map(place))) {
    const of = defs.filter((def) => place(def) === key);
    const hash = createHash('sha256')
      .update(JSON.stringify(of.map((def) => [def.resource, def.custom?.structural ?? null])))
      .digest('hex');
    paths[key] = { serverRelativeURL: `/openapi/v3/${key}?hash=${hash}` };
  }
  return { paths };
}
