/** A tick so much later than it should be means that this process stood still: SIGSTOP, a suspended machine, swapping. */
const STANDSTILL_MS = 1_000;
/** What was read from sockets within this time after it may have waited as long. */
const SUSPICION_MS = 250;
const TICK_MS = 100;

/** Knows whether this process has just stood still. Requests found waiting then may be of clients that have long given up. */
export class Standstill {
  #lastTick: number;
  #suspectUntil = -Infinity;
  readonly #now: () => number;
  readonly #timer: NodeJS.Timeout;

  /** `now`: milliseconds of a clock that goes on while the process stands still. */
  constructor(now: () => number) {
    this.#now = now;
    this.#lastTick = now();
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#timer.unref();
  }

  /** True while requests that arrive may have waited for seconds. Sockets are often read before the timer runs: so it looks at the clock itself. */
  get recent(): boolean {
    const now = this.#now();
    if (now - this.#lastTick > STANDSTILL_MS) this.#suspectUntil = now + SUSPICION_MS;
    return now < this.#suspectUntil;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    void this.recent;
    this.#lastTick = this.#now();
  }
}
