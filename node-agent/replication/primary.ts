import type { ErrorCode } from '#model/errors.ts';
import type { Position } from '../shard/shard-host.ts';
import { isAwaited, newProgress, type CopyProgress } from './copy-progress.ts';
import * as limits from './limits.ts';
import { LogSizes } from './log-sizes.ts';
import type { ChangeAction, ChangeAnswer, Digest, Ready, ShardConfig, Step } from './messages.ts';
import { RecentEntries, type Chunk } from './recent-entries.ts';

type Refused = Extract<Step, { type: 'refused' }>;
type LogRead = Extract<Step, { type: 'logRead' }>;

/**
 * A shard's primary as a machine without clock, disk or network: step() says what happened, takeReady() what is to be done. A write is
 * acknowledged when every awaited copy (in sync by the operator's word, or about to be) has it on disk; entries reach here only once they
 * are on the primary's own disk. One machine lives as long as one primaryTerm on this node.
 */
export class Primary {
  readonly term: number;
  #config: ShardConfig;
  #copies = new Map<string, CopyProgress>();
  #recent = new RecentEntries(limits.RECENT_BYTES);
  #sizes = new LogSizes();
  #end: Position;
  #pending: { write: number; seqNo: number }[] = [];
  #trimmed = 0;
  #checkpoint = 0;
  #deposed = false;
  #ready: Ready[] = [];

