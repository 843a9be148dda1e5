/** Bounds of a recovery. Units are in the names. */

/** Points of a batch. */
export const BATCH_POINTS = 1_000;
/** Batches sent and not yet on the target's disk, and their bytes: what the target may hold dirty. */
export const WINDOW_BATCHES = 4;
export const WINDOW_BYTES = 16 * 1024 * 1024;
/** Part of the graph's file that is sent at once, and parts on their way. */
export const GRAPH_PART_BYTES = 1024 * 1024;
export const GRAPH_WINDOW_PARTS = 4;
export const CALL_TIMEOUT_MS = 60_000;
/** The target builds its index before it answers. */
export const FINISH_TIMEOUT_MS = 600_000;
