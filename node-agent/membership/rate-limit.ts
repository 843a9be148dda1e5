/** A bucket of tokens: so many in a second, and as many at once after quiet. */
export class RateLimit {
  #perSecond: number;
  #tokens: number;
  #at = 0;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
    this.#tokens = perSecond;
  }

  /** False when there are too many. `now` in ms. */
  allows(now: number): boolean {
    this.#tokens = Math.min(this.#perSecond, this.#tokens + ((now - this.#at) * this.#perSecond) / 1_000);
    this.#at = now;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
