import type { ErrorObject, ValidateFunction } from 'ajv';
import { Ajv } from 'ajv';
import type { Shard } from './v1alpha1/index.ts';
import schemas from './v1alpha1/schemas.json' with { type: 'json' };
import type { CollectionWithDefaults, VectorClusterWithDefaults, WorkspaceWithDefaults } from './with-defaults.ts';

/** One thing that is wrong with an object. */
export interface FieldError {
  /** Where, as kubectl writes it: `spec.nodes`, `status.copies[0].node`; empty for the object itself. */
  path: string;
  /** What is wrong and what is wanted, as the end of a sentence that starts with the path. */
  message: string;
}

/** A parsed object with the schema's defaults filled in, or everything that is wrong with it. */
export type Result<T> = { ok: true; value: T } | { ok: false; errors: FieldError[] };

/** More errors than this help nobody: the rest is not told. */
const MAX_ERRORS = 20;

const ajv = new Ajv({
  strict: true,
  allErrors: true,
  useDefaults: true,
  verbose: true,
  formats: { 'date-time': isDateTime },
});

const checkVectorCluster = ajv.compile<VectorClusterWithDefaults>(schemas.VectorCluster);
const checkCollection = ajv.compile<CollectionWithDefaults>(schemas.Collection);
const checkShard = ajv.compile<Shard>(schemas.Shard);
const checkWorkspace = ajv.compile<WorkspaceWithDefaults>(schemas.Workspace);

/** Parses a VectorCluster as the API server returns it; fields that the schema does not name are kept. */
export function parseVectorCluster(json: unknown): Result<VectorClusterWithDefaults> {
  return parseWith(checkVectorCluster, json);
}

/** Parses a Collection as the API server returns it; fields that the schema does not name are kept. */
export function parseCollection(json: unknown): Result<CollectionWithDefaults> {
  return parseWith(checkCollection, json);
}

/** Parses a Shard as the API server returns it; fields that the schema does not name are kept. */
export function parseShard(json: unknown): Result<Shard> {
  return parseWith(checkShard, json);
}

/** Parses a Workspace as the API server returns it; fields that the schema does not name are kept. */
export function parseWorkspace(json: unknown): Result<WorkspaceWithDefaults> {
  return parseWith(checkWorkspace, json);
}

/** All errors as one sentence, for logs, conditions and thrown errors. */
export function describeErrors(errors: FieldError[]): string {
  return errors.map(({ path, message }) => (path === '' ? message : `${path} ${message}`)).join('; ');
}

/** Defaults are written into a copy, since the argument may live in a cache. */
function parseWith<T>(check: ValidateFunction<T>, json: unknown): Result<T> {
  const value: unknown = structuredClone(json);
  if (check(value)) return { ok: true, value };
  return { ok: false, errors: (check.errors ?? []).slice(0, MAX_ERRORS).map(toFieldError) };
}

function toFieldError(error: ErrorObject): FieldError {
  const path = fieldPath(error.instancePath);
  if (error.keyword === 'required') {
    const missing = String(error.params['missingProperty']);
    return { path: path === '' ? missing : `${path}.${missing}`, message: 'is required' };
  }
  return { path, message: sentence(error) };
}

/** `/status/copies/0/node` to `status.copies[0].node`. */
function fieldPath(pointer: string): string {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce((path, part) => (/^\d+$/.test(part) ? `${path}[${part}]` : path === '' ? part : `${path}.${part}`), '');
}

function sentence(error: ErrorObject): string {
  const params: Record<string, unknown> = error.params;
  const got = JSON.stringify(error.data) ?? 'nothing';
  const shown = got.length > 80 ? `${got.slice(0, 80)}…` : got;
  switch (error.keyword) {
    case 'type':
      return `must be of type ${String(params['type'])}, not ${shown}`;
    case 'enum':
      return `must be one of ${(params['allowedValues'] as unknown[]).map(String).join(', ')}, not ${shown}`;
    case 'minimum':
      return `must be ${String(params['limit'])} or more, not ${shown}`;
    case 'maximum':
      return `must be ${String(params['limit'])} or less, not ${shown}`;
    case 'minLength':
      return `must have ${String(params['limit'])} or more characters`;
    case 'maxLength':
      return `must have at most ${String(params['limit'])} characters`;
    case 'maxItems':
      return `must have at most ${String(params['limit'])} items`;
    case 'maxProperties':
      return `must have at most ${String(params['limit'])} entries`;
    case 'pattern':
      return `must match ${String(params['pattern'])}, not ${shown}`;
    case 'format':
      return `must be a ${String(params['format'])} (RFC 3339), not ${shown}`;
    default:
      return error.message ?? `breaks the rule "${error.keyword}"`;
  }
}

/** RFC 3339 date-time, as Kubernetes writes it. */
function isDateTime(text: string): boolean {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/i.test(text) && !Number.isNaN(Date.parse(text));
}
