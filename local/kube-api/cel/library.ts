import { celFunc, celMethod, CelScalar, isCelMap, listType, mapType } from '@bufbuild/cel';
import type { CelFunc, CelInput, CelList, CelMap, CelValue } from '@bufbuild/cel';
import { strings } from '@bufbuild/cel/ext';
import { RE2JS } from 're2js';
import { parseQuantity } from '../quantity.ts';

/** Functions that Kubernetes adds to CEL, as far as rules of custom resources use them. */

const { BOOL, DOUBLE, DYN, INT, STRING } = CelScalar;
const LIST = listType(DYN);
const STRINGS = listType(STRING);
const MAP = mapType(STRING, DYN);

type Comparable = bigint | number | string | boolean;
const isComparable = (value: unknown): value is Comparable =>
  ['bigint', 'number', 'string', 'boolean'].includes(typeof value);

function comparables(list: CelList): Comparable[] {
  return [...list].map((value) => {
    if (!isComparable(value)) throw new Error('no such overload');
    return value;
  });
}

function extreme(list: CelList, isBetter: (a: Comparable, b: Comparable) => boolean, name: string): CelInput {
  const values = comparables(list);
  const [first, ...rest] = values;
  if (first === undefined) throw new Error(`${name} called on empty list`);
  return rest.reduce((best, value) => (isBetter(value, best) ? value : best), first);
}

function sum(list: CelList): CelInput {
  const values = [...list];
  if (values.length === 0) return 0n;
  if (values.every((value) => typeof value === 'bigint')) return values.reduce((total, value) => total + value, 0n);
  return values.reduce<number>((total, value) => total + Number(value), 0);
}

const same = (a: CelValue, b: CelValue): boolean => a === b;
const indexOf = (list: CelList, item: CelValue): bigint => BigInt([...list].findIndex((value) => same(value, item)));
const lastIndexOf = (list: CelList, item: CelValue): bigint =>
  BigInt([...list].findLastIndex((value) => same(value, item)));

const LISTS: CelFunc[] = [
  celMethod('isSorted', LIST, [], BOOL, function () {
    const values = comparables(this);
    return values.every((value, i) => i === 0 || (values[i - 1] ?? value) <= value);
  }),
  celMethod('sum', LIST, [], DYN, function () {
    return sum(this);
  }),
  celMethod('min', LIST, [], DYN, function () {
    return extreme(this, (a, b) => a < b, 'min');
  }),
  celMethod('max', LIST, [], DYN, function () {
    return extreme(this, (a, b) => a > b, 'max');
  }),
  celMethod('indexOf', LIST, [DYN], INT, function (item) {
    return indexOf(this, item);
  }),
  celMethod('lastIndexOf', LIST, [DYN], INT, function (item) {
    return lastIndexOf(this, item);
  }),
];

const holds = (list: CelList, item: CelValue): boolean => [...list].some((value) => same(value, item));
const contains = (a: CelList, b: CelList): boolean => [...b].every((item) => holds(a, item));

const SETS: CelFunc[] = [
  celFunc('sets.contains', [LIST, LIST], BOOL, contains),
  celFunc('sets.equivalent', [LIST, LIST], BOOL, (a, b) => contains(a, b) && contains(b, a)),
  celFunc('sets.intersects', [LIST, LIST], BOOL, (a, b) => [...a].some((item) => holds(b, item))),
];

const REGEX: CelFunc[] = [
  celMethod('find', STRING, [STRING], STRING, function (pattern) {
    const matcher = RE2JS.compile(pattern).matcher(this);
    return matcher.find() ? (matcher.group() ?? '') : '';
  }),
  celMethod('findAll', STRING, [STRING], STRINGS, function (pattern) {
    const matcher = RE2JS.compile(pattern).matcher(this);
    const found: string[] = [];
    while (matcher.find()) found.push(matcher.group() ?? '');
    return found;
  }),
];

