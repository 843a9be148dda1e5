import type { FieldValidation } from '../engine/decode.ts';
import type { WriteRequest } from '../engine/request.ts';
import { badRequest, fieldErrors, invalid } from '../status-errors.ts';

const MAX_MANAGER_LENGTH = 128;

/** The manager that a client is when it names none: its program's name. */
const managerOf = (userAgent: string | undefined): string =>
  (userAgent ?? 'unknown').split('/')[0]?.slice(0, MAX_MANAGER_LENGTH) ?? 'unknown';

export function positiveInteger(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0)
    throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  return value;
}

export const isTrue = (query: URLSearchParams, name: string): boolean =>
  ['true', '1', ''].includes(query.get(name) ?? 'false');

function fieldValidation(query: URLSearchParams): FieldValidation {
  const value = query.get('fieldValidation') ?? '';
  if (value === '') return 'Warn';
  if (value === 'Ignore' || value === 'Warn' || value === 'Strict') return value;
  throw invalid('meta.k8s.io', 'CreateOptions', '', [
    fieldErrors.notSupported('fieldValidation', value, ['', 'Ignore', 'Strict', 'Warn']),
  ]);
}

export function isDryRun(query: URLSearchParams): boolean {
  const values = query.getAll('dryRun').filter((value) => value !== '');
  const wrong = values.find((value) => value !== 'All');
  if (wrong !== undefined) {
    throw invalid('meta.k8s.io', 'CreateOptions', '', [fieldErrors.notSupported('dryRun', values, ['All'])]);
  }
  return values.length > 0;
}

/** What the query and the headers of a write say. */
export function writeRequest(
  query: URLSearchParams,
  userAgent: string | undefined,
  warn: (text: string) => void,
): WriteRequest {
  const manager = query.get('fieldManager') ?? '';
  if (manager.length > MAX_MANAGER_LENGTH) {
    throw invalid('meta.k8s.io', 'CreateOptions', '', [fieldErrors.tooLong('fieldManager', MAX_MANAGER_LENGTH)]);
  }
  return {
    dryRun: isDryRun(query),
    fieldManager: manager === '' ? managerOf(userAgent) : manager,
    fieldValidation: fieldValidation(query),
    warn,
  };
}
