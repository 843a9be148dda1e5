import type { Json } from '../json.ts';
import type { Schema } from '../schema/schema.ts';
import type { FieldError } from '../status-errors.ts';

export function validateRules(_value: Json, _old: Json | undefined, _schema: Schema): FieldError[] {
  return [];
}
