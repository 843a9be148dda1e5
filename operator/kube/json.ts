import { hash } from 'node:crypto';

/** Readers of JSON that came from elsewhere: a wrong shape reads as absent. */
export type JsonObject = Record<string, unknown>;

/** True for objects that are neither null nor arrays. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Value at a path of members; undefined when a step is missing. */
export function at(value: unknown, ...path: string[]): unknown {
  let current = value;
  for (const step of path) {
    if (!isObject(current)) return undefined;
    current = current[step];
  }
  return current;
}

/** String at a path, or ''. */
export function textAt(value: unknown, ...path: string[]): string {
  const found = at(value, ...path);
  return typeof found === 'string' ? found : '';
}

/** Number at a path, or 0. */
export function numberAt(value: unknown, ...path: string[]): number {
  const found = at(value, ...path);
  return typeof found === 'number' ? found : 0;
}

/** Objects of the array at a path; what is not an object is left out. */
export function objectsAt(value: unknown, ...path: string[]): JsonObject[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? found.filter(isObject) : [];
}

/** Deep equality of JSON; a member that is undefined equals an absent one. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, i) => sameJson(item, b[i]));
  }
  if (!isObject(a) || !isObject(b)) return false;
  const members = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...members].every((member) => sameJson(a[member], b[member]));
}

/**
 * True when everything that `wanted` says is in `actual`, which may have more members (the server's defaults). Arrays
 * have to agree in length. Used to see drift without writing.
 */
export function covers(actual: unknown, wanted: unknown): boolean {
  if (wanted === undefined || wanted === actual) return true;
  if (Array.isArray(wanted)) {
    return (
      Array.isArray(actual) && actual.length === wanted.length && wanted.every((item, i) => covers(actual[i], item))
    );
  }
  if (!isObject(wanted)) return false;
  // The server drops empty objects here and there, so an empty wish is met by absence.
  if (actual === undefined) return Object.values(wanted).every((member) => member === undefined);
  return isObject(actual) && Object.entries(wanted).every(([member, value]) => covers(actual[member], value));
}

/** JSON with sorted members: equal content gives equal text. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_member, inner: unknown) =>
    isObject(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner,
  );
}

/** Hex SHA-256 of canonical JSON. */
export function contentHash(value: unknown): string {
  return hash('sha256', canonicalJson(value), 'hex');
}
