import { parseDatetime } from './datetime.ts';
import type { Bounds, Condition, Scalar } from './filter.ts';
import { bad, MAX_VALUES, onlyKeys, pathOf, unsupported } from './checks.ts';
import { isObject } from './path.ts';

const BOUNDS = ['gt', 'gte', 'lt', 'lte'] as const;
const TEXT_MODES = { text: 'all', text_any: 'any', phrase: 'phrase' } as const;

/** `{ key, <one test> }`. */
export function fieldCondition(value: Record<string, unknown>, field: string): Condition {
  const key = pathOf(value['key'], `${field}.key`);
  const tests = Object.entries(value).filter(([name, test]) => name !== 'key' && test !== null);
  if (tests.length !== 1)
    throw bad(
      field,
      `must have exactly one test beside key, it has ${tests.map(([name]) => name).join(', ') || 'none'}`,
    );
  const [name, test] = tests[0]!;
  const at = `${field}.${name}`;
  switch (name) {
    case 'match':
      return matchCondition(key, test, at);
    case 'range':
      return rangeCondition(key, test, at);
    case 'values_count':
      return { kind: 'valuesCount', key, range: countBounds(test, at) };
    case 'is_empty':
    case 'is_null': {
      if (typeof test !== 'boolean') throw bad(at, 'must be true or false');
      const condition: Condition = { kind: name === 'is_empty' ? 'isEmpty' : 'isNull', key };
      if (test) return condition;
      return { kind: 'filter', filter: { must: [], should: [], mustNot: [condition], minShould: null } };
    }
    case 'geo_radius':
    case 'geo_bounding_box':
    case 'geo_polygon':
      throw unsupported(at, 'geographic filters are not supported; filter by ranges of latitude and longitude');
    default:
      throw bad(at, 'is not a test (match, range, values_count, is_empty, is_null)');
  }
}

function matchCondition(key: string, value: unknown, field: string): Condition {
  if (!isObject(value)) throw bad(field, 'must be an object with value, any, except, text, text_any or phrase');
  const names = Object.keys(value);
  if (names.length !== 1) throw bad(field, 'must have exactly one of value, any, except, text, text_any, phrase');
  const name = names[0]!;
  const wanted = value[name];
  const at = `${field}.${name}`;
  switch (name) {
    case 'value':
      return { kind: 'matchAny', key, values: [scalar(wanted, at)] };
    case 'any':
      return { kind: 'matchAny', key, values: scalars(wanted, at) };
    case 'except':
      return { kind: 'matchExcept', key, values: scalars(wanted, at) };
    case 'text':
    case 'text_any':
    case 'phrase':
      if (typeof wanted !== 'string') throw bad(at, 'must be a string');
      return { kind: 'matchText', key, text: wanted, mode: TEXT_MODES[name] };
    default:
      throw bad(at, 'is not a match (value, any, except, text, text_any, phrase)');
  }
}

function scalar(value: unknown, field: string): Scalar {
  if (typeof value === 'string' || typeof value === 'boolean' || typeof value === 'bigint') return value;
  if (typeof value === 'number' && Number.isInteger(value)) return value;
  throw bad(field, 'must be a string, an integer or a boolean; compare other numbers by range');
}

function scalars(value: unknown, field: string): Scalar[] {
  if (!Array.isArray(value)) throw bad(field, 'must be a list');
  if (value.length > MAX_VALUES) throw bad(field, `has more than ${MAX_VALUES} values`);
  return value.map((item: unknown, i) => scalar(item, `${field}[${i}]`));
}

function rangeCondition(key: string, value: unknown, field: string): Condition {
  if (!isObject(value)) throw bad(field, 'must be an object with gt, gte, lt or lte');
  onlyKeys(value, field, [...BOUNDS]);
  const isDatetime = BOUNDS.some((name) => typeof value[name] === 'string');
  const range: Bounds = {};
  for (const name of BOUNDS) {
    const bound = value[name];
    if (bound === undefined || bound === null) continue;
    range[name] = isDatetime ? datetime(bound, `${field}.${name}`) : number(bound, `${field}.${name}`);
  }
  return { kind: isDatetime ? 'datetimeRange' : 'range', key, range };
}

function countBounds(value: unknown, field: string): Bounds {
  if (!isObject(value)) throw bad(field, 'must be an object with gt, gte, lt or lte');
  onlyKeys(value, field, [...BOUNDS]);
  const range: Bounds = {};
  for (const name of BOUNDS) {
    const bound = value[name];
    if (bound === undefined || bound === null) continue;
    if (typeof bound !== 'number' || !Number.isSafeInteger(bound) || bound < 0)
      throw bad(`${field}.${name}`, 'must be an integer of at least 0');
    range[name] = bound;
  }
  return range;
}

function number(value: unknown, field: string): number {
  const parsed = typeof value === 'bigint' ? Number(value) : value;
  if (typeof parsed !== 'number' || !Number.isFinite(parsed))
    throw bad(field, 'must be a number or an RFC 3339 datetime');
  return parsed;
}

function datetime(value: unknown, field: string): number {
  const parsed = typeof value === 'string' ? parseDatetime(value) : null;
  if (parsed === null) throw bad(field, 'must be an RFC 3339 datetime, as the other bounds');
  return parsed;
}
