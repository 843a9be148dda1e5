import { parsePointId, type PointId } from '#model/point-id.ts';
import { bad, MAX_VALUES, onlyKeys, pathOf, unsupported } from './checks.ts';
import { fieldCondition } from './parse-field.ts';
import type { Condition, Filter } from './filter.ts';
import { parseJson } from './json.ts';
import { isObject } from './path.ts';

/** Filters nested deeper are refused. */
const MAX_DEPTH = 16;
/** Conditions of a filter, all levels together. */
const MAX_CONDITIONS = 4096;
/** Longest filter text. */
const MAX_TEXT_CHARS = 8 * 1024 * 1024;

interface Budget {
  conditions: number;
}

/** Parses a filter of the Qdrant dialect. Throws ANN_BAD_REQUEST or ANN_UNSUPPORTED naming the field under `field`; nothing is ignored. */
export function parseFilter(value: unknown, field = 'filter'): Filter {
  return filterOf(value, field, 0, { conditions: 0 });
}

/** Parses a filter's JSON text; integers beyond 2^53 keep their value. */
export function parseFilterText(text: string, field = 'filter'): Filter {
  if (text.length > MAX_TEXT_CHARS) throw bad(field, `is longer than ${MAX_TEXT_CHARS} characters`);
  let value: unknown;
  try {
    value = parseJson(text);
  } catch {
    throw bad(field, 'is not JSON');
  }
  return parseFilter(value, field);
}

function filterOf(value: unknown, field: string, depth: number, budget: Budget): Filter {
  if (depth > MAX_DEPTH) throw bad(field, `is nested deeper than ${MAX_DEPTH} levels`);
  if (!isObject(value)) throw bad(field, 'must be an object with must, should, must_not or min_should');
  const filter: Filter = { must: [], should: [], mustNot: [], minShould: null };
  for (const [name, part] of Object.entries(value)) {
    const at = `${field}.${name}`;
    if (part === null) continue;
    switch (name) {
      case 'must':
        filter.must = conditions(part, at, depth, budget);
        break;
      case 'should':
        filter.should = conditions(part, at, depth, budget);
        break;
      case 'must_not':
        filter.mustNot = conditions(part, at, depth, budget);
        break;
      case 'min_should':
        filter.minShould = minShould(part, at, depth, budget);
        break;
      default:
        throw bad(at, 'is not a part of a filter (must, should, must_not, min_should)');
    }
  }
  return filter;
}

function conditions(value: unknown, field: string, depth: number, budget: Budget): Condition[] {
  if (isObject(value)) return [condition(value, field, depth, budget)];
  if (!Array.isArray(value)) throw bad(field, 'must be a condition or a list of conditions');
  return value.map((item: unknown, i) => condition(item, `${field}[${i}]`, depth, budget));
}

function minShould(value: unknown, field: string, depth: number, budget: Budget): Filter['minShould'] {
  if (!isObject(value)) throw bad(field, 'must be an object with conditions and min_count');
  onlyKeys(value, field, ['conditions', 'min_count']);
  const count = value['min_count'];
  if (typeof count !== 'number' || !Number.isSafeInteger(count) || count < 0)
    throw bad(`${field}.min_count`, 'must be an integer of at least 0');
  return { conditions: conditions(value['conditions'], `${field}.conditions`, depth, budget), minCount: count };
}

function condition(value: unknown, field: string, depth: number, budget: Budget): Condition {
  if (++budget.conditions > MAX_CONDITIONS) throw bad(field, `the filter has more than ${MAX_CONDITIONS} conditions`);
  if (!isObject(value)) throw bad(field, 'must be an object');
  if ('key' in value) return fieldCondition(value, field);
  const [name] = Object.keys(value);
  switch (name) {
    case 'must':
    case 'should':
    case 'must_not':
    case 'min_should':
      return { kind: 'filter', filter: filterOf(value, field, depth + 1, budget) };
    case 'is_empty':
      onlyKeys(value, field, [name]);
      return { kind: 'isEmpty', key: keyOf(value[name], `${field}.${name}`) };
    case 'is_null':
      onlyKeys(value, field, [name]);
      return { kind: 'isNull', key: keyOf(value[name], `${field}.${name}`) };
    case 'has_id':
      onlyKeys(value, field, [name]);
      return { kind: 'hasId', ids: ids(value[name], `${field}.${name}`) };
    case 'has_vector':
      onlyKeys(value, field, [name]);
      if (value[name] !== '') throw unsupported(`${field}.${name}`, 'named vectors are not supported; use ""');
      return { kind: 'hasVector' };
    case 'nested':
      onlyKeys(value, field, [name]);
      return nested(value[name], `${field}.${name}`, depth, budget);
    case undefined:
      return { kind: 'filter', filter: filterOf(value, field, depth + 1, budget) };
    default:
      throw bad(
        `${field}.${name}`,
        'is not a condition (key, is_empty, is_null, has_id, has_vector, nested, or a filter)',
      );
  }
}

function nested(value: unknown, field: string, depth: number, budget: Budget): Condition {
  if (!isObject(value)) throw bad(field, 'must be an object with key and filter');
  onlyKeys(value, field, ['key', 'filter']);
  const filter = filterOf(value['filter'], `${field}.filter`, depth + 1, budget);
  refuseIds(filter, `${field}.filter`);
  return { kind: 'nested', key: pathOf(value['key'], `${field}.key`), filter };
}

/** Ids and vectors belong to points, not to elements of their payload. */
function refuseIds(filter: Filter, field: string): void {
  const all = [...filter.must, ...filter.should, ...filter.mustNot, ...(filter.minShould?.conditions ?? [])];
  for (const item of all) {
    if (item.kind === 'hasId' || item.kind === 'hasVector') throw bad(field, 'has_id and has_vector cannot be nested');
    if (item.kind === 'filter') refuseIds(item.filter, field);
  }
}

function ids(value: unknown, field: string): PointId[] {
  if (!Array.isArray(value)) throw bad(field, 'must be a list of point ids');
  if (value.length > MAX_VALUES) throw bad(field, `has more than ${MAX_VALUES} ids`);
  return value.map((item: unknown, i) => {
    const id = parsePointId(item);
    if (id === null) throw bad(`${field}[${i}]`, 'must be an unsigned integer or a UUID');
    return id;
  });
}

function keyOf(value: unknown, field: string): string {
  if (!isObject(value)) throw bad(field, 'must be an object with key');
  onlyKeys(value, field, ['key']);
  return pathOf(value['key'], `${field}.key`);
}
