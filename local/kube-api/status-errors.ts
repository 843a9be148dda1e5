import { ApiError } from './api-types.ts';
import type { KubeStatus, StatusCause } from './api-types.ts';

/** Group and plural name, as error details carry them. */
export interface GroupResource {
  readonly group: string;
  readonly resource: string;
}

/** One refused field, in the API server's words. `detail` is the text without the field. */
export interface FieldError {
  /** A cause type of metav1, e.g. FieldValueInvalid. */
  readonly type: string;
  readonly field: string;
  readonly detail: string;
}

type Details = NonNullable<KubeStatus['details']>;

export function failure(code: number, reason: string, message: string, details?: Details): ApiError {
  const status: KubeStatus = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason };
  if (details !== undefined) status.details = details;
  status.code = code;
  return new ApiError(status);
}

const qualified = (r: GroupResource): string => (r.group === '' ? r.resource : `${r.resource}.${r.group}`);
const detailsOf = (r: GroupResource, name: string): Details => ({
  ...(name === '' ? {} : { name }),
  ...(r.group === '' ? {} : { group: r.group }),
  kind: r.resource,
});

export const notFound = (r: GroupResource, name: string): ApiError =>
  failure(404, 'NotFound', `${qualified(r)} "${name}" not found`, detailsOf(r, name));

/** What the server says to a path that it does not serve. */
export const unknownPath = (): ApiError =>
  failure(404, 'NotFound', 'the server could not find the requested resource', {});

export const alreadyExists = (r: GroupResource, name: string): ApiError =>
  failure(409, 'AlreadyExists', `${qualified(r)} "${name}" already exists`, detailsOf(r, name));

export const conflict = (r: GroupResource, name: string, why: string): ApiError =>
  failure(409, 'Conflict', `Operation cannot be fulfilled on ${qualified(r)} "${name}": ${why}`, detailsOf(r, name));

export const staleVersion = (r: GroupResource, name: string): ApiError =>
  conflict(r, name, 'the object has been modified; please apply your changes to the latest version and try again');

export const applyConflict = (causes: StatusCause[], message: string): ApiError =>
  failure(409, 'Conflict', message, { causes });

export const badRequest = (message: string): ApiError => failure(400, 'BadRequest', message);
export const gone = (message: string): ApiError => failure(410, 'Expired', message);
export const unauthorized = (): ApiError => failure(401, 'Unauthorized', 'Unauthorized');
export const tooLarge = (limitBytes: number): ApiError =>
  failure(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${limitBytes}`);

export const forbidden = (r: GroupResource, name: string, why: string, causes?: StatusCause[]): ApiError =>
  failure(403, 'Forbidden', `${qualified(r)} "${name}" is forbidden: ${why}`, {
    ...detailsOf(r, name),
    ...(causes === undefined ? {} : { causes }),
  });

export const methodNotAllowed = (): ApiError =>
  failure(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {});

/** Built-in kinds refuse a wrong content type shortly, custom ones by naming the right ones. */
export const unsupportedMediaType = (accepted?: readonly string[]): ApiError =>
  accepted === undefined
    ? failure(415, 'UnsupportedMediaType', '415: Unsupported Media Type', {})
    : failure(
        415,
        'UnsupportedMediaType',
        `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`,
      );

export const internalError = (why: string): ApiError =>
  failure(500, 'InternalError', `Internal error occurred: ${why}`, { causes: [{ message: why }] });

/** An error that the real server lets out without a reason. */
export function bareError(code: number, message: string): ApiError {
  return new ApiError({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, code });
}

/** 422 for refused fields; one sentence for one, a bracketed list for more, as the API server writes. */
export function invalid(group: string, kind: string, name: string, errors: readonly FieldError[]): ApiError {
  const sentences = errors.map((e) => (e.field === '' ? e.detail : `${e.field}: ${e.detail}`));
  const unique = [...new Set(sentences)];
  const text = unique.length === 1 ? (unique[0] ?? '') : `[${unique.join(', ')}]`;
  const qualifiedKind = group === '' ? kind : `${kind}.${group}`;
  return failure(422, 'Invalid', `${qualifiedKind} "${name}" is invalid: ${text}`, {
    ...(name === '' ? {} : { name }),
    ...(group === '' ? {} : { group }),
    kind,
    causes: errors.map((e) => ({ reason: e.type, message: e.detail, field: e.field })),
  });
}

/** Go's JSON writer escapes what HTML minds. */
const goEscape = (char: string): string => `\\u00${char.charCodeAt(0).toString(16)}`;

/** A value as Go prints it inside `Invalid value: …`. */
export function printValue(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (value === undefined || value === null) return 'null';
  return typeof value === 'object' ? JSON.stringify(value).replaceAll(/[<>&]/g, goEscape) : String(value);
}

export const fieldErrors = {
  required: (field: string, detail: string): FieldError => ({
    type: 'FieldValueRequired',
    field,
    detail: detail === '' ? 'Required value' : `Required value: ${detail}`,
  }),
  invalid: (field: string, value: unknown, detail: string): FieldError => ({
    type: 'FieldValueInvalid',
    field,
    detail: `Invalid value: ${printValue(value)}: ${detail}`,
  }),
  typeInvalid: (field: string, value: unknown, detail: string): FieldError => ({
    type: 'FieldValueTypeInvalid',
    field,
    detail: `Invalid value: ${printValue(value)}: ${detail}`,
  }),
  notSupported: (field: string, value: unknown, supported: readonly string[]): FieldError => ({
    type: 'FieldValueNotSupported',
    field,
    detail: `Unsupported value: ${printValue(value)}: supported values: ${supported.map((s) => JSON.stringify(s)).join(', ')}`,
  }),
  forbidden: (field: string, detail: string): FieldError => ({
    type: 'FieldValueForbidden',
    field,
    detail: `Forbidden: ${detail}`,
  }),
  duplicate: (field: string, value: unknown): FieldError => ({
    type: 'FieldValueDuplicate',
    field,
    detail: `Duplicate value: ${printValue(value)}`,
  }),
  tooLong: (field: string, maxLength: number): FieldError => ({
    type: 'FieldValueTooLong',
    field,
    detail: `Too long: may not be more than ${maxLength} bytes`,
  }),
  tooMany: (field: string, count: number, max: number): FieldError => ({
    type: 'FieldValueTooMany',
    field,
    detail: `Too many: ${count}: must have at most ${max} items`,
  }),
};
