/** Spreads bytes over time: how long to wait, by what was sent since the start. Pure; `now` in milliseconds. */
export class Throttle {
  #bytesPerMs: number;
  #startedAt: number;
  #sent = 0;

  constructor(mibPerSecond: number, now: number) {
    this.#bytesPerMs = (mibPerSecond * 1024 * 1024) / 1000;
    this.#startedAt = now;
  }

  /** Notes bytes and gives the milliseconds to wait before the next ones. */
  sent(bytes: number, now: number): number {
    this.#sent += bytes;
    const due = this.#startedAt + this.#sent / this.#bytesPerMs;
    if (due >= now) return due - now;
    // Time not used is not saved up: a burst later would be over the limit.
    this.#startedAt += now - due;
    return 0;
  }
}
