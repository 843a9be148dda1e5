import type { InterfaceDeclaration, PropertySignature, Type } from 'ts-morph';
import { Node } from 'ts-morph';
import { checkRule, parseRule } from './cel-rules.ts';
import { checkDefault } from './defaults.ts';
import type { Doc, DocTag } from './doc-tags.ts';
import { parseDoc } from './doc-tags.ts';
import { applyFieldTags } from './field-tags.ts';
import type { Place } from './problems.ts';
import { fail } from './problems.ts';
import type { Schema } from './schema.ts';

/** Interface tags that belong to a kind, not to its schema. */
export const KIND_TAGS: readonly string[] = [
  'kind',
  'plural',
  'shortNames',
  'categories',
  'scale',
  'printColumn',
  'condition',
];

/** Where the properties of a type are read, for messages and against endless recursion. */
interface Visit {
  place: Place;
  tags: DocTag[];
  inside: string[];
}

/** Reads the doc comment of a declaration; an absent one is an empty one. */
export function docOf(node: InterfaceDeclaration | PropertySignature): Doc {
  const comment = node.getJsDocs().at(-1);
  if (comment === undefined) return { description: '', tags: [] };
  return parseDoc(comment.getText(), { file: placeOf(node).file, line: comment.getStartLineNumber() });
}

/** File (by its base name) and line of a declaration. */
export function placeOf(node: InterfaceDeclaration | PropertySignature): Place {
  return { file: node.getSourceFile().getBaseName(), line: node.getStartLineNumber() };
}

/**
 * Translates an interface to a structural schema, its nested interfaces included.
 *
 * @param inside names of the interfaces around it
 * @throws SourceProblem for what a CustomResourceDefinition cannot say
 */
export function interfaceSchema(declaration: InterfaceDeclaration, inside: string[] = []): Schema {
  const name = declaration.getName();
  if (inside.includes(name))
    fail(placeOf(declaration), `interface ${name} contains itself: CRD schemas cannot recurse`);
  const doc = docOf(declaration);
  const schema: Schema = { type: 'object', properties: {} };
  if (doc.description !== '') schema.description = doc.description;
  for (const symbol of declaration.getType().getProperties()) {
    const property = symbol.getDeclarations()[0];
    if (property === undefined || !Node.isPropertySignature(property)) {
      fail(placeOf(declaration), `${name}.${symbol.getName()} is no plain property`);
    }
    const field = propertySchema(property, [...inside, name]);
    schema.properties![symbol.getName()] = field;
    if (!property.hasQuestionToken() && field.default === undefined) (schema.required ??= []).push(symbol.getName());
  }
  addRules(schema, doc.tags);
  for (const tag of doc.tags) {
    if (tag.name !== 'rule' && !KIND_TAGS.includes(tag.name)) fail(tag.place, `unknown tag @${tag.name}`);
  }
  return schema;
}

function propertySchema(property: PropertySignature, inside: string[]): Schema {
  const doc = docOf(property);
  const type = property.getTypeNodeOrThrow().getType();
  const schema = typeSchema(type.getNonNullableType(), { place: placeOf(property), tags: doc.tags, inside });
  if (type.isNullable() && !property.hasQuestionToken())
    fail(placeOf(property), 'null and undefined: use an optional property');
  if (doc.description !== '') schema.description = doc.description;
  applyFieldTags(schema, doc.tags);
  addRules(schema, doc.tags);
  const defaultTag = doc.tags.find((tag) => tag.name === 'default');
  if (defaultTag !== undefined) checkDefault(defaultTag.place, schema);
  return schema;
}

/** Rules that compare with the former value need items that can be found again in the former list. */
function addRules(schema: Schema, tags: DocTag[]): void {
  for (const tag of tags.filter((each) => each.name === 'rule')) {
    const rule = parseRule(tag);
    checkRule(tag, rule, schema);
    (schema['x-kubernetes-validations'] ??= []).push(rule);
  }
}

function typeSchema(type: Type, visit: Visit): Schema {
  const tagged = (name: string): boolean => visit.tags.some((tag) => tag.name === name);
  if (type.isString()) return { type: 'string' };
  if (type.isNumber()) return { type: tagged('number') ? 'number' : 'integer' };
  if (type.isBoolean()) return { type: 'boolean' };
  const literals = stringLiterals(type);
  if (literals !== undefined) return { type: 'string', enum: literals };
  if (type.isArray()) {
    const items = typeSchema(type.getArrayElementTypeOrThrow(), visit);
    return { type: 'array', items };
  }
  const values = type.getStringIndexType();
  if (values !== undefined && type.getProperties().length === 0) return mapSchema(values, visit);
  const declaration = type.getSymbol()?.getDeclarations()[0];
  if (type.isInterface() && Node.isInterfaceDeclaration(declaration) && type.getTypeArguments().length === 0) {
    return interfaceSchema(declaration, visit.inside);
  }
  return fail(
    visit.place,
    `type ${type.getText()} has no structural schema: use string, number, boolean, a union of
 string literals, an array, Record<string, T> or an interface`.replace('\n', ''),
  );
}

function mapSchema(values: Type, visit: Visit): Schema {
  if (!values.isUnknown()) return { type: 'object', additionalProperties: typeSchema(values, visit) };
  if (!visit.tags.some((tag) => tag.name === 'preserveUnknownFields')) {
    fail(
      visit.place,
      'Record<string, unknown> wants @preserveUnknownFields: the API server drops what no schema names',
    );
  }
  return { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
}

/** The values of a string literal or of a union of them, in the order of the source; undefined for other types. */
function stringLiterals(type: Type): string[] | undefined {
  const members = type.isUnion() ? type.getUnionTypes() : [type];
  if (!members.every((member) => member.isStringLiteral())) return undefined;
  return members.map((member) => String(member.getLiteralValue()));
}
