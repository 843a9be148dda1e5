/**
 * Spreads the bytes that this node sends for recoveries and resharding, all together, over time. Pure; `now` in milliseconds. The rate is asked
 * each time: the cluster map may change it.
 */
export class Throttle {
  #mibPerSecond: () => number;
  #freeAt = -Infinity;

  constructor(mibPerSecond: () => number) {
    this.#mibPerSecond = mibPerSecond;
  }

  /** Notes bytes to be sent and gives the milliseconds to wait before they are. Time not used is not saved up: a burst later would be over the limit. */
  reserve(bytes: number, now: number): number {
    const start = Math.max(now, this.#freeAt);
    this.#freeAt = start + (bytes * 1000) / (this.#mibPerSecond() * 1024 * 1024);
    return start - now;
  }
}
