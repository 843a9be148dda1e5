import { mulberry32 } from '../replication/sim-random.ts';
import { Feed } from './feed.ts';
import type { FeedReady, FeedStep } from './messages.ts';

/** One operation of the source's log. `extend` is not the same done twice. */
type Operation = { key: number; type: 'put' | 'extend'; text: string } | { key: number; type: 'delete' };
type Points = Map<number, string>;

/** A fault put in on purpose: the simulation must notice it. */
export interface FeedMutation {
  /** The source gives entries that a failover may undo. */
  aboveCheckpoint?: boolean;
  /** The log between two batches of a scan is skipped. */
  skipTail?: boolean;
  /** A new primary of the target believes what an old one covered. */
  skipScan?: boolean;
  /** Comparisons always agree, and what the scan left over stays. */
  blind?: boolean;
}

const KEYS = 40;
const BATCH_KEYS = 4;
const ENTRIES = 6;
const LATEST_MS = 20;

/** A new shard that is filled from an old one, in virtual time: failovers on both sides, lost and late answers, a log that is trimmed. */
export class FeedWorld {
  readonly problems: string[] = [];
  /** How often the feed was seen ready, and how often a primary ended. */
  ready = 0;
  failovers = 0;
  #random: () => number;
  #mutation: FeedMutation;
  #now = 0;
  #events: { at: number; order: number; run: () => void }[] = [];
  #order = 0;
  #quiet = false;
  // The source.
  #log: Operation[] = [];
  #checkpoint = 0;
  #trimmed = 0;
  #hold = { from: 0, until: 0 };
  #term = 1;
  #sealed = false;
  // The target: what is on every in-sync copy, and what its primary alone has.
  #target: Points = new Map();
  #feed = new Feed();
  #life = 0;

  constructor(seed: number, mutation: FeedMutation = {}) {
    this.#random = mulberry32(seed);
    this.#mutation = mutation;
    for (let i = 0; i < KEYS; i++) this.#append();
    this.#checkpoint = this.#log.length;
    this.#trimmed = this.#below(this.#log.length);
    for (let key = 0; key < KEYS; key += 3) this.#target.set(key, 'left over');
    this.#tell();
  }

  /** True when the feed has everything after the faults. */
  get converged(): boolean {
    const { phase, seqNo, term } = this.#feed.progress;
    return phase === 'ready' && seqNo === this.#log.length && term === this.#term;
  }

  get progress(): string {
    return JSON.stringify(this.#feed.progress);
  }

  run(faultyMs: number, quietMs: number): void {
    this.#at(1, () => this.#work());
    this.#until(faultyMs);
    this.#quiet = true;
    this.#sealed = true;
    this.#checkpoint = this.#log.length;
    this.#step({ type: 'source', source: { term: this.#term, sealed: true } });
    this.#until(faultyMs + quietMs);
    if (this.converged) this.#compare();
  }

  #until(end: number): void {
    for (;;) {
      const wake = this.#feed.wakeAt;
      this.#events.sort((a, b) => a.at - b.at || a.order - b.order);
      const next = this.#events[0];
      const at = Math.min(next?.at ?? Infinity, wake === null ? Infinity : Math.max(this.#now, wake));
      if (at > end) break;
      this.#now = at;
      if (next?.at === at) this.#events.shift()!.run();
      else this.#step({ type: 'tick' });
    }
    this.#now = end;
  }

  /** What clients and fate do to both shards. */
  #work(): void {
    if (this.#quiet) return;
    const dice = this.#random();
    if (dice < 0.5) this.#append();
    else if (dice < 0.85) this.#checkpoint += this.#below(this.#log.length - this.#checkpoint + 1);
    else if (dice < 0.9) this.#trim();
    else if (dice < 0.906) this.#failSource();
    else if (dice < 0.909) this.#failTarget();
    this.#at(1 + this.#below(20), () => this.#work());
  }

  #append(): void {
    const key = this.#below(KEYS);
    const type = (['put', 'extend', 'extend', 'delete'] as const)[this.#below(4)]!;
    this.#log.push(type === 'delete' ? { key, type } : { key, type, text: `${this.#log.length}.${this.#term}` });
  }

  #trim(): void {
    const held = this.#now < this.#hold.until && this.#random() < 0.9 ? this.#hold.from - 1 : Infinity;
    this.#trimmed = Math.max(this.#trimmed, Math.min(this.#checkpoint, held));
  }

  /** What is above the checkpoint may or may not be on the copy that takes over. */
  #failSource(): void {
    this.failovers++;
    this.#term++;
    this.#log.length = this.#checkpoint + this.#below(this.#log.length - this.#checkpoint + 1);
    this.#at(this.#below(10 * LATEST_MS), () => this.#tell());
  }

  #failTarget(): void {
    this.failovers++;
    this.#life++;
    if (this.#mutation.skipScan !== true) this.#feed = new Feed();
    this.#tell();
  }

