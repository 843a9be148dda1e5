import { pointIdText, type PointId } from '#model/point-id.ts';
import { parseDatetime } from './datetime.ts';
import type { Bounds, Condition, Filter, Scalar } from './filter.ts';
import { isObject, leavesAt, parsePath, valuesAt, type Path } from './path.ts';
import { hasPhrase, tokens } from './text.ts';

/** What a filter looks at. `payload` is parsed by filter/json.ts. */
export interface Subject {
  id: PointId;
  payload: Record<string, unknown>;
  hasVector: boolean;
}

export type Predicate = (subject: Subject) => boolean;

/** The meaning of a filter. Fields in `textIndexed` are matched by words, others by substring. */
export function compileFilter(filter: Filter, textIndexed: ReadonlySet<string>): Predicate {
  const compile = (condition: Condition): Predicate => compileCondition(condition, textIndexed);
  const must = filter.must.map(compile);
  const should = filter.should.map(compile);
  const mustNot = filter.mustNot.map(compile);
  const minShould = filter.minShould && {
    tests: filter.minShould.conditions.map(compile),
    count: filter.minShould.minCount,
  };
  return (subject) => {
    for (const test of must) if (!test(subject)) return false;
    for (const test of mustNot) if (test(subject)) return false;
    if (should.length > 0 && !should.some((test) => test(subject))) return false;
    return minShould === null || atLeast(minShould.tests, minShould.count, subject);
  };
}

function atLeast(tests: Predicate[], count: number, subject: Subject): boolean {
  let passed = 0;
  for (const test of tests) {
    if (passed >= count) break;
    if (test(subject)) passed++;
  }
  return passed >= count;
}

function compileCondition(condition: Condition, textIndexed: ReadonlySet<string>): Predicate {
  switch (condition.kind) {
    case 'filter':
      return compileFilter(condition.filter, textIndexed);
    case 'hasId': {
      const ids = new Set(condition.ids.map(pointIdText));
      return ({ id }) => ids.has(pointIdText(id));
    }
    case 'hasVector':
      return ({ hasVector }) => hasVector;
    case 'matchAny': {
      const has = scalarSet(condition.values);
      return anyLeaf(condition.key, has);
    }
    case 'matchExcept': {
      const has = scalarSet(condition.values);
      return anyLeaf(condition.key, (value) => isScalar(value) && !has(value));
    }
    case 'matchText':
      return anyLeaf(condition.key, textTest(condition.text, condition.mode, textIndexed.has(condition.key)));
    case 'range':
      return anyLeaf(condition.key, (value) => {
        if (typeof value === 'number') return within(value, condition.range);
        return typeof value === 'bigint' && within(Number(value), condition.range);
      });
    case 'datetimeRange':
      return anyLeaf(condition.key, (value) => {
        const time = typeof value === 'string' ? parseDatetime(value) : null;
        return time !== null && within(time, condition.range);
      });
    case 'valuesCount':
      return valuesCount(condition.key, condition.range);
    case 'isEmpty': {
      const path = pathFor(condition.key);
      return ({ payload }) =>
        valuesAt(payload, path).every((value) => value === null || (Array.isArray(value) && value.length === 0));
    }
    case 'isNull': {
      const path = pathFor(condition.key);
      return ({ payload }) =>
        valuesAt(payload, path).some((value) => value === null || (Array.isArray(value) && value.includes(null)));
    }
    case 'nested':
      return nested(condition.key, compileFilter(condition.filter, textIndexed));
  }
}

/** The same element must pass the whole inner filter. Text indexes inside are by the inner path, so words do not apply there. */
function nested(key: string, inner: Predicate): Predicate {
  const path = pathFor(key);
  return ({ id, hasVector, payload }) =>
    valuesAt(payload, path).some(
      (value) =>
        Array.isArray(value) &&
        value.some((item: unknown) => isObject(item) && inner({ id, hasVector, payload: item })),
    );
}

function anyLeaf(key: string, test: (value: unknown) => boolean): Predicate {
  const path = pathFor(key);
  const only = path.steps[0]!;
  if (path.steps.length === 1 && 'key' in only) {
    // The usual case without the arrays that paths in general need.
    return ({ payload }) => {
      const value = Object.hasOwn(payload, only.key) ? payload[only.key] : undefined;
      return Array.isArray(value) ? value.some(test) : value !== undefined && test(value);
    };
  }
  return ({ payload }) => leavesAt(payload, path).some(test);
}

function valuesCount(key: string, range: Bounds): Predicate {
  const path = pathFor(key);
  const count = (value: unknown): number => (Array.isArray(value) ? value.length : value === null ? 0 : 1);
  return ({ payload }) => {
    const values = valuesAt(payload, path);
    return values.length === 0 ? within(0, range) : values.some((value) => within(count(value), range));
  };
}

function textTest(text: string, mode: 'all' | 'any' | 'phrase', indexed: boolean): (value: unknown) => boolean {
  if (!indexed) {
    const words = mode === 'any' ? text.split(/\s+/).filter((word) => word !== '') : [text];
    return (value) => typeof value === 'string' && words.some((word) => value.includes(word));
  }
  const words = tokens(text);
  if (mode === 'phrase') return (value) => typeof value === 'string' && hasPhrase(tokens(value), words);
  return (value) => {
    if (typeof value !== 'string' || words.length === 0) return false;
    const has = new Set(tokens(value));
    return mode === 'any' ? words.some((word) => has.has(word)) : words.every((word) => has.has(word));
  };
}

/** Membership by type and value; 5 and 5n are the same integer. */
function scalarSet(values: Scalar[]): (value: unknown) => boolean {
  const set = new Set<unknown>(values.map(plain));
  return (value) => set.has(plain(value));
}

function plain(value: unknown): unknown {
  return typeof value === 'bigint' && value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER
    ? Number(value)
    : value;
}

function isScalar(value: unknown): boolean {
  return (
    typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint'
  );
}

export function within(value: number, { gt, gte, lt, lte }: Bounds): boolean {
  return (
    (gt === undefined || value > gt) &&
    (gte === undefined || value >= gte) &&
    (lt === undefined || value < lt) &&
    (lte === undefined || value <= lte)
  );
}

function pathFor(key: string): Path {
  const path = parsePath(key);
  if (path === null) throw new Error(`not a payload path: ${key}`);
  return path;
}
