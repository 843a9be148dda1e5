import { isUtf8 } from 'node:buffer';
import { AnnulusError } from '#model/errors.ts';
import { jsonText as exactText } from '../filter/json.ts';

/** Deepest nesting of objects and arrays that a stored payload or filter may have. */
const MAX_DEPTH = 128;

/** Thrown by the readers below when a double cannot hold the integer that the client wrote; readBody then parses again, exactly. */
const INEXACT = new Error('an integer beyond 2^53');

/**
 * Parses a JSON body and reads it. Integers beyond 2^53 are rare and JSON.parse rounds them, so the quick parse is tried first and is
 * repeated with bigints only when a reader meets such an integer where it matters (ids, payloads, filters; not vectors).
 */
export function readBody<T>(body: Buffer, read: (json: unknown) => T): T {
  if (!isUtf8(body)) throw new AnnulusError('ANN_BAD_REQUEST', 'Format error in JSON body: it is not valid UTF-8');
  const text = body.toString('utf8');
  const json = parseText(text);
  try {
    return read(json);
  } catch (error) {
    if (error !== INEXACT) throw error;
    return read(parseExact(text));
  }
}

function parseText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const reason = text.trim() === '' ? 'the body is empty' : (error as Error).message;
    throw new AnnulusError('ANN_BAD_REQUEST', `Format error in JSON body: ${reason}`, { cause: error });
  }
}

/** JSON.parse that gives every integer from 1e15 up to 1e21 (what JSON.stringify writes in 16 digits and more) as a bigint. */
export function parseExact(text: string): unknown {
  return JSON.parse(text, (_key, value: unknown, context?: { source?: string }) => {
    if (typeof value !== 'number' || !Number.isInteger(value)) return value;
    const size = Math.abs(value);
    if (size < 1e15 || size >= 1e21) return value;
    const source = context?.source ?? '';
    return BigInt(/^-?\d+$/.test(source) ? source : value);
  });
}

const LONG_INTEGER = /[:,[]-?\d{16,}[,\]}]/;

/** JSON text made by JSON.stringify holds an integer of 16 digits or more. */
export function hasLongInteger(text: string): boolean {
  return LONG_INTEGER.test(text);
}

/** Canonical JSON text of a value out of readBody; every integer keeps its digits. */
export function jsonText(value: unknown, field: string): string {
  if (tooDeep(value, MAX_DEPTH)) {
    throw new AnnulusError('ANN_BAD_REQUEST', `${field} is nested deeper than ${MAX_DEPTH} levels`, { field });
  }
  let text: string;
  try {
    text = JSON.stringify(value);
  } catch {
    // Only bigints make JSON.stringify throw here: this is the exact parse already.
    return exactText(value);
  }
  if (hasLongInteger(text)) throw INEXACT;
  return text;
}

/** Asks readBody for the exact parse when this number may have lost digits. */
export function needExact(value: unknown): void {
  if (typeof value === 'number' && Number.isInteger(value) && Math.abs(value) >= 1e15 && Math.abs(value) < 1e21) {
    throw INEXACT;
  }
}

function tooDeep(value: unknown, left: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (left === 0) return true;
  if (Array.isArray(value)) return value.some((part) => tooDeep(part, left - 1));
  for (const key in value) {
    const part = (value as Record<string, unknown>)[key];
    if (typeof part === 'object' && part !== null && tooDeep(part, left - 1)) return true;
  }
  return false;
}