  #tell(): void {
    this.#step({ type: 'source', source: { term: this.#term, sealed: this.#sealed } });
  }

  #step(step: FeedStep): void {
    const before = this.#feed.progress;
    this.#feed.step(step, this.#now);
    for (const ready of this.#feed.takeReady()) this.#do(ready);
    const { phase, seqNo } = this.#feed.progress;
    if (phase === 'failed') this.problems.push(`gave up: ${this.#feed.progress.failure}`);
    if (phase === 'ready' && (before.phase !== 'ready' || before.seqNo !== seqNo)) {
      this.ready++;
      this.#compare();
    }
  }

  /** What a feed that is ready says to cover, it must have, and no failover may take it away from the source. */
  #compare(): void {
    const { seqNo } = this.#feed.progress;
    if (seqNo > this.#checkpoint) this.problems.push(`covers ${seqNo}, the checkpoint is ${this.#checkpoint}`);
    const source = digest(replay(this.#log.slice(0, seqNo)));
    const target = digest(this.#target);
    if (source !== target) this.problems.push(`at ${seqNo}: the source has ${source}, the target ${target}`);
  }

  #do(ready: FeedReady): void {
    const life = this.#life;
    const late = (run: () => void): void => this.#at(1 + this.#below(this.#quiet ? 5 : LATEST_MS), run);
    const answer = (step: FeedStep): void => late(() => (life === this.#life ? this.#step(step) : undefined));
    const lost = (): boolean => !this.#quiet && this.#random() < 0.05;
    const refused = (message: string): FeedStep => ({ type: 'refused', session: ready.session, message });
    if (lost()) return answer(refused('the request was lost'));
    late(() => {
      // What a primary that has ended sent to itself is not done any more.
      if (life !== this.#life) return;
      const done = this.#perform(ready);
      answer(lost() ? refused('the answer was lost') : (done ?? refused('stale term')));
    });
  }

  /** What the other side, or the shard itself, answers; null: not in this term. */
  #perform(ready: FeedReady): FeedStep | null {
    const { session } = ready;
    if ('term' in ready && ready.term !== this.#term) return null;
    if ('needFrom' in ready) this.#hold = { from: ready.needFrom || this.#checkpoint + 1, until: this.#now + 2_000 };
    switch (ready.type) {
      case 'read': {
        const after = keyOf(ready.after) ?? -1;
        const points = replay(this.#log);
        const keys = [...points.keys()].filter((key) => key > after).sort((a, b) => a - b);
        const taken = keys.slice(0, 1 + this.#below(BATCH_KEYS));
        const batch = Buffer.from(JSON.stringify(taken.map((key) => [key, points.get(key)])));
        const lastKey = taken.length > 0 ? Uint8Array.of(taken.at(-1)!) : ready.after;
        const done = taken.length === keys.length;
        return {
          type: 'read',
          session,
          read: { batch, lastKey, done, seqNo: this.#log.length, totalPoints: points.size },
        };
      }
      case 'readLog': {
        const { from, upTo } = ready;
        const limit = this.#mutation.aboveCheckpoint ? this.#log.length : this.#checkpoint;
        const last = Math.min(upTo === 0 ? limit : Math.min(upTo, limit), from + ENTRIES - 1);
        const missing = from <= this.#trimmed && from <= last;
        const entries = Buffer.from(JSON.stringify(missing ? [] : this.#log.slice(from - 1, Math.max(from - 1, last))));
        const nextSeqNo = missing ? from : Math.max(from, last + 1);
        return { type: 'logRead', session, read: { entries, nextSeqNo, checkpoint: limit, missing } };
      }
      case 'digestSource': {
        const points = replay(this.#log);
        return {
          type: 'sourceDigested',
          session,
          digest: { points: points.size, digest: digest(points), seqNo: this.#log.length },
        };
      }
      case 'digest': {
        const own = this.#mutation.blind ? replay(this.#log) : this.#target;
        return { type: 'digested', session, digest: { points: own.size, digest: digest(own) } };
      }
      case 'ingestRange': {
        const after = keyOf(ready.after) ?? -1;
        const upTo = keyOf(ready.upTo) ?? Infinity;
        const batch = JSON.parse(Buffer.from(ready.batch).toString()) as [number, string][];
        const inRange = [...this.#target.keys()].filter((key) => key > after && key <= upTo);
        if (!this.#mutation.blind) for (const key of inRange) this.#target.delete(key);
        for (const [key, text] of batch) this.#target.set(key, text);
        return { type: 'ingested', session, points: batch.length };
      }
      case 'ingestEntries': {
        const through = keyOf(ready.throughKey) ?? Infinity;
        const operations = JSON.parse(Buffer.from(ready.entries).toString()) as Operation[];
        if (this.#mutation.skipTail && ready.throughKey !== null) return { type: 'ingested', session, points: 0 };
        for (const operation of operations) if (operation.key <= through) apply(this.#target, operation);
        return { type: 'ingested', session, points: operations.length };
      }
    }
  }

  #at(inMs: number, run: () => void): void {
    this.#events.push({ at: this.#now + inMs, order: this.#order++, run });
  }

  #below(count: number): number {
    return Math.floor(this.#random() * count);
  }
}

function keyOf(key: Uint8Array | null): number | null {
  return key === null ? null : key[0]!;
}

function apply(points: Points, operation: Operation): void {
  const { key } = operation;
  if (operation.type === 'delete') points.delete(key);
  else if (operation.type === 'put') points.set(key, operation.text);
  else if (points.has(key)) points.set(key, `${points.get(key)}+${operation.text}`);
}

function replay(log: Operation[]): Points {
  const points: Points = new Map();
  for (const operation of log) apply(points, operation);
  return points;
}

function digest(points: Points): string {
  return JSON.stringify([...points].sort(([a], [b]) => a - b));
}
