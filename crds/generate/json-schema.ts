import type { Json, Kind, Schema } from './schema.ts';

/** A schema of the run-time validators: plain JSON Schema, without what only the API server reads. */
export type JsonSchema = { [key: string]: Json };

/** Removes what only the API server reads; unknown fields stay allowed, since a newer version may have written them. */
export function jsonSchemaOf(schema: Schema): JsonSchema {
  const plain: JsonSchema = {};
  for (const [key, value] of Object.entries(schema) as [string, Json][]) {
    if (!key.startsWith('x-kubernetes-') && key !== 'description') plain[key] = value;
  }
  if (schema.properties !== undefined) {
    plain['properties'] = Object.fromEntries(
      Object.entries(schema.properties).map(([name, field]) => [name, jsonSchemaOf(field)]),
    );
  }
  if (schema.items !== undefined) plain['items'] = jsonSchemaOf(schema.items);
  if (schema.additionalProperties !== undefined)
    plain['additionalProperties'] = jsonSchemaOf(schema.additionalProperties);
  return plain;
}

/** The schemas of all kinds by kind, metadata included. */
export function jsonSchemas(kinds: Kind[]): Record<string, JsonSchema> {
  return Object.fromEntries(kinds.map((kind) => [kind.kind, jsonSchemaOf(kind.schema)]));
}
