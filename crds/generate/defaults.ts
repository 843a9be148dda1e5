import { Ajv } from 'ajv';
import { jsonSchemaOf } from './json-schema.ts';
import type { Place } from './problems.ts';
import { fail } from './problems.ts';
import type { Json, Schema } from './schema.ts';

const ajv = new Ajv({ strict: true, formats: { 'date-time': true } });

/** Stops the generation where a default would be refused by its own schema. */
export function checkDefault(place: Place, schema: Schema): void {
  const accepts = ajv.compile(jsonSchemaOf(schema));
  if (!accepts(schema.default))
    fail(place, `@default ${JSON.stringify(schema.default)} ${ajv.errorsText(accepts.errors, { dataVar: 'value' })}`);
  const unknown = unknownField(schema, schema.default);
  if (unknown !== undefined) fail(place, `@default names "${unknown}", which is no field of this property`);
}

/** The API server refuses defaults with fields that it would prune. */
function unknownField(schema: Schema, value: Json | undefined): string | undefined {
  if (schema.properties === undefined || typeof value !== 'object' || value === null || Array.isArray(value))
    return undefined;
  for (const [name, child] of Object.entries(value)) {
    const field = schema.properties[name];
    if (field === undefined) return name;
    const deeper = unknownField(field, child);
    if (deeper !== undefined) return deeper;
  }
  return undefined;
}
