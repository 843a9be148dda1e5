import { EventHeap, type SimEvent } from './event-heap.ts';
import { Random } from './random.ts';

/** One simulated process: a node-agent, an operator or a client. What it scheduled dies with it. */
export class Process {
  readonly name: string;
  alive = true;
  paused = false;
  /** Events that came while it was paused, in order. */
  readonly deferred: SimEvent[] = [];
  /** Added to the wall clock: a clock that is wrong, or jumps. */
  clockOffsetMs = 0;
  /** Speed of its monotonic clock. */
  clockRate = 1;
  readonly startedAt: number;
  readonly random: Random;
  /** Of the host that it runs on. */
  readonly ip: string;

  constructor(name: string, ip: string, startedAt: number, random: Random) {
    this.name = name;
    this.ip = ip;
    this.startedAt = startedAt;
    this.random = random;
  }
}

/** Wall clock at virtual time 0: 2026-01-01T00:00:00Z. */
export const EPOCH_MS = 1_767_225_600_000;

/** Runs all microtasks and ticks that wait. Node keeps this legacy entry to its own queue; nothing else drains it synchronously. */
const drain = (process as unknown as { _tickCallback(): void })._tickCallback;

/**
 * Virtual time: a heap of events and the process that runs now. After each event all promises settle before the next one,
 * so the whole run is one order of events that follows from the seed alone.
 */
export class Kernel {
  readonly random: Random;
  now = 0;
  events = 0;
  current: Process | null = null;
  failure: Error | null = null;
  #heap = new EventHeap();
  #order = 0;

  constructor(seed: number) {
    this.random = new Random(seed);
  }

  spawn(name: string, ip = ''): Process {
    return new Process(name, ip, this.now, this.random.fork(name + this.#order++));
  }

  /** Ends a process at once: nothing that it scheduled or that is addressed to it happens any more. */
  kill(process: Process): void {
    process.alive = false;
    process.deferred.length = 0;
  }

  /** As SIGSTOP: its events wait until resume(). */
  pause(process: Process): void {
    process.paused = true;
  }

  resume(process: Process): void {
    process.paused = false;
    for (const event of process.deferred.splice(0)) {
      event.at = this.now;
      event.order = this.#order++;
      this.#heap.push(event);
    }
  }

  /** `owner` null: the world itself, which never dies. */
  at(at: number, owner: Process | null, run: () => void): SimEvent {
    const event: SimEvent = { at: Math.max(at, this.now), order: this.#order++, owner, run, cancelled: false };
    this.#heap.push(event);
    return event;
  }

  after(milliseconds: number, owner: Process | null, run: () => void): SimEvent {
    return this.at(this.now + milliseconds, owner, run);
  }

  /** Runs something as a process now; its promises settle before this returns. Not from within an event of a process. */
  enter(owner: Process | null, run: () => void): void {
    const before = this.current;
    this.current = owner;
    try {
      run();
      drain();
    } finally {
      this.current = before;
    }
  }

  /** Runs events up to a time; stops early when `failure` is set. */
  runUntil(until: number): void {
    while (this.failure === null) {
      const event = this.#heap.peek();
      if (event === undefined || event.at > until) break;
      this.#heap.pop();
      if (event.cancelled) continue;
      this.now = event.at;
      const { owner } = event;
      if (owner !== null) {
        if (!owner.alive) continue;
        if (owner.paused) {
          owner.deferred.push(event);
          continue;
        }
      }
      this.events++;
      this.enter(owner, event.run);
    }
    if (this.failure !== null) throw this.failure;
    this.now = until;
  }

  /** Milliseconds since 1970 as the running process sees them. */
  wallClock(): number {
    return Math.floor(EPOCH_MS + this.now + (this.current?.clockOffsetMs ?? 0));
  }

  /** Monotonic milliseconds of the running process. */
  monotonic(): number {
    const { current } = this;
    return current === null ? this.now : (this.now - current.startedAt) * current.clockRate + 1;
  }
}