  /** `end`: where this node's log ends. `tracked`: copies noted by a `track` of an earlier life. */
  constructor(config: ShardConfig, end: Position, tracked: ReadonlySet<string>, now: number) {
    this.term = config.term;
    this.#config = config;
    this.#end = end;
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
  copies(): readonly Readonly<CopyProgress>[] {
    return [...this.#copies.values()];
  }

  /** Why a new write is refused at once; null when it may be appended. */
  refusal(): { code: ErrorCode; message: string } | null {
    const { shard, minInSync } = this.#config;
    if (this.#deposed) return { code: 'ANN_STALE_TERM', message: `shard ${shard} has a newer primary` };
    if (this.#pending.length >= limits.PENDING_WRITES) {
      return { code: 'ANN_OVERLOADED', message: `shard ${shard}: ${this.#pending.length} writes wait for its copies` };
    }
    const inSync = this.#inSync();
    if (inSync >= minInSync) return null;
    return {
      code: 'ANN_NOT_IN_SYNC',
      message: `shard ${shard}: ${inSync} copies are in sync, writes need ${minInSync}`,
    };
  }

  /** What a write waits for, for people. */
  blockedBy(seqNo: number): string {
    const late = [...this.#copies.values()].filter((copy) => isAwaited(copy) && copy.acked < seqNo);
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
        this.#tracked(step.copy);
        break;
      case 'changeAnswered':
        this.#changeAnswered(step.copy, step.action, step.answer, now);
        break;
      case 'tick':
        this.#tick(now);
        break;
      default: {
        const copy = this.#copies.get(step.copy);
        if (copy && copy.session === step.session) this.#answered(copy, step, now);
      }
    }
    this.#settle(now);
  }

  #answered(copy: CopyProgress, step: Extract<Step, { session: number }>, now: number): void {
    if (step.type !== 'digested' && step.type !== 'logRead' && step.type !== 'refused') copy.heardAt = now;
    switch (step.type) {
      case 'located':
        return this.#located(copy, step.position);
      case 'applied':
        copy.inFlight--;
        copy.inFlightBytes -= step.bytes;
        return this.#applied(copy, step.position);
      case 'refused':
        return this.#refused(copy, step, now);
      case 'logRead':
        return this.#logRead(copy, step);
      case 'digested':
        return this.#digested(copy, step.digest);
      case 'verified':
        return this.#verified(copy, step.equal);
      case 'exporting':
        copy.acked = step.seqNo;
        copy.known = true;
        return;
      case 'recovered':
        copy.diverged = false;
        return this.#restart(copy);
    }
  }

  #configure(config: ShardConfig): void {
    // An answer of the operator may be newer than the map that reaches this node after it.
    if (config.term !== this.term || config.configVersion < this.#config.configVersion) return;
    this.#config = config;
    const tracked = new Set([...this.#copies.values()].filter((copy) => copy.tracked).map((copy) => copy.allocationId));
    this.#setCopies(tracked);
    const left = [...tracked].filter((id) => this.#copies.get(id)?.tracked);
    if (left.length !== tracked.size) this.#noteTracked(null);
  }

  #setCopies(tracked: ReadonlySet<string>): void {
    const before = this.#copies;
    this.#copies = new Map();
    for (const { node, allocationId, inSync } of this.#config.copies) {
      const wasTracked = !inSync && tracked.has(allocationId);
      const copy = before.get(allocationId) ?? newProgress(node, allocationId, inSync, wasTracked);
      if (copy.inSync !== inSync) copy.change = null;
      copy.inSync = inSync;
      copy.tracked = wasTracked;
      if (!isAwaited(copy) && copy.join.kind === 'adding') copy.join = { kind: 'catchingUp' };
      this.#copies.set(allocationId, copy);
    }
  }

  #append(chunk: Chunk): void {
    if (chunk.firstSeqNo !== this.#end.seqNo + 1) {
      throw new Error(`shard ${this.#config.shard}: seqNo ${chunk.firstSeqNo} appended after ${this.#end.seqNo}`);
    }
    this.#end = { seqNo: chunk.lastSeqNo, term: this.term };
    if (this.#copies.size > 0) this.#recent.push(chunk);
    this.#sizes.add(chunk.lastSeqNo, chunk.entries.byteLength);
  }

  #await(write: number, seqNo: number): void {
    if (this.#deposed) this.#reject([write], 'ANN_STALE_TERM', `shard ${this.#config.shard} has a newer primary`);
    else this.#pending.push({ write, seqNo });
  }

  #located(copy: CopyProgress, position: Position): void {
    if (copy.phase !== 'locating') return;
    const end = this.#end;
    if (position.seqNo > end.seqNo) {
      this.#diverge(copy, `it has seqNo ${position.seqNo}, the primary's log ends at ${end.seqNo}`);
      return;
    }
    copy.phase = 'streaming';
    const equal = position.seqNo === 0 || (position.seqNo === end.seqNo && position.term === end.term);
    // Otherwise its last entry is sent again: it refuses it if it has another of another term there.
    copy.cursor = equal ? position.seqNo + 1 : position.seqNo;
    if (!equal) return;
    copy.acked = position.seqNo;
    copy.known = true;
    this.#healthy(copy);
  }

  #applied(copy: CopyProgress, position: Position): void {
    if (copy.phase !== 'streaming') return;
    // A copy can't have more than was sent to it: anything else would acknowledge what it doesn't have.
    if (position.seqNo >= copy.cursor) {
      this.#diverge(copy, `it answered seqNo ${position.seqNo}, ${copy.cursor - 1} was sent`);
      return;
    }
    copy.acked = Math.max(copy.acked, position.seqNo);
    copy.known = true;
    this.#healthy(copy);
  }

  #healthy(copy: CopyProgress): void {
    copy.failingSince = null;
    copy.failure = '';
    copy.retryMs = 0;
  }

  #refused(copy: CopyProgress, refused: Refused, now: number): void {
    copy.failure = refused.message;
    copy.failingSince ??= now;
    if (refused.code === 'ANN_STALE_TERM') {
      this.#depose(refused.message);
      return;
    }
    if (refused.diverged) {
      this.#diverge(copy, refused.message);
      return;
    }
    copy.retryMs = Math.min(limits.RETRY_MAX_MS, copy.retryMs === 0 ? limits.RETRY_FIRST_MS : copy.retryMs * 2);
    copy.retryAt = now + copy.retryMs;
    this.#restart(copy);
  }

