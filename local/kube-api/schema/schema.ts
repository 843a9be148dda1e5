import { readFileSync } from 'node:fs';
import type { Json } from '../json.ts';

/** One rule of x-kubernetes-validations. */
export interface ValidationRule {
  rule: string;
  message?: string;
  messageExpression?: string;
  reason?: string;
  fieldPath?: string;
  optionalOldSelf?: boolean;
}

/** The OpenAPI v3 subset that Kubernetes uses for its own types and for structural schemas. */
export interface Schema {
  $ref?: string;
  description?: string;
  title?: string;
  type?: string;
  format?: string;
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  items?: Schema;
  required?: string[];
  default?: Json;
  nullable?: boolean;
  enum?: Json[];
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: boolean;
  exclusiveMaximum?: boolean;
  multipleOf?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  minItems?: number;
  maxItems?: number;
  uniqueItems?: boolean;
  minProperties?: number;
  maxProperties?: number;
  allOf?: Schema[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  not?: Schema;
  'x-kubernetes-preserve-unknown-fields'?: boolean;
  'x-kubernetes-int-or-string'?: boolean;
  'x-kubernetes-embedded-resource'?: boolean;
  'x-kubernetes-list-type'?: string;
  'x-kubernetes-list-map-keys'?: string[];
  'x-kubernetes-map-type'?: string;
  'x-kubernetes-validations'?: ValidationRule[];
  'x-kubernetes-patch-strategy'?: string;
  'x-kubernetes-patch-merge-key'?: string;
  'x-kubernetes-group-version-kind'?: { group: string; version: string; kind: string }[];
}

interface SchemaBundle {
  schemas: Record<string, Schema>;
}

/** Schemas of the built-in kinds by their OpenAPI names (`io.k8s.api.core.v1.Pod`). Generated; read once. */
export const BUILTIN_SCHEMAS: Readonly<Record<string, Schema>> = (
  JSON.parse(readFileSync(new URL('../builtin/schemas.json', import.meta.url), 'utf8')) as SchemaBundle
).schemas;

export const OBJECT_META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';
export const QUANTITY = 'io.k8s.apimachinery.pkg.api.resource.Quantity';

/** Follows a reference into the built-in types; other schemas come back as they are. */
export function deref(schema: Schema | undefined): Schema | undefined {
  return schema?.$ref === undefined ? schema : BUILTIN_SCHEMAS[schema.$ref];
}

export const isIntOrString = (schema: Schema): boolean =>
  schema['x-kubernetes-int-or-string'] === true || schema.format === 'int-or-string';

const byKind = new Map<string, Schema>();
for (const schema of Object.values(BUILTIN_SCHEMAS)) {
  for (const gvk of schema['x-kubernetes-group-version-kind'] ?? []) {
    byKind.set(`${gvk.group}/${gvk.version}/${gvk.kind}`, schema);
  }
}

export const builtinSchema = (group: string, version: string, kind: string): Schema | undefined =>
  byKind.get(`${group}/${version}/${kind}`);

/** The schema of a member of an object: a named property, else what additionalProperties says. */
export function memberSchema(schema: Schema | undefined, key: string): Schema | undefined {
  const property =
    schema?.properties !== undefined && Object.hasOwn(schema.properties, key) ? schema.properties[key] : undefined;
  if (property !== undefined) return deref(property);
  return typeof schema?.additionalProperties === 'object' ? deref(schema.additionalProperties) : undefined;
}

export const itemSchema = (schema: Schema | undefined): Schema | undefined => deref(schema?.items);
