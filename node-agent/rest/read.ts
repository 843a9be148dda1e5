import { parsePointId, type PointId } from '#model/point-id.ts';
import { needExact } from './json.ts';
import { malformed, outOfBounds, unsupported } from './refusals.ts';

/** A JSON object whose fields were checked against a list. */
export type Fields = Readonly<Record<string, unknown>>;

/** Path of a field below `path`. */
export function at(path: string, key: string | number): string {
  if (typeof key === 'number') return `${path}[${key}]`;
  return path === '' ? key : `${path}.${key}`;
}

/** What a value is, in words for a refusal. */
export function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** An object with these fields only; any other is refused by name. */
export function object(value: unknown, path: string, known: readonly string[]): Fields {
  const fields = anyObject(value, path);
  for (const key in fields) {
    if (!known.includes(key)) throw malformed(at(path, key), `unknown field \`${key}\``);
  }
  return fields;
}

/** An object with any fields. */
export function anyObject(value: unknown, path: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw malformed(path, `expected an object, got ${kindOf(value)}`);
  }
  return value as Fields;
}

/** Refuses each of these fields unless it is absent or null. */
export function refuse(fields: Fields, path: string, keys: readonly string[]): void {
  for (const key of keys) if (fields[key] != null) throw unsupported(at(path, key));
}

export function required(fields: Fields, path: string, key: string): unknown {
  const value = fields[key];
  if (value === undefined) throw malformed(at(path, key), `missing field \`${key}\``);
  return value;
}

export function array(value: unknown, path: string): readonly unknown[] {
  if (!Array.isArray(value)) throw malformed(path, `expected an array, got ${kindOf(value)}`);
  return value;
}

export function text(value: unknown, path: string): string {
  if (typeof value !== 'string') throw malformed(path, `expected a string, got ${kindOf(value)}`);
  return value;
}

export function texts(value: unknown, path: string): string[] {
  return array(value, path).map((item, i) => text(item, at(path, i)));
}

/** A string out of a fixed set. */
export function oneOf<const T extends string>(value: unknown, path: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === value);
  if (found === undefined) {
    throw malformed(
      path,
      `expected one of ${choices.join(', ')}, got ${JSON.stringify(value)?.slice(0, 100) ?? 'nothing'}`,
    );
  }
  return found;
}

/** A boolean; absent or null gives the default. */
export function flag(value: unknown, path: string, fallback: boolean): boolean {
  if (value === undefined || value === null) return fallback;
  if (typeof value !== 'boolean') throw malformed(path, `expected a boolean, got ${kindOf(value)}`);
  return value;
}

/** A finite number; undefined when absent or null. */
export function number(value: unknown, path: string): number | undefined {
  if (value === undefined || value === null) return undefined;
  const number = typeof value === 'bigint' ? Number(value) : value;
  if (typeof number !== 'number') throw malformed(path, `expected a number, got ${kindOf(value)}`);
  if (!Number.isFinite(number)) throw malformed(path, 'expected a finite number');
  return number;
}

/** An integer within bounds (422 outside them); undefined when absent or null. */
export function integer(value: unknown, path: string, min: number, max: number): number | undefined {
  const found = number(value, path);
  if (found === undefined) return undefined;
  if (!Number.isInteger(found) || found < 0) throw malformed(path, `expected an unsigned integer, got ${found}`);
  if (found < min) throw outOfBounds(path, `value ${found} invalid, must be ${min} or larger`);
  if (found > max) throw outOfBounds(path, `value ${found} invalid, must be ${max} or smaller`);
  return found;
}

/** A point id: unsigned 64-bit integer or UUID. */
export function pointId(value: unknown, path: string): PointId {
  const id = parsePointId(value);
  if (id !== null) return id;
  needExact(value);
  const shown = typeof value === 'bigint' ? value.toString() : (JSON.stringify(value)?.slice(0, 100) ?? 'nothing');
  throw malformed(
    path,
    `value ${shown} is not a valid point ID, valid values are either an unsigned integer or a UUID`,
  );
}

/** Point ids, at most `max` of them. */
export function pointIds(value: unknown, path: string, max = Infinity): PointId[] {
  const items = array(value, path);
  if (items.length > max) throw outOfBounds(path, `${items.length} ids given, at most ${max} are answered`);
  return items.map((item, i) => pointId(item, at(path, i)));
}
