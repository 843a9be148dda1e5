import { QueueMachine } from './queue-machine.ts';

/** What a worker says about a key: when to look again, if nothing changes before. */
export interface WorkResult {
  requeueAfterMs?: number;
}

export interface QueueOptions {
  /** Keys worked on at the same time. */
  workers: number;
  work: (key: string) => Promise<WorkResult>;
  onError: (key: string, error: unknown, retryInMs: number) => void;
}

/** setTimeout overflows beyond this. */
const MAX_TIMER_MS = 2_000_000_000;

/** The shell around QueueMachine: workers that run until stopped. By the monotonic clock: a wall clock set back must not make keys wait. */
export class WorkQueue {
  readonly #machine = new QueueMachine();
  readonly #options: QueueOptions;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #idle: (() => void) | undefined;

  constructor(options: QueueOptions) {
    this.#options = options;
  }

  get depth(): number {
    return this.#machine.depth;
  }

  /** Wants the key to be worked on, now or after a delay. */
  add(key: string, delayMs = 0): void {
    if (this.#stopped) return;
    this.#machine.add(key, performance.now() + delayMs);
    this.#schedule();
  }

  /** Takes no more keys; resolves when the work under way has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    if (this.#machine.running > 0) await new Promise<void>((resolve) => (this.#idle = resolve));
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    const next = this.#machine.nextAt();
    if (this.#stopped || next === undefined) return;
    this.#timer = setTimeout(() => this.#pump(), Math.min(Math.max(0, next - performance.now()), MAX_TIMER_MS));
  }

  #pump(): void {
    while (!this.#stopped && this.#machine.running < this.#options.workers) {
      const key = this.#machine.take(performance.now());
      if (key === undefined) break;
      void this.#work(key);
    }
    if (this.#machine.running < this.#options.workers) this.#schedule();
  }

  async #work(key: string): Promise<void> {
    try {
      const { requeueAfterMs } = await this.#options.work(key);
      this.#machine.done(key);
      if (requeueAfterMs !== undefined) this.#machine.add(key, performance.now() + requeueAfterMs);
    } catch (error) {
      const wait = this.#machine.failed(key, performance.now(), Math.random());
      this.#options.onError(key, error, wait);
    }
    if (this.#stopped && this.#machine.running === 0) this.#idle?.();
    this.#pump();
  }
}
