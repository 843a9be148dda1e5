import { backoffMs } from './backoff.ts';

const BACKOFF = { firstMs: 100, maxMs: 60_000 };

/**
 * A work queue of keys: a key waits once however often it is added (the earliest time wins), is worked on by one worker
 * at a time, and comes back with exponential backoff after a failure. Pure: time and randomness are arguments.
 */
export class QueueMachine {
  /** Keys that wait, with the time from which they may be taken. */
  readonly #due = new Map<string, number>();
  readonly #running = new Set<string>();
  readonly #failures = new Map<string, number>();

  /** Wants the key to be worked on from `at` on. */
  add(key: string, at: number): void {
    const known = this.#due.get(key);
    if (known === undefined || at < known) this.#due.set(key, at);
  }

  /** A key to work on now, if any: the one that has waited longest. A key under work waits until done. */
  take(now: number): string | undefined {
    let best: string | undefined;
    let bestAt = Infinity;
    for (const [key, at] of this.#due) {
      if (at > now || at >= bestAt || this.#running.has(key)) continue;
      best = key;
      bestAt = at;
    }
    if (best === undefined) return undefined;
    this.#due.delete(best);
    this.#running.add(best);
    return best;
  }

  /** The work on a key succeeded. */
  done(key: string): void {
    this.#running.delete(key);
    this.#failures.delete(key);
  }

  /** The work failed: the key comes back later. Returns the wait in milliseconds. */
  failed(key: string, now: number, random: number): number {
    this.#running.delete(key);
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, failures);
    const wait = backoffMs(failures, BACKOFF, random);
    this.add(key, now + wait);
    return wait;
  }

  /** When a key can next be taken; undefined when none waits that is not under work. */
  nextAt(): number | undefined {
    let next: number | undefined;
    for (const [key, at] of this.#due) {
      if (!this.#running.has(key) && (next === undefined || at < next)) next = at;
    }
    return next;
  }

  /** Keys that wait. */
  get depth(): number {
    return this.#due.size;
  }

  /** Keys under work. */
  get running(): number {
    return this.#running.size;
  }
}
