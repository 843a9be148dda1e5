import { isObject, jsonEqual } from '../json.ts';
import type { Json } from '../json.ts';
import { correlateItem } from '../schema/correlate.ts';
import type { Schema, ValidationRule } from '../schema/schema.ts';
import { fieldErrors } from '../status-errors.ts';
import type { FieldError } from '../status-errors.ts';
import { optional } from './library.ts';
import { programOf, readsOldSelf } from './program.ts';
import type { RuleInput } from './program.ts';
import { toCel } from './values.ts';

/** x-kubernetes-validations: which rules run where, with what, and what the API server says when one fails. */

const MAX_MESSAGE_BYTES = 5 * 1024;
const ROOT_META: Schema = {
  type: 'object',
  properties: { name: { type: 'string' }, generateName: { type: 'string' } },
};

/** Rules at the root also see the object's kind and name, and nothing else of its metadata. */
const withRootMeta = (schema: Schema): Schema => ({
  ...schema,
  properties: { ...schema.properties, apiVersion: { type: 'string' }, kind: { type: 'string' }, metadata: ROOT_META },
});

const ruleText = (rule: ValidationRule): string => ((rule.message ?? '').trim() || rule.rule).trim();

function failedText(rule: ValidationRule, input: RuleInput): string {
  const fallback = rule.message ? rule.message.trim() : `failed rule: ${ruleText(rule)}`;
  if (!rule.messageExpression) return fallback;
  const program = programOf(rule.messageExpression);
  const outcome = 'compileError' in program ? { error: program.compileError } : program.run(input);
  if ('error' in outcome || typeof outcome.value !== 'string') return fallback;
  const text = outcome.value.trim();
  return text === '' || text.includes('\n') || Buffer.byteLength(text) > MAX_MESSAGE_BYTES ? fallback : text;
}

function refusal(rule: ValidationRule, path: string, type: string, text: string): FieldError {
  const below = (rule.fieldPath ?? '').replace(/^\./, '');
  const field = below === '' ? path : path === '<nil>' ? below : `${path}${below.startsWith('[') ? '' : '.'}${below}`;
  switch (rule.reason) {
    case 'FieldValueForbidden':
      return fieldErrors.forbidden(field, text);
    case 'FieldValueRequired':
      return fieldErrors.required(field, text);
    case 'FieldValueDuplicate':
      return { type: 'FieldValueDuplicate', field, detail: `Duplicate value: ${JSON.stringify(type)}: ${text}` };
    default:
      return fieldErrors.invalid(field, type, text);
  }
}

function runRule(
  rule: ValidationRule,
  value: Json,
  old: Json | undefined,
  schema: Schema,
  path: string,
): FieldError | null {
  const isTransition = readsOldSelf(rule.rule);
  const hasOld = old !== undefined && old !== null;
  if (isTransition && !hasOld && rule.optionalOldSelf !== true) return null;
  const type = schema.type ?? '';
  const program = programOf(rule.rule);
  if ('compileError' in program) return fieldErrors.invalid(path, type, `rule compile error: ${program.compileError}`);
  const was = hasOld ? toCel(old, schema) : undefined;
  const input: RuleInput = {
    self: toCel(value, schema),
    ...(rule.optionalOldSelf === true ? { oldSelf: optional(was) } : was === undefined ? {} : { oldSelf: was }),
  };
  const outcome = program.run(input);
  if ('error' in outcome) {
    if (outcome.error.startsWith('no such overload')) {
      return fieldErrors.invalid(
        path,
        type,
        `'${outcome.error}': call arguments did not match a supported operator, function or macro signature for rule: ${ruleText(rule)}`,
      );
    }
    return fieldErrors.invalid(path, type, `${outcome.error} evaluating rule: ${ruleText(rule)}`);
  }
  if (outcome.value === true) return null;
  // What did not change is not refused again, unless the rule is about the change itself.
  if (!isTransition && old !== undefined && jsonEqual(value, old)) return null;
  return refusal(rule, path, type, failedText(rule, input));
}

function walk(
  value: Json | undefined,
  old: Json | undefined,
  schema: Schema,
  path: string,
  isRoot: boolean,
): FieldError[] {
  if (value === undefined || value === null) return [];
  const typed = isRoot ? withRootMeta(schema) : schema;
  const errors = (schema['x-kubernetes-validations'] ?? [])
    .map((rule) => runRule(rule, value, old, typed, path === '' ? '<nil>' : path))
    .filter((error) => error !== null);
  for (const part of schema.allOf ?? []) {
    const rules = part['x-kubernetes-validations'] ?? [];
    errors.push(
      ...rules.map((rule) => runRule(rule, value, old, typed, path || '<nil>')).filter((error) => error !== null),
    );
  }
  if (Array.isArray(value)) {
    const { items } = schema;
    if (items !== undefined)
      value.forEach((item, i) =>
        errors.push(...walk(item, correlateItem(schema, item, old), items, `${path}[${i}]`, false)),
      );
  } else if (isObject(value)) {
    const was = isObject(old) ? old : {};
    for (const [key, member] of Object.entries(value)) {
      const named =
        schema.properties !== undefined && Object.hasOwn(schema.properties, key) ? schema.properties[key] : undefined;
      const extra = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined;
      if (named !== undefined)
        errors.push(...walk(member, was[key], named, path === '' ? key : `${path}.${key}`, false));
      else if (extra !== undefined) errors.push(...walk(member, was[key], extra, `${path}[${key}]`, false));
    }
  }
  return errors;
}

/** The refusals of the rules of a structural schema. `old` is the object before an update. */
export function validateRules(value: Json, old: Json | undefined, schema: Schema): FieldError[] {
  return walk(value, old, schema, '', true);
}
