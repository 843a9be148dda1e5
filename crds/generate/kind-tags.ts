import type { DocTag } from './doc-tags.ts';
import { fail } from './problems.ts';
import type { ConditionDoc, PrintColumn, Scale, Schema } from './schema.ts';

const COLUMN_TYPES = ['string', 'integer', 'number', 'boolean', 'date'] as const;

/** Reads `<Name> <type> <jsonPath> [priority=n]`; its description is that of the field it shows. */
export function parseColumn(tag: DocTag, root: Schema, conditions: readonly ConditionDoc[]): PrintColumn {
  const [, name, typeText, jsonPath, priority] = /^(\S+)\s+(\S+)\s+(\S+)(?:\s+priority=(\d+))?$/.exec(tag.text) ?? [];
  if (name === undefined || jsonPath === undefined) {
    fail(tag.place, '@printColumn wants `<Name> <type> <jsonPath> [priority=1]`');
  }
  const type = COLUMN_TYPES.find((known) => known === typeText);
  if (type === undefined) fail(tag.place, `@printColumn type ${typeText}: say one of ${COLUMN_TYPES.join(', ')}`);
  const description = describeCondition(tag, root, jsonPath, conditions) ?? describeField(tag, root, jsonPath, type);
  return {
    name,
    type,
    jsonPath,
    ...(description === undefined ? {} : { description }),
    ...(priority === undefined ? {} : { priority: Number(priority) }),
  };
}

/** Reads `spec=<path> status=<path> [selector=<path>]`. */
export function parseScale(tag: DocTag, root: Schema): Scale {
  const parts = new Map(
    tag.text.split(/\s+/).map((part): [string, string] => {
      const [key = '', ...path] = part.split('=');
      return [key, path.join('=')];
    }),
  );
  const path = (key: string, type: Schema['type']): string | undefined => {
    const found = parts.get(key);
    if (found === undefined) return undefined;
    const field = resolve(tag, root, found);
    if (field?.type !== type) fail(tag.place, `@scale ${key}=${found}: the field is no ${type}`);
    return found;
  };
  const spec = path('spec', 'integer');
  const status = path('status', 'integer');
  const selector = path('selector', 'string');
  if (spec === undefined || status === undefined)
    fail(tag.place, '@scale wants `spec=<path> status=<path> [selector=<path>]`');
  const unknown = [...parts.keys()].find((key) => !['spec', 'status', 'selector'].includes(key));
  if (unknown !== undefined) fail(tag.place, `@scale knows no "${unknown}"`);
  return {
    specReplicasPath: spec,
    statusReplicasPath: status,
    ...(selector === undefined ? {} : { labelSelectorPath: selector }),
  };
}

/** What a column shows that picks one condition; undefined for other paths. */
function describeCondition(
  tag: DocTag,
  root: Schema,
  jsonPath: string,
  conditions: readonly ConditionDoc[],
): string | undefined {
  const [, type, field] = /^\.status\.conditions\[\?\(@\.type=="(\w+)"\)\]\.(\w+)$/.exec(jsonPath) ?? [];
  if (type === undefined || field === undefined) return undefined;
  const item = resolve(tag, root, '.status.conditions')?.items;
  if (item?.properties?.[field] === undefined) fail(tag.place, `${jsonPath}: conditions have no field "${field}"`);
  const known = conditions.find((condition) => condition.type === type);
  if (known === undefined) fail(tag.place, `${jsonPath}: there is no @condition ${type}`);
  return field === 'status' ? `Whether ${known.meaning}.` : `The ${field} of condition ${type}.`;
}

function describeField(tag: DocTag, root: Schema, jsonPath: string, type: PrintColumn['type']): string | undefined {
  const field = resolve(tag, root, jsonPath);
  if (field !== undefined && field.type !== (type === 'date' ? 'string' : type)) {
    fail(tag.place, `column of type ${type} shows ${jsonPath}, which is of type ${field.type}`);
  }
  return field?.description;
}

/** Follows a simple path; undefined for metadata, whose schema is the API server's. */
function resolve(tag: DocTag, root: Schema, jsonPath: string): Schema | undefined {
  if (!/^(\.\w+)+$/.test(jsonPath)) fail(tag.place, `path ${jsonPath}: say .a.b.c`);
  const names = jsonPath.slice(1).split('.');
  if (names[0] === 'metadata') return undefined;
  let at = root;
  for (const name of names) {
    const next = at.properties?.[name];
    if (next === undefined) fail(tag.place, `path ${jsonPath}: there is no field "${name}"`);
    at = next;
  }
  return at;
}
