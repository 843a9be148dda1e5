/**
 * The one table of error codes. `status` is the HTTP status; `retry`: retry = the same request may succeed at once,
 * wait = it may succeed when the named thing has happened, never = the request itself must change.
 */
export const ERRORS = {
  ANN_BAD_REQUEST: {
    status: 400,
    grpc: 3,
    retry: 'never',
    about: 'The request is malformed or a value is out of bounds.',
  },
  ANN_UNSUPPORTED: {
    status: 400,
    grpc: 12,
    retry: 'never',
    about: 'The named field or value is known to the dialect but not supported.',
  },
  ANN_DIMENSION_MISMATCH: {
    status: 400,
    grpc: 3,
    retry: 'never',
    about: "A vector's length is not the collection's dimension.",
  },
  ANN_UNAUTHENTICATED: { status: 401, grpc: 16, retry: 'never', about: 'The credentials are missing or wrong.' },
  ANN_FORBIDDEN: { status: 403, grpc: 7, retry: 'never', about: 'The credentials do not allow this.' },
  ANN_COLLECTION_NOT_FOUND: {
    status: 404,
    grpc: 5,
    retry: 'never',
    about: 'No collection of that name in this cluster.',
  },
  ANN_POINT_NOT_FOUND: { status: 404, grpc: 5, retry: 'never', about: 'No point with that id.' },
  ANN_NOT_FOUND: { status: 404, grpc: 5, retry: 'never', about: 'No such route or object.' },
  ANN_COLLECTION_EXISTS: { status: 409, grpc: 6, retry: 'never', about: 'A collection of that name exists.' },
  ANN_CONFLICT: { status: 409, grpc: 10, retry: 'retry', about: 'The object changed meanwhile.' },
  ANN_BODY_TOO_LARGE: {
    status: 413,
    grpc: 8,
    retry: 'never',
    about: 'The body is over the limit; send smaller batches.',
  },
  ANN_INVALID_OBJECT: { status: 422, grpc: 3, retry: 'never', about: 'The Kubernetes API refused the object.' },
  ANN_OVERLOADED: { status: 429, grpc: 8, retry: 'wait', about: 'A queue is full.' },
  ANN_INTERNAL: { status: 500, grpc: 13, retry: 'retry', about: 'A defect: please report it with the log line.' },
  ANN_SHARD_UNAVAILABLE: {
    status: 503,
    grpc: 14,
    retry: 'wait',
    about: 'No copy of the named shard can serve the request now.',
  },
  ANN_NOT_IN_SYNC: { status: 503, grpc: 14, retry: 'wait', about: 'Too few copies are in sync for a write.' },
  ANN_STALE_TERM: { status: 503, grpc: 14, retry: 'retry', about: 'The shard has a newer primary or configuration.' },
  ANN_OPERATOR_AWAY: { status: 503, grpc: 14, retry: 'wait', about: 'The operator is not connected to this node.' },
  ANN_NOT_READY: { status: 503, grpc: 14, retry: 'wait', about: 'The node or collection is still starting.' },
  ANN_TIMEOUT: { status: 504, grpc: 4, retry: 'retry', about: 'The request took longer than its limit.' },
  ANN_DISK_FULL: { status: 507, grpc: 8, retry: 'wait', about: 'Free disk is under the reserve; deletes still work.' },
} as const satisfies Record<string, { status: number; grpc: number; retry: 'retry' | 'wait' | 'never'; about: string }>;

export type ErrorCode = keyof typeof ERRORS;

/** An error that may be shown to a client: its message is a sentence that says what was wrong, where, and what to do. */
export class AnnulusError extends Error {
  readonly code: ErrorCode;
  /** Path of the offending field, e.g. points[3].vector. */
  readonly field: string | undefined;

  constructor(code: ErrorCode, message: string, options: { field?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AnnulusError';
    this.code = code;
    this.field = options.field;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }
}

/** Survives structured clone and JSON; rebuild with errorFromWire. */
export interface WireError {
  code: ErrorCode;
  message: string;
  field?: string;
}

/** Turns anything thrown into its wire form; what is not an AnnulusError becomes ANN_INTERNAL. */
export function errorToWire(error: unknown): WireError {
  if (error instanceof AnnulusError) {
    return { code: error.code, message: error.message, ...(error.field === undefined ? {} : { field: error.field }) };
  }
  return { code: 'ANN_INTERNAL', message: error instanceof Error ? error.message : String(error) };
}

/** Rebuilds the error on the other side; an unknown code (a newer peer) becomes ANN_INTERNAL. */
export function errorFromWire(wire: { code: string; message: string; field?: string }): AnnulusError {
  const code = wire.code in ERRORS ? (wire.code as ErrorCode) : 'ANN_INTERNAL';
  return new AnnulusError(code, wire.message, wire.field ? { field: wire.field } : {});
}
