/** Bounds of replication. Units are in the names. */

/** Entries sent to one copy and not yet acknowledged by it. */
export const WINDOW_BYTES = 8 * 1024 * 1024;
export const WINDOW_MESSAGES = 256;
/** Entries kept in memory for copies that are nearly up to date; others are read from the log. */
export const RECENT_BYTES = 16 * 1024 * 1024;
/** Read from the log at once for a copy that lags. */
export const LOG_READ_BYTES = 1024 * 1024;
/** Log kept for copies that lag; one that lags more is recovered whole. */
export const LOG_KEEP_BYTES = 512 * 1024 * 1024;
/** The log is trimmed when so many entries more than before may go. */
export const TRIM_STEP_ENTRIES = 1_024;
/** ...or, fewer of them, after this time. */
export const TRIM_MS = 10_000;
/** A new primary trims nothing for so long: readers that held the log of the one before say so again. */
export const HOLD_GRACE_MS = 15_000;
/** Client writes that wait for copies. */
export const PENDING_WRITES = 20_000;

/** A copy that owes an acknowledgement and says nothing for so long is to leave the in-sync set. */
export const SILENCE_MS = 5_000;
/** As SILENCE_MS, for one that answers with errors or whose node refuses connections: time enough for a quick restart. */
export const FAILING_MS = 2_000;
/** Wait before a failed copy is tried again: doubles up to the second. */
export const RETRY_FIRST_MS = 100;
export const RETRY_MAX_MS = 1_000;
/** Wait before the operator is asked again: after a refusal, and when no answer came. */
export const CHANGE_RETRY_MS = 1_000;
export const CHANGE_UNANSWERED_MS = 250;
/** As CHANGE_RETRY_MS, for a handover: writes wait meanwhile. */
export const HANDOVER_RETRY_MS = 250;
/** Wait before a copy that could not confirm this primary is asked again. */
export const CONFIRM_RETRY_MS = 100;
/** Reads that wait for a confirmation. */
export const PENDING_READS = 20_000;
/** How often a primary tells idle copies its checkpoint, and looks at its timers. */
export const TICK_MS = 250;
