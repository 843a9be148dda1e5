/** Bounds of a shard copy. Units are in the names. */

/** When a copy uses its graph; tests make these small. */
export interface IndexTuning {
  /** Below this many vectors a shard is scanned exactly and has no graph: a scan is as quick, exact and needs no 2.5 MB. */
  graphMinPoints: number;
  /** Vectors that may wait for the graph before writes wait for it. */
  flatTailMaxPoints: number;
  /** A filter that passes no more points than this is answered by an exact scan over them. */
  filterExactMaxPoints: number;
  /** An index snapshot is written after this many changes, or SNAPSHOT_CHANGED_SHARE of the graph if that is more... */
  snapshotMinChanges: number;
  /** ...and not more often than this. */
  snapshotEveryMs: number;
}

export const INDEX_TUNING: IndexTuning = {
  graphMinPoints: 4_000,
  flatTailMaxPoints: 8_000,
  filterExactMaxPoints: 2_000,
  snapshotMinChanges: 2_000,
  snapshotEveryMs: 30_000,
};

/** Longest background work between two messages. */
export const SLICE_MS = 8;
/** The same while calls are waiting. */
export const BUSY_SLICE_MS = 4;
/** Background work that failed is tried again after this time. */
export const BACKGROUND_REST_MS = 1_000;
/** The graph is rebuilt when more than this share of it is deleted (deleted points cost recall and memory). */
export const REBUILD_DELETED_SHARE = 0.2;
/** Prepared filters that a copy keeps between writes. */
export const PREPARED_FILTERS_MAX = 32;

/** Largest log entry; longer upserts are cut into several entries. */
export const LOG_ENTRY_MAX_BYTES = 4 * 1024 * 1024;
/** Log entries that one trim forgets at most: deleting them takes time. */
export const TRIM_MAX_ENTRIES = 1_024;
/** Points that one write by filter may touch: its ids are one log entry. */
export const SELECTED_IDS_MAX = 200_000;
/** Labels are 32 bits wide in hnswlib-node. */
export const LABEL_MAX = 0xffff_fffe;

/** Calls that may wait for one worker; more are refused with ANN_OVERLOADED. */
export const PENDING_CALLS_MAX = 20_000;
/** Answers leave the worker at least this often while it is busy with reads. */
export const REPLY_FLUSH_MS = 1;
/** Writes that share one commit at most, so that the first of them does not wait for ever. */
export const GROUP_COMMIT_MAX_BYTES = 16 * 1024 * 1024;

/** Most hits that one search may want, offset included. */
export const SEARCH_LIMIT_MAX = 100_000;
/** A filtered scroll sorts this many candidates rather than looking for them through the whole copy. */
export const SCROLL_SORT_MAX_POINTS = 2_000;
/** Rows of one step of a scan over points. */
export const SCAN_STEP_ROWS = 1_000;

/** Index building after an import, between two turns of the thread. */
export const IMPORT_INDEX_SLICE_MS = 8;
/** Keys that one read of a range looks at, at most: few of them may be in the slots. */
export const RANGE_SCAN_MAX_KEYS = 4_096;
/** Rows between two looks at the clock while a digest is taken, and the longest slice. */
export const DIGEST_STEP_ROWS = 64;
export const DIGEST_SLICE_MS = 4;
/** Rest after each slice of a comparison that nobody waits for. */
export const DIGEST_REST_MS = 4;
/** Ids that one logged delete names at most when ranges are made equal. */
export const INGEST_DELETE_MAX_IDS = 50_000;
/** Bytes of one export batch, about. */
export const EXPORT_BATCH_MAX_BYTES = 8 * 1024 * 1024;

/** How old the answer of the system may be: a fast writer fills a small reserve within a second. */
export const DISK_CHECK_EVERY_MS = 20;
/** Share of the disk's reserve that replicas leave alone. */
export const REPLICA_RESERVE_SHARE = 0.5;

export const SNAPSHOT_CHANGED_SHARE = 0.1;
/** A snapshot that is lent to a recovery is taken anew when more than this share of the graph has changed. */
export const LENT_CHANGED_SHARE = 0.02;
/** How long a lent snapshot stays after it was read last. */
export const LENT_KEEP_MS = 60_000;
/** How often it is looked at whether a snapshot is due. */
export const SNAPSHOT_CHECK_EVERY_MS = 1_000;
/** Longest wait for snapshots at shutdown. */
export const SHUTDOWN_SNAPSHOT_MS = 10_000;
