/** Bounds of resharding. Units are in the names. */

/** Points of one batch of a scan. */
export const BATCH_POINTS = 1_000;
/** Log read at once. */
export const LOG_READ_BYTES = 1024 * 1024;
/** A target so few entries behind its source is compared with it. */
export const SYNCED_ENTRIES = 1_000;
/** Wait before the source's log is looked at again when there was nothing new; the short one while the source is sealed, for clients wait then. */
export const POLL_MS = 200;
export const POLL_SEALED_MS = 10;
/** Wait between two reads of a log that grows. */
export const FOLLOW_MS = 20;
/** As POLL_MS, while a batch or a comparison waits for the copies of the source. */
export const POLL_BEHIND_MS = 10;
/** Wait after a failure: doubles up to the second. */
export const RETRY_FIRST_MS = 100;
export const RETRY_MAX_MS = 2_000;
/** Comparisons in a row that may fail; after the last one the feed gives up. */
export const MISMATCHES_MAX = 3;
/** A source keeps log for a reader so long after its last word. */
export const HOLD_MS = 60_000;
