// Bounds of what one request of a client may ask for, over REST and gRPC alike.

/** Most points one answer may carry, offset included; also the most ids one read may name. */
export const MAX_RESULTS = 100_000;
/** Most hits that all queries of one batch may ask for together. */
export const MAX_BATCH_RESULTS = 10 * MAX_RESULTS;
/** Points when the client gives no limit. */
export const DEFAULT_LIMIT = 10;
/** Largest hnsw_ef: beyond it an exact search is quicker. */
export const MAX_EF = 10_000;
/** Most examples of one recommendation, positive or negative. */
export const MAX_EXAMPLES = 1_000;
/** Milliseconds when the client gives no timeout. */
export const DEFAULT_TIMEOUT_MS = 60_000;
/** Longest body or message in bytes. */
export const MAX_BODY_BYTES = 32 * 1024 * 1024;