/** Optional values and quantities are maps with one telling key: rules only touch them through methods. */
const OPTIONAL = '$optional';
const QUANTITY = '$quantity';
const NANOS = 1_000_000_000n;

/** optional.of(value), or optional.none() for undefined. */
export const optional = (value: CelInput | undefined): CelInput =>
  new Map<string, CelInput>(
    value === undefined
      ? [[OPTIONAL, false]]
      : [
          [OPTIONAL, true],
          ['value', value],
        ],
  );

const isPresent = (map: CelMap): boolean => map.get(OPTIONAL) === true;

const OPTIONALS: CelFunc[] = [
  celMethod('hasValue', MAP, [], BOOL, function () {
    return isPresent(this);
  }),
  celMethod('value', MAP, [], DYN, function () {
    if (!isPresent(this)) throw new Error('optional.none() dereference');
    return (this.get('value') ?? null) as CelInput;
  }),
  celMethod('orValue', MAP, [DYN], DYN, function (other) {
    return (isPresent(this) ? (this.get('value') ?? null) : other) as CelInput;
  }),
];

const quantity = (nanos: bigint): CelInput => new Map<string, CelInput>([[QUANTITY, nanos]]);

function nanosOf(value: CelValue): bigint {
  const nanos = isCelMap(value) ? value.get(QUANTITY) : undefined;
  if (typeof nanos !== 'bigint') throw new Error('no such overload');
  return nanos;
}

const compare = (a: bigint, b: bigint): bigint => (a < b ? -1n : a > b ? 1n : 0n);

const QUANTITIES: CelFunc[] = [
  celFunc('isQuantity', [STRING], BOOL, (text) => parseQuantity(text) !== null),
  celFunc('quantity', [STRING], MAP, (text) => {
    const parsed = parseQuantity(text);
    if (parsed === null)
      throw new Error("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
    return quantity(parsed.nanos) as Map<string, CelInput>;
  }),
  celMethod('compareTo', MAP, [MAP], INT, function (other) {
    return compare(nanosOf(this), nanosOf(other));
  }),
  celMethod('isGreaterThan', MAP, [MAP], BOOL, function (other) {
    return nanosOf(this) > nanosOf(other);
  }),
  celMethod('isLessThan', MAP, [MAP], BOOL, function (other) {
    return nanosOf(this) < nanosOf(other);
  }),
  celMethod('sign', MAP, [], INT, function () {
    return compare(nanosOf(this), 0n);
  }),
  celMethod('isInteger', MAP, [], BOOL, function () {
    return nanosOf(this) % NANOS === 0n;
  }),
  celMethod('asInteger', MAP, [], INT, function () {
    return nanosOf(this) / NANOS;
  }),
  celMethod('asApproximateFloat', MAP, [], DOUBLE, function () {
    return Number(nanosOf(this)) / Number(NANOS);
  }),
  celMethod('add', MAP, [MAP], MAP, function (other) {
    return quantity(nanosOf(this) + nanosOf(other)) as Map<string, CelInput>;
  }),
  celMethod('sub', MAP, [MAP], MAP, function (other) {
    return quantity(nanosOf(this) - nanosOf(other)) as Map<string, CelInput>;
  }),
];

const URLS: CelFunc[] = [
  celFunc('isURL', [STRING], BOOL, (text) => /^[a-z][a-z0-9+.-]*:/i.test(text) || text.startsWith('/')),
  celFunc(
    'isIP',
    [STRING],
    BOOL,
    (text) => URL.canParse(`http://${text.includes(':') ? `[${text}]` : text}/`) && /^[\d.]+$|:/.test(text),
  ),
];

/** Everything that a rule may call beside standard CEL. */
export const KUBERNETES_FUNCTIONS: CelFunc[] = [
  ...strings,
  ...LISTS,
  ...SETS,
  ...REGEX,
  ...OPTIONALS,
  ...QUANTITIES,
  ...URLS,
];
