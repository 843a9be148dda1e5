import { jsonText, parseJson } from '../filter/json.ts';
import { isObject, parsePath, type Path } from '../filter/path.ts';

/** Payload changes as functions of JSON text: the same on every copy. null = no payload. */
type Payload = Record<string, unknown>;
type Step = Path['steps'][number];

/** Deepest payload that is accepted: far below what recursion over it could take. */
export const PAYLOAD_MAX_DEPTH = 128;

/** The payload as it is stored: null for none or `{}`. */
export function storedPayload(payload: string | null): string | null {
  return payload === null || payload === '{}' ? null : payload;
}

/** Parsed payload; null when the text is not a JSON object, or is nested too deep. */
export function parsePayload(text: string): Payload | null {
  try {
    const value = parseJson(text);
    return isObject(value) && !tooDeep(value, PAYLOAD_MAX_DEPTH) ? value : null;
  } catch {
    return null;
  }
}

/** A payload that was checked when it was written; none is an empty one. */
export function readPayload(text: string | null): Payload {
  if (text === null) return {};
  const value = parseJson(text);
  return isObject(value) ? value : {};
}

/** Sets the fields of `patch` in the payload, or in the object at `key`, which is made when it is not there. */
export function mergePayload(payload: string | null, patch: string, key?: string): string | null {
  const patchObject = readPayload(patch);
  const old = readPayload(payload);
  const path = key === undefined ? null : parsePath(key);
  if (path === null) return textOf(assign(old, patchObject));
  const merged = mergeAt(old, path.steps, patchObject);
  return textOf(isObject(merged) ? merged : old);
}

/** Removes the values at the paths; paths that lead nowhere are no error. */
export function removeKeys(payload: string | null, keys: string[]): string | null {
  if (payload === null) return null;
  let value: unknown = readPayload(payload);
  for (const key of keys) {
    const path = parsePath(key);
    if (path) value = removeAt(value, path.steps);
  }
  return isObject(value) ? textOf(value) : null;
}

function textOf(payload: Payload): string | null {
  return storedPayload(jsonText(payload));
}

// Objects are built from entries: assignment to a key called __proto__ would not set a field.
function assign(object: Payload, patch: Payload): Payload {
  return Object.fromEntries([...new Map([...Object.entries(object), ...Object.entries(patch)])]);
}

function mergeAt(value: unknown, steps: Step[], patch: Payload): unknown {
  const [step, ...rest] = steps;
  if (step === undefined) return assign(isObject(value) ? value : {}, patch);
  if ('key' in step) {
    const object = isObject(value) ? value : {};
    const child = Object.hasOwn(object, step.key) ? object[step.key] : undefined;
    return assign(object, Object.fromEntries([[step.key, mergeAt(child, rest, patch)]]));
  }
  if (!Array.isArray(value)) return value === undefined ? [] : value;
  return value.map((item: unknown, i) => ('every' in step || step.index === i ? mergeAt(item, rest, patch) : item));
}

function removeAt(value: unknown, steps: Step[]): unknown {
  const [step, ...rest] = steps;
  if (step === undefined) return value;
  if ('key' in step) {
    if (!isObject(value) || !Object.hasOwn(value, step.key)) return value;
    if (rest.length === 0) return Object.fromEntries(Object.entries(value).filter(([name]) => name !== step.key));
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [name, name === step.key ? removeAt(item, rest) : item]),
    );
  }
  if (!Array.isArray(value)) return value;
  const selected = (i: number): boolean => 'every' in step || step.index === i;
  if (rest.length === 0) return value.filter((_, i) => !selected(i));
  return value.map((item: unknown, i) => (selected(i) ? removeAt(item, rest) : item));
}

function tooDeep(value: unknown, left: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (left === 0) return true;
  return Object.values(value).some((item) => tooDeep(item, left - 1));
}
