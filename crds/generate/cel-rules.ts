import { parse } from '@bufbuild/cel';
import type { DocTag } from './doc-tags.ts';
import { fail } from './problems.ts';
import type { Schema, ValidationRule } from './schema.ts';

type Node = Record<string, unknown>;

/** What a rule's text mentions. */
export interface RuleUse {
  /** It compares with the former value, so it is checked on updates only. */
  transition: boolean;
  /** Fields below self or oldSelf, e.g. ['spec', 'nodes']. */
  paths: string[][];
}

/** Reads `<CEL> | <message>`; CEL may hold `||` and ` | ` itself, so the last ` | ` separates. */
export function parseRule(tag: DocTag): ValidationRule {
  const separator = tag.text.lastIndexOf(' | ');
  const rule = tag.text.slice(0, separator).trim();
  const message = tag.text.slice(separator + 3).trim();
  if (separator < 0 || rule === '' || message === '') fail(tag.place, '@rule wants `<CEL> | <message>`');
  return { rule, message };
}

/** Parses a rule and checks that the fields it mentions exist in the schema it stands on. */
export function checkRule(tag: DocTag, rule: ValidationRule, schema: Schema): RuleUse {
  const use = readRule(tag, rule.rule);
  for (const path of use.paths) {
    const missing = firstMissing(schema, path);
    if (missing !== undefined) fail(tag.place, `@rule mentions ${path.join('.')}: there is no field "${missing}"`);
  }
  return use;
}

/** True where the rule compares with the former value. */
export function isTransitionRule(rule: ValidationRule): boolean {
  return /\boldSelf\b/.test(rule.rule.replace(/'[^']*'|"[^"]*"/g, ''));
}

function readRule(tag: DocTag, text: string): RuleUse {
  const paths: string[][] = [];
  let expr: unknown;
  try {
    expr = parse(text).expr;
  } catch (error) {
    fail(tag.place, `@rule is no CEL: ${error instanceof Error ? error.message : String(error)}`);
  }
  let transition = false;
  walk(expr, (node) => {
    const path = selfPath(node);
    if (path === undefined) return true;
    transition ||= path[0] === 'oldSelf';
    if (path.length > 1) paths.push(path.slice(1));
    return false;
  });
  return { transition, paths };
}

/** Visits every object of a parsed expression, parents first; `visit` says whether to go deeper. */
function walk(value: unknown, visit: (node: Node) => boolean): void {
  if (Array.isArray(value)) for (const item of value) walk(item, visit);
  else if (isNode(value) && visit(value)) for (const child of Object.values(value)) walk(child, visit);
}

/** ['self', 'a', 'b'] for the expression `self.a.b`, undefined for anything that is no such chain. */
function selfPath(node: Node): string[] | undefined {
  const kind = node['exprKind'];
  if (!isNode(kind) || !isNode(kind['value'])) return undefined;
  const value = kind['value'];
  if (kind['case'] === 'identExpr') {
    return value['name'] === 'self' || value['name'] === 'oldSelf' ? [value['name']] : undefined;
  }
  if (kind['case'] !== 'selectExpr' || !isNode(value['operand'])) return undefined;
  const operand = selfPath(value['operand']);
  return operand === undefined ? undefined : [...operand, String(value['field'])];
}

function firstMissing(schema: Schema, path: string[]): string | undefined {
  let at: Schema = schema;
  for (const name of path) {
    if (at.properties === undefined) return undefined;
    const next = at.properties[name];
    if (next === undefined) return name;
    at = next;
  }
  return undefined;
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null;
}
