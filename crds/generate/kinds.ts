import type { InterfaceDeclaration, SourceFile } from 'ts-morph';
import { isTransitionRule, parseRule } from './cel-rules.ts';
import type { DocTag } from './doc-tags.ts';
import { parseColumn, parseScale } from './kind-tags.ts';
import { fail } from './problems.ts';
import type { ApiVersion, Kind, Schema } from './schema.ts';
import { docOf, interfaceSchema, placeOf } from './type-schema.ts';

/** What the API server lets a rule on the whole object read of its metadata. */
const ROOT_METADATA = new Set(['name', 'generateName']);

/**
 * Finds the kinds: interfaces with `@kind`, in the order of the files' names and of the source.
 *
 * @throws SourceProblem for tags and types that no CustomResourceDefinition can say
 */
export function readKinds(files: SourceFile[], api: ApiVersion): Kind[] {
  const interfaces = files.flatMap((file) => file.getInterfaces());
  return interfaces
    .filter((declaration) => docOf(declaration).tags.some((tag) => tag.name === 'kind'))
    .map((declaration) => readKind(declaration, api));
}

/** Reads group and version from the exported constants GROUP and VERSION. */
export function readApiVersion(files: SourceFile[]): ApiVersion {
  const constant = (name: string): string => {
    const value = files
      .map((file) => file.getVariableDeclaration(name)?.getType().getLiteralValue())
      .find((found) => found !== undefined);
    if (typeof value !== 'string') throw new Error(`no exported string constant ${name} among the API types`);
    return value;
  };
  return { group: constant('GROUP'), version: constant('VERSION') };
}

function readKind(declaration: InterfaceDeclaration, api: ApiVersion): Kind {
  const doc = docOf(declaration);
  const one = (name: string): string => {
    const [first, second] = doc.tags.filter((tag) => tag.name === name);
    if (first === undefined || first.text === '') fail(placeOf(declaration), `a kind needs one @${name}`);
    if (second !== undefined) fail(second.place, `a kind has only one @${name}`);
    return first.text;
  };
  const words = (name: string): string[] =>
    doc.tags
      .filter((tag) => tag.name === name)
      .flatMap((tag) => tag.text.split(/[\s,]+/).filter((word) => word !== ''));
  const schema = interfaceSchema(declaration);
  checkRoot(declaration, schema, one('kind'), api);
  doc.tags.filter((tag) => tag.name === 'rule').forEach(checkRootRule);
  checkTransitionRules(declaration, schema, true);
  const conditions = doc.tags.filter((tag) => tag.name === 'condition').map(conditionOf);
  const scaleTag = doc.tags.find((tag) => tag.name === 'scale');
  return {
    kind: one('kind'),
    plural: one('plural'),
    description: doc.description,
    shortNames: words('shortNames'),
    categories: words('categories'),
    columns: doc.tags.filter((tag) => tag.name === 'printColumn').map((tag) => parseColumn(tag, schema, conditions)),
    conditions,
    ...(scaleTag === undefined ? {} : { scale: parseScale(scaleTag, schema) }),
    schema,
  };
}

function conditionOf(tag: DocTag): { type: string; meaning: string } {
  const [, type, meaning] = /^([A-Z][A-Za-z]*)\s+(.+)$/.exec(tag.text) ?? [];
  if (type === undefined || meaning === undefined) fail(tag.place, '@condition wants `<Type> <what True means>`');
  return { type, meaning };
}

function checkRoot(declaration: InterfaceDeclaration, schema: Schema, kind: string, api: ApiVersion): void {
  const want: Record<string, string> = { apiVersion: `${api.group}/${api.version}`, kind };
  for (const [name, value] of Object.entries(want)) {
    const found = schema.properties?.[name]?.enum;
    if (found?.length !== 1 || found[0] !== value)
      fail(placeOf(declaration), `${kind}.${name} must be of type '${value}'`);
  }
  for (const name of ['metadata', 'spec']) {
    if (schema.properties?.[name] === undefined) fail(placeOf(declaration), `${kind} has no ${name}`);
  }
  const extra = Object.keys(schema.properties ?? {}).find(
    (name) => !['apiVersion', 'kind', 'metadata', 'spec', 'status'].includes(name),
  );
  if (extra !== undefined) fail(placeOf(declaration), `${kind}.${extra}: an object has spec and status only`);
}

/** Rules on the whole object see nothing of its metadata but its name. */
function checkRootRule(tag: DocTag): void {
  for (const [, field = ''] of parseRule(tag).rule.matchAll(/\b(?:self|oldSelf)\.metadata\.(\w+)/g)) {
    if (!ROOT_METADATA.has(field)) fail(tag.place, `@rule may read metadata.name only, not metadata.${field}`);
  }
}

/** A rule with oldSelf inside a list needs items that are found again by key: the API server refuses it elsewhere. */
function checkTransitionRules(declaration: InterfaceDeclaration, schema: Schema, correlatable: boolean): void {
  const rule = schema['x-kubernetes-validations']?.find(isTransitionRule);
  if (rule !== undefined && !correlatable) {
    fail(placeOf(declaration), `rule "${rule.rule}" reads oldSelf inside a list that is not @listType map`);
  }
  const children = [...Object.values(schema.properties ?? {}), schema.additionalProperties];
  for (const child of children) if (child !== undefined) checkTransitionRules(declaration, child, correlatable);
  if (schema.items !== undefined) {
    checkTransitionRules(declaration, schema.items, correlatable && schema['x-kubernetes-list-type'] === 'map');
  }
}
