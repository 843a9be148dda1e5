/** Clocks of two operators differ by no more than this, if they are well. */
const MAX_SKEW_MS = 5_000;

/**
 * Milliseconds since a time that stands in the API, by our own clock. Infinity without a time, or when it lies in the future: it was written by
 * another clock, or ours was set back, and nobody should wait until that time comes.
 */
export function elapsedSince(text: string | undefined, now: number): number {
  return elapsedMs(Date.parse(text ?? ''), now);
}

/** The same of a time in ms. */
export function elapsedMs(time: number, now: number): number {
  const elapsed = now - time;
  return Number.isNaN(elapsed) || elapsed < -MAX_SKEW_MS ? Infinity : Math.max(0, elapsed);
}
