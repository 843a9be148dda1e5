import { badRequest } from './status-errors.ts';

export type Predicate = (values: Readonly<Record<string, string>>) => boolean;

const split = (text: string): string[] => {
  // Commas inside parentheses belong to a set.
  const parts: string[] = [];
  let depth = 0;
  let part = '';
  for (const char of text) {
    if (char === '(') depth += 1;
    if (char === ')') depth -= 1;
    if (char === ',' && depth === 0) {
      parts.push(part);
      part = '';
    } else part += char;
  }
  parts.push(part);
  return parts.map((p) => p.trim()).filter((p) => p !== '');
};

const KEY = '[A-Za-z0-9]([-A-Za-z0-9_./]*[A-Za-z0-9])?';
const SET = new RegExp(`^(${KEY})\\s+(in|notin)\\s+\\(([^)]*)\\)$`);
const EQUAL = new RegExp(`^(${KEY})\\s*(==|=|!=)\\s*(.*)$`);
const ORDER = new RegExp(`^(${KEY})\\s*([<>])\\s*(-?\\d+)$`);
const EXISTS = new RegExp(`^(!?)\\s*(${KEY})$`);
const VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;

function labelRequirement(text: string): Predicate {
  const set = SET.exec(text);
  if (set !== null) {
    const [, key = '', , operator, list = ''] = set;
    const values = new Set(list.split(',').map((v) => v.trim()));
    return (labels) => (labels[key] !== undefined && values.has(labels[key])) === (operator === 'in');
  }
  const equal = EQUAL.exec(text);
  if (equal !== null && VALUE.test(equal[4] ?? '')) {
    const [, key = '', , operator, value = ''] = equal;
    return (labels) => (labels[key] === value) === (operator !== '!=');
  }
  const order = ORDER.exec(text);
  if (order !== null) {
    const [, key = '', , operator, bound] = order;
    return (labels) => {
      const value = Number(labels[key] ?? Number.NaN);
      return operator === '<' ? value < Number(bound) : value > Number(bound);
    };
  }
  const exists = EXISTS.exec(text);
  if (exists !== null) {
    const [, not, key = ''] = exists;
    return (labels) => (labels[key] !== undefined) === (not === '');
  }
  const word = text.split(/\s+/)[1] ?? text;
  throw badRequest(`unable to parse requirement: found '${word}', expected: in, notin, =, ==, !=, gt, lt`);
}

/** Parses a label selector (`a=b,c in (d,e),!f`). 400 when it is none. */
export function parseLabelSelector(text: string): Predicate {
  const requirements = split(text).map(labelRequirement);
  return (labels) => requirements.every((requirement) => requirement(labels));
}

function unknownField(field: string, known: ReadonlySet<string>, isCustom: boolean): string {
  const onlyCommon = [...known].every((name) => name.startsWith('metadata.'));
  if (isCustom || !onlyCommon) return `field label not supported: ${field}`;
  return `${JSON.stringify(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`;
}

/** Parses a field selector and checks its names. 400 for unknown fields, in the API server's words. */
export function parseFieldSelector(text: string, known: ReadonlySet<string>, isCustom: boolean): Predicate {
  const requirements = split(text).map((part) => {
    const match = /^([^=!]+?)(==|=|!=)(.*)$/.exec(part);
    if (match === null) throw badRequest(`invalid selector: '${part}'; can't understand '${part}'`);
    const [, field = '', operator, value = ''] = match;
    if (!known.has(field)) throw badRequest(unknownField(field, known, isCustom));
    const wanted = value.replace(/\\([\\,=])/g, '$1');
    return (values: Readonly<Record<string, string>>): boolean =>
      ((values[field] ?? '') === wanted) === (operator !== '!=');
  });
  return (values) => requirements.every((requirement) => requirement(values));
}