  /** Back to asking where it is; answers under way are of an old session from now on. */
  #restart(copy: CopyProgress): void {
    copy.phase = 'idle';
    copy.session++;
    copy.inFlight = 0;
    copy.inFlightBytes = 0;
    copy.readingLog = false;
    if (copy.join.kind !== 'adding') copy.join = { kind: 'catchingUp' };
  }

  #diverge(copy: CopyProgress, reason: string): void {
    copy.diverged = true;
    copy.failure = reason;
    copy.acked = 0;
    this.#ready.push({ type: 'warn', copy: copy.allocationId, node: copy.node, message: `copy diverged: ${reason}` });
    this.#restart(copy);
  }

  #depose(reason: string): void {
    this.#deposed = true;
    const writes = this.#pending.map((pending) => pending.write);
    this.#pending = [];
    this.#reject(writes, 'ANN_STALE_TERM', reason);
  }

  #logRead(copy: CopyProgress, { from, read }: LogRead): void {
    copy.readingLog = false;
    if (copy.phase !== 'streaming' || from !== copy.cursor) return;
    if (read === null) this.#diverge(copy, `the primary's log no longer reaches back to seqNo ${from}`);
    else if (read.nextSeqNo > copy.cursor) this.#send(copy, read.entries, read.nextSeqNo);
  }

  #digested(copy: CopyProgress, digest: Digest): void {
    if (copy.join.kind !== 'digesting') return;
    copy.join = { kind: 'verifying', digest, sent: false };
  }

  #verified(copy: CopyProgress, equal: boolean): void {
    if (copy.join.kind !== 'verifying') return;
    if (!equal) {
      copy.join = { kind: 'catchingUp' };
      this.#diverge(copy, `its digest differs at seqNo ${this.#end.seqNo} or before`);
      return;
    }
    // Whatever was acknowledged without it must be on its disk before the operator may call it in sync.
    copy.tracked = true;
    copy.join = { kind: 'adding', from: this.#end.seqNo, noted: false };
    this.#noteTracked(copy.allocationId);
  }

  #noteTracked(copy: string | null): void {
    const tracked = [...this.#copies.values()].filter((known) => known.tracked).map((known) => known.allocationId);
    this.#ready.push({ type: 'track', copy, tracked });
  }

  #tracked(allocationId: string): void {
    const copy = this.#copies.get(allocationId);
    if (copy?.join.kind === 'adding') copy.join = { ...copy.join, noted: true };
  }

  #changeAnswered(allocationId: string, action: ChangeAction, answer: ChangeAnswer, now: number): void {
    const copy = this.#copies.get(allocationId);
    if (!copy || copy.change?.action !== action) return;
    if (answer.result === 'done') {
      this.#config = { ...this.#config, configVersion: Math.max(this.#config.configVersion, answer.configVersion) };
      copy.inSync = action === 'add';
      this.#untrack(copy);
      copy.change = null;
      return;
    }
    copy.change = { action, answered: true, retryAt: now + limits.CHANGE_RETRY_MS };
    if (answer.result === 'unknown') return;
    this.#ready.push({
      type: 'warn',
      copy: allocationId,
      node: copy.node,
      message: `the operator refused to ${action} the copy: ${answer.reason}`,
    });
    if (action === 'add') {
      this.#untrack(copy);
      copy.retryAt = now + limits.RETRY_MAX_MS;
      this.#restart(copy);
    }
  }

  #untrack(copy: CopyProgress): void {
    copy.join = { kind: 'catchingUp' };
    if (!copy.tracked) return;
    copy.tracked = false;
    this.#noteTracked(null);
  }

  #tick(now: number): void {
    for (const copy of this.#copies.values()) {
      if (copy.phase === 'streaming' && copy.inFlight === 0 && copy.sentCheckpoint < this.#checkpoint) {
        this.#send(copy, new Uint8Array(0), copy.cursor);
      }
      const failing = copy.failingSince !== null && now - copy.failingSince > limits.FAILING_MS;
      const silent = now - copy.heardAt > limits.SILENCE_MS;
      if (copy.owing && (failing || silent)) {
        this.#change(copy, 'remove', copy.failure || `no answer for ${limits.SILENCE_MS} ms`, now);
      }
    }
    this.#trim(true);
  }

  /** Brings everything that follows from the last step up to date. */
  #settle(now: number): void {
    for (const copy of this.#copies.values()) this.#pump(copy, now);
    this.#acknowledge(now);
    this.#trim(false);
  }

  #pump(copy: CopyProgress, now: number): void {
    if (this.#deposed) return;
    if (copy.diverged && copy.phase !== 'recovering') {
      if (isAwaited(copy)) this.#change(copy, 'remove', copy.failure, now);
      else if (now >= copy.retryAt) this.#begin(copy, 'recovering');
      return;
    }
    if (copy.phase === 'idle' && now >= copy.retryAt) this.#begin(copy, 'locating');
    if (copy.phase !== 'streaming') return;
    this.#sendEntries(copy);
    if (!copy.inSync) this.#join(copy, now);
  }

  #begin(copy: CopyProgress, phase: 'locating' | 'recovering'): void {
    copy.phase = phase;
    copy.session++;
    const { allocationId, node, session } = copy;
    this.#ready.push({ type: phase === 'locating' ? 'locate' : 'recover', copy: allocationId, node, session });
  }

  #sendEntries(copy: CopyProgress): void {
    while (
      copy.cursor <= this.#end.seqNo &&
      !copy.readingLog &&
      copy.inFlight < limits.WINDOW_MESSAGES &&
      copy.inFlightBytes < limits.WINDOW_BYTES
    ) {
      const chunk = this.#recent.find(copy.cursor);
      if (chunk) {
        this.#send(copy, chunk.entries, chunk.lastSeqNo + 1);
      } else {
        copy.readingLog = true;
        const { allocationId, session, cursor: from } = copy;
        this.#ready.push({ type: 'readLog', copy: allocationId, session, from, maxBytes: limits.LOG_READ_BYTES });
      }
      this.#sendVerify(copy);
    }
    this.#sendVerify(copy);
  }

  #send(copy: CopyProgress, entries: Uint8Array, nextCursor: number): void {
    copy.cursor = nextCursor;
    copy.inFlight++;
    copy.inFlightBytes += entries.byteLength;
    copy.sentCheckpoint = this.#checkpoint;
    const { allocationId, node, session } = copy;
    const { checkpoint } = this;
    this.#ready.push({
      type: 'send',
      copy: allocationId,
      node,
      session,
      entries,
      checkpoint,
      trimBelow: this.#trimmed,
    });
  }

  /** The digest must reach the copy exactly between the entries up to its seqNo and those above. */
  #sendVerify(copy: CopyProgress): void {
    const { join, allocationId, node, session } = copy;
    if (join.kind !== 'verifying' || join.sent || copy.readingLog || copy.cursor <= join.digest.seqNo) return;
    if (copy.cursor > join.digest.seqNo + 1) {
      copy.join = { kind: 'catchingUp' };
      return;
    }
    copy.join = { ...join, sent: true };
    this.#ready.push({ type: 'verify', copy: allocationId, node, session, digest: join.digest });
  }

  #join(copy: CopyProgress, now: number): void {
    const { join, allocationId, session } = copy;
    if (join.kind === 'catchingUp' && !copy.tracked && copy.known && copy.cursor > this.#end.seqNo) {
      copy.join = { kind: 'digesting' };
      this.#ready.push({ type: 'digest', copy: allocationId, session });
    } else if (copy.tracked && join.kind === 'catchingUp') {
      // Noted in an earlier life of this primary: the operator may have been asked already, so ask (again).
      copy.join = { kind: 'adding', from: this.#end.seqNo, noted: true };
    } else if (join.kind === 'adding' && join.noted && copy.acked >= join.from) {
      this.#change(copy, 'add', 'equal by digest', now);
    }
  }

  #change(copy: CopyProgress, action: ChangeAction, reason: string, now: number): void {
    if (copy.change?.action === action && (!copy.change.answered || now < copy.change.retryAt)) return;
    copy.change = { action, answered: false, retryAt: 0 };
    const { allocationId, node } = copy;
    const { configVersion } = this.#config;
    this.#ready.push({ type: 'change', copy: allocationId, node, action, reason, configVersion });
  }

  #acknowledge(now: number): void {
    let checkpoint = this.#end.seqNo;
    for (const copy of this.#copies.values()) if (isAwaited(copy)) checkpoint = Math.min(checkpoint, copy.acked);
    this.#checkpoint = Math.max(this.#checkpoint, checkpoint);
    let done = 0;
    while (done < this.#pending.length && this.#pending[done]!.seqNo <= checkpoint) done++;
    if (done > 0) {
      const writes = this.#pending.splice(0, done).map((pending) => pending.write);
      const refusal = this.#inSync() < this.#config.minInSync ? this.refusal() : null;
      if (refusal) this.#reject(writes, refusal.code, `${refusal.message}; it is unknown whether the write stays`);
      else this.#ready.push({ type: 'acknowledge', writes });
    }
    const first = this.#pending[0];
    const last = this.#pending.at(-1);
    for (const copy of this.#copies.values()) {
      const owing = first !== undefined && last !== undefined && isAwaited(copy) && copy.acked < last.seqNo;
      if (owing && !copy.owing) copy.heardAt = now;
      copy.owing = owing;
    }
  }

  #reject(writes: number[], code: ErrorCode, message: string): void {
    if (writes.length > 0) this.#ready.push({ type: 'reject', writes, code, message });
  }

  #inSync(): number {
    let count = 1;
    for (const copy of this.#copies.values()) if (copy.inSync) count++;
    return count;
  }

  /** Lets go of log that every copy has, or that is beyond the bound. The last entry of each copy stays: it is sent again to compare. */
  #trim(all: boolean): void {
    let below = this.#end.seqNo;
    for (const copy of this.#copies.values()) below = Math.min(below, copy.acked);
    below = Math.max(below, this.#sizes.keepFrom(limits.LOG_KEEP_BYTES));
    if (below <= this.#trimmed + (all ? 0 : limits.TRIM_STEP_ENTRIES)) return;
    this.#trimmed = below;
    this.#recent.dropThrough(below - 1);
    this.#sizes.dropBelow(below);
    this.#ready.push({ type: 'trim', below });
  }
}
