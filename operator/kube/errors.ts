import { isObject, numberAt, objectsAt, textAt } from './json.ts';

/** One cause of a refusal: which field and what is wrong with it. */
export interface Cause {
  field: string;
  message: string;
}

/** An answer of the API server that is not a success, its Status parsed once. */
export class KubeError extends Error {
  /** HTTP status. */
  readonly code: number;
  /** Reason of the Status, e.g. AlreadyExists; '' when the body was not a Status. */
  readonly reason: string;
  /** The API server's own sentence. */
  readonly detail: string;
  readonly causes: Cause[];
  readonly retryAfterSeconds: number;

  constructor(action: string, code: number, body: string) {
    const status = parseStatus(body);
    super(`${action}: ${code} ${status.reason}: ${status.detail}`);
    this.name = 'KubeError';
    this.code = code;
    this.reason = status.reason;
    this.detail = status.detail;
    this.causes = status.causes;
    this.retryAfterSeconds = status.retryAfterSeconds;
  }
}

/** The request never got an answer: refused, reset, timed out or aborted. */
export class KubeUnreachable extends Error {
  constructor(action: string, cause: unknown) {
    super(`${action}: ${causeText(cause)}`, { cause });
    this.name = 'KubeUnreachable';
  }
}

/** 409 of a stale resourceVersion or a field owned by another manager. */
export function isConflict(error: unknown): boolean {
  return error instanceof KubeError && error.code === 409 && error.reason !== 'AlreadyExists';
}

export function isAlreadyExists(error: unknown): boolean {
  return error instanceof KubeError && error.reason === 'AlreadyExists';
}

export function isNotFound(error: unknown): boolean {
  return error instanceof KubeError && error.code === 404;
}

/** 410: the resourceVersion or continue token is too old, list again. */
export function isGone(error: unknown): boolean {
  return error instanceof KubeError && error.code === 410;
}

export function isForbidden(error: unknown): boolean {
  return error instanceof KubeError && (error.code === 403 || error.code === 401);
}

/** The sentence to show people for anything thrown. */
export function errorText(error: unknown): string {
  if (error instanceof KubeError) return error.detail;
  return error instanceof Error ? error.message : String(error);
}

const MAX_PLAIN_BODY = 300;

function parseStatus(body: string): Pick<KubeError, 'reason' | 'detail' | 'causes' | 'retryAfterSeconds'> {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    json = undefined;
  }
  if (!isObject(json) || json['kind'] !== 'Status') {
    return { reason: '', detail: body.slice(0, MAX_PLAIN_BODY).trim(), causes: [], retryAfterSeconds: 0 };
  }
  return {
    reason: textAt(json, 'reason'),
    detail: textAt(json, 'message'),
    causes: objectsAt(json, 'details', 'causes').map((cause) => ({
      field: textAt(cause, 'field'),
      message: textAt(cause, 'message'),
    })),
    retryAfterSeconds: numberAt(json, 'details', 'retryAfterSeconds'),
  };
}

/** Some network errors have a code and no message. */
function causeText(cause: unknown): string {
  if (!isObject(cause)) return String(cause);
  return textAt(cause, 'message') || textAt(cause, 'code') || String(cause);
}
