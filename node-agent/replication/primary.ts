import type { ErrorCode } from '#model/errors.ts';
import type { Position } from '../shard/shard-host.ts';
import { isAwaited, type CopyProgress } from './copy-progress.ts';
import { CopyStream, type PrimaryView } from './copy-stream.ts';
import * as limits from './limits.ts';
import { LogSizes } from './log-sizes.ts';
import type { Ready, ShardConfig, Step, Tracked } from './messages.ts';
import { RecentEntries, type Chunk } from './recent-entries.ts';

/**
 * A shard's primary as a machine without clock, disk or network: step() says what happened, takeReady() what is to be done. A write is
 * acknowledged when every awaited copy (in sync by the operator's word, or about to be) has it on disk; entries reach here only once they
 * are on the primary's own disk. One machine lives as long as one primaryTerm on this node.
 */
export class Primary {
  readonly term: number;
  #config: ShardConfig;
  #streams = new Map<string, CopyStream>();
  #recent = new RecentEntries(limits.RECENT_BYTES);
  #sizes = new LogSizes();
  #end: Position;
  #pending: { write: number; seqNo: number }[] = [];
  #trimmed = 0;
  #trimAt = 0;
  #checkpoint = 0;
  #deposed = false;
  #ready: Ready[] = [];
  #view: PrimaryView;

  /** `end`: where this node's log ends. `tracked`: copies noted by a `track` of an earlier life. */
  constructor(config: ShardConfig, end: Position, tracked: Tracked, now: number) {
    this.term = config.term;
    this.#config = config;
    this.#end = end;
    this.#view = this.#makeView();
    this.#setCopies(tracked);
    this.#settle(now);
  }

  /** Highest seqNo known to be on every in-sync copy. */
  get checkpoint(): number {
    return this.#checkpoint;
  }

  get lastSeqNo(): number {
    return this.#end.seqNo;
  }

  get configVersion(): number {
    return this.#config.configVersion;
  }

