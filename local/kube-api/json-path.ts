import { isObject, jsonEqual } from './json.ts';
import type { Json } from './json.ts';

/** One step of a compiled path: values in, values out. */
type Step = (values: Json[]) => Json[];

const children = (value: Json): Json[] => {
  if (Array.isArray(value)) return value;
  return isObject(value) ? Object.values(value).filter((member) => member !== undefined) : [];
};

const member =
  (key: string): Step =>
  (values) =>
    values.map((value) => (isObject(value) ? value[key] : undefined)).filter((value) => value !== undefined);

function literal(text: string): Json {
  if (/^(['"]).*\1$/s.test(text)) return text.slice(1, -1);
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}

function filter(expression: string): Step {
  const match = /^@((?:\.[\w-]+)*)\s*(?:(==|!=|>=|<=|>|<)\s*(.+))?$/s.exec(expression.trim());
  if (match === null) return () => [];
  const [, path = '', operator, right = ''] = match;
  const steps = path.split('.').slice(1).map(member);
  const wanted = literal(right.trim());
  const holds = (item: Json): boolean => {
    const [value] = steps.reduce<Json[]>((values, step) => step(values), [item]);
    if (operator === undefined) return value !== undefined;
    if (value === undefined) return false;
    if (operator === '==') return jsonEqual(value, wanted);
    if (operator === '!=') return !jsonEqual(value, wanted);
    if (typeof value !== 'number' || typeof wanted !== 'number') return false;
    return operator === '>'
      ? value > wanted
      : operator === '<'
        ? value < wanted
        : operator === '>='
          ? value >= wanted
          : value <= wanted;
  };
  return (values) => values.flatMap((value) => (Array.isArray(value) ? value.filter(holds) : []));
}

function bracket(inside: string): Step {
  if (inside === '*') return (values) => values.flatMap(children);
  if (inside.startsWith('?(')) return filter(inside.slice(2, -1));
  if (/^-?\d+$/.test(inside))
    return (values) =>
      values
        .map((value) => (Array.isArray(value) ? value.at(Number(inside)) : undefined))
        .filter((value) => value !== undefined);
  return member(inside.replace(/^(['"])(.*)\1$/s, '$2'));
}

/** Compiles a Kubernetes JSONPath (as in printer columns). Understands members, indexes, `*` and simple filters. */
export function compileJsonPath(path: string): (value: Json) => Json[] {
  const steps: Step[] = [];
  const pattern = /\.(\*)|\.((?:[^.[\]\\]|\\.)+)|\[(\?\((?:[^()'"]|'[^']*'|"[^"]*")*\)|[^\]]*)\]/gy;
  const text = path.startsWith('$') ? path.slice(1) : path.startsWith('.') || path.startsWith('[') ? path : `.${path}`;
  pattern.lastIndex = 0;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    if (match[1] !== undefined) steps.push((values) => values.flatMap(children));
    else if (match[2] !== undefined) steps.push(member(match[2].replaceAll(/\\(.)/g, '$1')));
    else steps.push(bracket(match[3] ?? ''));
  }
  return (value) => steps.reduce<Json[]>((values, step) => step(values), [value]);
}
