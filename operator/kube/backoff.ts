/** Bounds of an exponential wait, in milliseconds. */
export interface BackoffBounds {
  firstMs: number;
  maxMs: number;
}

/** Wait before the next try after `failures` failures in a row (1 or more): doubling, with up to a fifth of jitter added. */
export function backoffMs(failures: number, bounds: BackoffBounds, random: number): number {
  const doubled = bounds.firstMs * 2 ** Math.min(failures - 1, 30);
  return Math.min(bounds.maxMs, Math.round(Math.min(doubled, bounds.maxMs) * (1 + random / 5)));
}
