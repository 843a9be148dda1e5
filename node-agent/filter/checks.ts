import { AnnulusError } from '#model/errors.ts';
import { parsePath } from './path.ts';

/** Values of a match any/except, ids of a has_id. */
export const MAX_VALUES = 100_000;

/** Checks a payload path. */
export function pathOf(value: unknown, field: string): string {
  if (typeof value !== 'string' || parsePath(value) === null)
    throw bad(field, 'must be a payload path such as a, a.b or a[].b');
  return value;
}

export function onlyKeys(value: Record<string, unknown>, field: string, allowed: string[]): void {
  for (const name of Object.keys(value)) {
    if (!allowed.includes(name)) throw bad(`${field}.${name}`, `is unknown here (${allowed.join(', ')})`);
  }
}

export function bad(field: string, problem: string): AnnulusError {
  return new AnnulusError('ANN_BAD_REQUEST', `${field} ${problem}`, { field });
}

export function unsupported(field: string, problem: string): AnnulusError {
  return new AnnulusError('ANN_UNSUPPORTED', `${field}: ${problem}`, { field });
}