  /** For reports and metrics. */
  copies(): Readonly<CopyProgress>[] {
    return [...this.#streams.values()].map((stream) => stream.state);
  }

  /** Why a new write is refused at once; null when it may be appended. */
  refusal(): { code: ErrorCode; message: string } | null {
    const { shard, minInSync } = this.#config;
    if (this.#deposed) return { code: 'ANN_STALE_TERM', message: `shard ${shard} has a newer primary` };
    if (this.#pending.length >= limits.PENDING_WRITES) {
      return { code: 'ANN_OVERLOADED', message: `shard ${shard}: ${this.#pending.length} writes wait for its copies` };
    }
    const inSync = 1 + this.copies().filter((copy) => copy.inSync).length;
    if (inSync >= minInSync) return null;
    return {
      code: 'ANN_NOT_IN_SYNC',
      message: `shard ${shard}: ${inSync} copies are in sync, writes need ${minInSync}`,
    };
  }

  /** What a write waits for, for people. */
  blockedBy(seqNo: number): string {
    const late = this.copies().filter((copy) => isAwaited(copy) && copy.acked < seqNo);
    return late.map((copy) => `${copy.node} (${copy.failure || 'no answer yet'})`).join(', ') || 'nothing';
  }

  takeReady(): Ready[] {
    const ready = this.#ready;
    this.#ready = [];
    return ready;
  }

  step(step: Step, now: number): void {
    switch (step.type) {
      case 'configured':
        this.#configure(step.config);
        break;
      case 'appended':
        this.#append(step);
        break;
      case 'awaited':
        this.#await(step.write, step.seqNo);
        break;
      case 'givenUp':
        this.#pending = this.#pending.filter((pending) => pending.write !== step.write);
        break;
      case 'tracked':
        this.#streams.get(step.copy)?.noted(step.trackedAt);
        break;
      case 'changeAnswered': {
        const { answer } = step;
        if (answer.result === 'done') {
          const configVersion = Math.max(this.#config.configVersion, answer.configVersion);
          this.#config = { ...this.#config, configVersion };
        }
        this.#streams.get(step.copy)?.changeAnswered(step.action, answer, now);
        break;
      }
      case 'tick':
        for (const stream of this.#streams.values()) stream.tick(now);
        break;
      default:
        this.#streams.get(step.copy)?.answered(step, now);
    }
    this.#settle(now);
  }

  #makeView(): PrimaryView {
    // Arrow functions see the machine's private fields, getters of an object literal would not see `this`.
    const end = (): Position => this.#end;
    const checkpoint = (): number => this.#checkpoint;
    const trimmed = (): number => this.#trimmed;
    const configVersion = (): number => this.#config.configVersion;
    return {
      recent: this.#recent,
      get end() {
        return end();
      },
      get checkpoint() {
        return checkpoint();
      },
      get trimmed() {
        return trimmed();
      },
      get configVersion() {
        return configVersion();
      },
      emit: (ready) => this.#ready.push(ready),
      noteTracked: (copy) => this.#noteTracked(copy),
      depose: (reason) => this.#depose(reason),
    };
  }

  #configure(config: ShardConfig): void {
    // An answer of the operator may be newer than the map that reaches this node after it.
    if (config.term !== this.term || config.configVersion < this.#config.configVersion) return;
    this.#config = config;
    const tracked = this.#tracked();
    this.#setCopies(tracked);
    if (Object.keys(this.#tracked()).length !== Object.keys(tracked).length) this.#noteTracked(null);
  }

  #setCopies(tracked: Tracked): void {
    const before = this.#streams;
    this.#streams = new Map();
    for (const copy of this.#config.copies) {
      const trackedAt = tracked[copy.allocationId] ?? null;
      const stream = before.get(copy.allocationId) ?? new CopyStream(this.#view, copy, trackedAt);
      stream.configure(copy.inSync);
      this.#streams.set(copy.allocationId, stream);
    }
  }

  #append(chunk: Chunk): void {
    if (chunk.firstSeqNo !== this.#end.seqNo + 1) {
      throw new Error(`shard ${this.#config.shard}: seqNo ${chunk.firstSeqNo} appended after ${this.#end.seqNo}`);
    }
    this.#end = { seqNo: chunk.lastSeqNo, term: this.term };
    if (this.#streams.size > 0) this.#recent.push(chunk);
    this.#sizes.add(chunk.lastSeqNo, chunk.entries.byteLength);
  }

  #await(write: number, seqNo: number): void {
    if (this.#deposed) this.#reject([write], 'it is unknown whether the write stays: repeat it');
    else this.#pending.push({ write, seqNo });
  }

  #depose(reason: string): void {
    this.#deposed = true;
    const writes = this.#pending.map((pending) => pending.write);
    this.#pending = [];
    this.#reject(writes, `${reason}; it is unknown whether the write stays: repeat it`);
  }

  #tracked(): Tracked {
    const tracked: Record<string, number> = {};
    for (const copy of this.copies()) if (copy.trackedAt !== null) tracked[copy.allocationId] = copy.trackedAt;
    return tracked;
  }

  #noteTracked(copy: string | null): void {
    this.#ready.push({ type: 'track', copy, tracked: this.#tracked() });
  }

  /** Brings everything that follows from the last step up to date. */
  #settle(now: number): void {
    if (!this.#deposed) for (const stream of this.#streams.values()) stream.pump(now);
    this.#acknowledge(now);
    this.#trim(now);
  }

  #acknowledge(now: number): void {
    let reached = this.#end.seqNo;
    for (const { state } of this.#streams.values()) if (isAwaited(state)) reached = Math.min(reached, state.acked);
    this.#checkpoint = Math.max(this.#checkpoint, reached);
    let done = 0;
    while (done < this.#pending.length && this.#pending[done]!.seqNo <= reached) done++;
    if (done > 0) {
      const writes = this.#pending.splice(0, done).map((pending) => pending.write);
      const refusal = this.refusal();
      if (refusal && refusal.code !== 'ANN_OVERLOADED') {
        this.#reject(writes, `${refusal.message}; it is unknown whether the write stays: repeat it`);
      } else this.#ready.push({ type: 'acknowledge', writes });
    }
    const newest = this.#pending.at(-1)?.seqNo ?? 0;
    for (const { state } of this.#streams.values()) {
      const owing = isAwaited(state) && state.acked < newest;
      if (owing && !state.owing) state.heardAt = now;
      state.owing = owing;
    }
  }

  #reject(writes: number[], message: string): void {
    if (writes.length > 0) this.#ready.push({ type: 'reject', writes, code: 'ANN_NOT_IN_SYNC', message });
  }

  /** Lets go of log that every copy has, or that is beyond the bound. The last entry of each copy stays: it is sent again to compare. */
  #trim(now: number): void {
    let below = this.#end.seqNo;
    for (const { state } of this.#streams.values()) below = Math.min(below, state.acked);
    below = Math.max(below, this.#sizes.keepFrom(limits.LOG_KEEP_BYTES));
    const due = below - this.#trimmed >= limits.TRIM_STEP_ENTRIES || (below > this.#trimmed && now >= this.#trimAt);
    if (!due) return;
    this.#trimmed = below;
    this.#trimAt = now + limits.TRIM_MS;
    this.#recent.dropThrough(below - 1);
    this.#sizes.dropBelow(below);
    this.#ready.push({ type: 'trim', below });
  }
}
