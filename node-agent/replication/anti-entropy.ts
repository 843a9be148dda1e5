import type { LocalCopies } from '../copies/local-copies.ts';

export const DEFAULT_ANTI_ENTROPY_SECONDS = 600;
const LOOK_MS = 1_000;

/** When which shard's copies are compared: each about once an interval, one at a time, in no fixed order. Pure. */
export class AuditSchedule {
  readonly #intervalMs: number;
  readonly #random: () => number;
  #dueAt = new Map<string, number>();

  /** `random`: 0..1. */
  constructor(intervalMs: number, random: () => number) {
    this.#intervalMs = intervalMs;
    this.#random = random;
  }

  /** The shard to compare now; null while one is compared, or none is due. `shards`: those whose primaries are here. */
  next(shards: readonly { shard: string; auditing: boolean }[], now: number): string | null {
    for (const known of this.#dueAt.keys()) {
      if (!shards.some(({ shard }) => shard === known)) this.#dueAt.delete(known);
    }
    // A restart of many nodes must not compare everything at once.
    for (const { shard } of shards) if (!this.#dueAt.has(shard)) this.#plan(shard, now, this.#random());
    if (shards.some(({ auditing }) => auditing)) return null;
    let found: string | null = null;
    for (const [shard, dueAt] of this.#dueAt) {
      if (dueAt <= now && (found === null || dueAt < this.#dueAt.get(found)!)) found = shard;
    }
    if (found !== null) this.#plan(found, now, 0.75 + this.#random() / 2);
    return found;
  }

  #plan(shard: string, now: number, intervals: number): void {
    this.#dueAt.set(shard, now + this.#intervalMs * intervals);
  }
}

/** Has this node's primaries compare their copies in the background; returns how to stop. */
export function startAntiEntropy(copies: LocalCopies, intervalMs: number, random: () => number): () => void {
  const schedule = new AuditSchedule(intervalMs, random);
  const look = (): void => {
    const primaries = copies.all().flatMap(({ shard, replicator }) => (replicator ? [{ shard, replicator }] : []));
    const states = primaries.map(({ shard, replicator }) => ({ shard, auditing: replicator.machine.auditing }));
    const due = schedule.next(states, performance.now());
    primaries.find(({ shard }) => shard === due)?.replicator.audit();
  };
  const timer = setInterval(look, Math.min(LOOK_MS, intervalMs / 10));
  timer.unref();
  return () => clearInterval(timer);
}
