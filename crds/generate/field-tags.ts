import { RE2JS } from 're2js';
import type { DocTag } from './doc-tags.ts';
import { fail } from './problems.ts';
import type { Json, Schema } from './schema.ts';

const OF_TYPE: Record<string, readonly Schema['type'][]> = {
  minimum: ['integer', 'number'],
  maximum: ['integer', 'number'],
  minLength: ['string'],
  maxLength: ['string'],
  pattern: ['string'],
  format: ['string'],
  minItems: ['array'],
  maxItems: ['array'],
  listType: ['array'],
  listMapKey: ['array'],
  maxProperties: ['object'],
};

/** Tags of properties that do not end in `applyFieldTags` because the type's own translation reads them. */
const READ_ELSEWHERE = new Set(['number', 'preserveUnknownFields', 'rule']);
const FORMATS = new Set(['date-time']);
const LIST_TYPES = ['map', 'set', 'atomic'] as const;

/** Writes what the tags of one property say into its schema; unknown, misplaced and malformed tags stop the generation. */
export function applyFieldTags(schema: Schema, tags: DocTag[]): void {
  for (const tag of tags) {
    if (READ_ELSEWHERE.has(tag.name)) continue;
    const wanted = OF_TYPE[tag.name];
    if (wanted === undefined && tag.name !== 'default') fail(tag.place, `unknown tag @${tag.name}`);
    if (wanted !== undefined && !wanted.includes(schema.type)) {
      fail(tag.place, `@${tag.name} is for ${wanted.join(' or ')}, but this property is of type ${schema.type}`);
    }
    applyFieldTag(schema, tag);
  }
  if (schema.minimum !== undefined && schema.maximum !== undefined && schema.minimum > schema.maximum) {
    fail(tags[0]!.place, `@minimum ${schema.minimum} is greater than @maximum ${schema.maximum}`);
  }
  checkListKeys(schema, tags);
}

function applyFieldTag(schema: Schema, tag: DocTag): void {
  switch (tag.name) {
    case 'minimum':
    case 'maximum':
      schema[tag.name] = numberOf(tag, schema.type === 'integer');
      break;
    case 'minLength':
    case 'maxLength':
    case 'minItems':
    case 'maxItems':
    case 'maxProperties':
      schema[tag.name] = numberOf(tag, true);
      break;
    case 'pattern':
      schema.pattern = patternOf(tag);
      break;
    case 'format':
      if (!FORMATS.has(tag.text)) fail(tag.place, `@format ${tag.text}: known are ${[...FORMATS].join(', ')}`);
      schema.format = tag.text;
      break;
    case 'listType': {
      const listType = LIST_TYPES.find((known) => known === tag.text);
      if (listType === undefined) fail(tag.place, `@listType ${tag.text}: say map, set or atomic`);
      schema['x-kubernetes-list-type'] = listType;
      break;
    }
    case 'listMapKey':
      (schema['x-kubernetes-list-map-keys'] ??= []).push(tag.text);
      break;
    case 'default':
      schema.default = jsonOf(tag);
      break;
  }
}

function numberOf(tag: DocTag, whole: boolean): number {
  const value = Number(tag.text);
  if (tag.text === '' || !Number.isFinite(value) || (whole && !Number.isSafeInteger(value))) {
    fail(tag.place, `@${tag.name} wants ${whole ? 'a whole number' : 'a number'}, not "${tag.text}"`);
  }
  return value;
}

function jsonOf(tag: DocTag): Json {
  try {
    return JSON.parse(tag.text) as Json;
  } catch {
    return fail(tag.place, `@default wants JSON (strings in double quotes), not ${tag.text || 'nothing'}`);
  }
}

/** The API server reads patterns as RE2, the run-time validators as JavaScript: both must be able to. */
function patternOf(tag: DocTag): string {
  if (tag.text === '') fail(tag.place, '@pattern wants a regular expression');
  try {
    RE2JS.compile(tag.text);
    new RegExp(tag.text, 'u');
  } catch (error) {
    fail(tag.place, `@pattern ${tag.text}: ${error instanceof Error ? error.message : String(error)}`);
  }
  return tag.text;
}

/** The API server merges lists by key only when every item has the key: it must be required or have a default. */
function checkListKeys(schema: Schema, tags: DocTag[]): void {
  const listType = schema['x-kubernetes-list-type'];
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const place = tags.find((tag) => tag.name === 'listType' || tag.name === 'listMapKey')?.place;
  if (place === undefined) return;
  if (listType !== 'map' && keys.length > 0) fail(place, '@listMapKey wants @listType map beside it');
  if (listType === 'map' && keys.length === 0) fail(place, '@listType map wants a @listMapKey');
  for (const key of keys) {
    const field = schema.items?.properties?.[key];
    if (field === undefined) fail(place, `@listMapKey ${key}: the items have no such field`);
    if (field.type === 'object' || field.type === 'array') fail(place, `@listMapKey ${key} is no scalar`);
    if (field.default === undefined && !schema.items?.required?.includes(key)) {
      fail(place, `@listMapKey ${key} must be required or have a default`);
    }
  }
}
