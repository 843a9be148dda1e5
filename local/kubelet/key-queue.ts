/** Pause before a key whose work failed is tried again, milliseconds. */
const RETRY_MS = 500;

/**
 * Runs work for keys one at a time; a key asked for again while it waits runs once, while it runs once more.
 * Bounded by the number of objects.
 */
export class KeyQueue {
  private readonly work: (key: string) => Promise<void>;
  private readonly onError: (key: string, error: unknown) => void;
  private readonly waiting = new Set<string>();
  private readonly timers = new Map<string, NodeJS.Timeout>();
  private running: Promise<void> | undefined;
  private closed = false;

  constructor(work: (key: string) => Promise<void>, onError: (key: string, error: unknown) => void) {
    this.work = work;
    this.onError = onError;
  }

  add(key: string): void {
    if (this.closed) return;
    this.waiting.add(key);
    this.running ??= this.drain().finally(() => {
      this.running = undefined;
      const [next] = this.waiting;
      if (next !== undefined) this.add(next);
    });
  }

  /** Takes no more work and waits for what runs. */
  async close(): Promise<void> {
    this.closed = true;
    this.waiting.clear();
    for (const timer of this.timers.values()) clearTimeout(timer);
    await this.running;
  }

  private async drain(): Promise<void> {
    // Work begins after the caller's turn, so that changes made together are seen together.
    await Promise.resolve();
    for (let [key] = this.waiting; key !== undefined; [key] = this.waiting) {
      this.waiting.delete(key);
      await this.run(key);
    }
  }

  private async run(key: string): Promise<void> {
    try {
      await this.work(key);
    } catch (error) {
      if (this.closed) return;
      this.onError(key, error);
      clearTimeout(this.timers.get(key));
      const timer = setTimeout(() => {
        this.timers.delete(key);
        this.add(key);
      }, RETRY_MS);
      this.timers.set(key, timer);
    }
  }
}
