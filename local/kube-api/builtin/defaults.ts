import { isObject } from '../json.ts';
import type { Json, JsonObject } from '../json.ts';

/** Sets members that are absent. */
export function fill(target: JsonObject, defaults: JsonObject): void {
  for (const [key, value] of Object.entries(defaults)) target[key] ??= value;
}

/** The member as an object, made when absent. */
export function ensureObject(target: JsonObject, key: string): JsonObject {
  const value = target[key];
  if (isObject(value)) return value;
  const made: JsonObject = {};
  target[key] = made;
  return made;
}

export const objectsIn = (value: Json | undefined): JsonObject[] =>
  Array.isArray(value) ? value.filter(isObject) : [];

/** The spec of an object as changeable JSON, made when absent. */
export function specOf(object: { spec?: JsonObject }): JsonObject {
  object.spec ??= {};
  return object.spec;
}
