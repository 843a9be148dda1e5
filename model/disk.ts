const RESERVE_MAX_BYTES = 256 * 1024 * 1024;
/** Two logs of SQLite's at their longest: what was written may still have to move from one into the database. */
const RESERVE_MIN_BYTES = 32 * 1024 * 1024;
const RESERVE_SHARE = 0.05;
/** Of a disk that is too small for all that. */
const RESERVE_MAX_SHARE = 0.25;

/** Free bytes of a node's disk that writes leave alone, so that deletes, logs and recovery still work. */
export function diskReserve(totalBytes: number): number {
  const reserve = Math.min(RESERVE_MAX_BYTES, Math.max(RESERVE_MIN_BYTES, totalBytes * RESERVE_SHARE));
  return Math.min(reserve, totalBytes * RESERVE_MAX_SHARE);
}
