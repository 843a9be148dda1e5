const RESERVE_BYTES = 256 * 1024 * 1024;
const RESERVE_SHARE = 0.05;

/** Free bytes of a node's disk that writes leave alone, so that deletes, logs and recovery still work. */
export function diskReserve(totalBytes: number): number {
  return Math.min(RESERVE_BYTES, totalBytes * RESERVE_SHARE);
}
