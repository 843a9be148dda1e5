import type { ErrorCode } from '#model/errors.ts';
import type { Position } from '../shard/shard-host.ts';
import { isAwaited, notCompared, type CopyProgress } from './copy-progress.ts';
import { Audit, type Difference } from './audit.ts';
import { Confirmations } from './confirmations.ts';
import { CopyStream, type PrimaryView } from './copy-stream.ts';
import { Handover } from './handover.ts';
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
  /** Log that others read, by reader. */
  #holds = new Map<string, { from: number; until: number }>();
  #trimAt = 0;
  #checkpoint = 0;
  #deposed = false;
  /** Appends to this node's disk that are under way. */
  #appending = 0;
  #handover = new Handover();
  #confirmations = new Confirmations();
  #audit = new Audit();
  #divergences = 0;
  #ready: Ready[] = [];
  #view: PrimaryView;

  /** `end`: where this node's log ends. `tracked`: copies noted by a `track` of an earlier life. */
  constructor(config: ShardConfig, end: Position, tracked: Tracked, now: number) {
    this.term = config.term;
    this.#config = config;
    this.#end = end;
    this.#trimAt = now + limits.HOLD_GRACE_MS;
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

  /** Takes no new writes, by the map's word. */
  get sealed(): boolean {
    return this.#config.handoverTo !== undefined || this.#config.sealed === true;
  }

  /** Sealed, and no write is under way any more: lastSeqNo stays the end, and is on every awaited copy. */
  get drained(): boolean {
    return (
      this.sealed &&
      !this.#deposed &&
      this.#appending === 0 &&
      this.#pending.length === 0 &&
      this.#reached() === this.#end.seqNo
    );
  }

  /** Copies that anti-entropy found different. */
  get divergences(): number {
    return this.#divergences;
  }

  /** A comparison of the copies is under way. */
  get auditing(): boolean {
    return this.#audit.running;
  }

  /** For reports and metrics. */
  copies(): Readonly<CopyProgress>[] {
    return [...this.#streams.values()].map((stream) => stream.state);
  }

  /** Why a new write is refused at once; null when it may be appended. */
  refusal(): { code: ErrorCode; message: string } | null {
    const { shard } = this.#config;
    if (this.#deposed) return { code: 'ANN_STALE_TERM', message: `shard ${shard} has a newer primary` };
    if (this.sealed) return { code: 'ANN_STALE_TERM', message: this.#sealedBy() };
    if (this.#pending.length >= limits.PENDING_WRITES) {
      return { code: 'ANN_OVERLOADED', message: `shard ${shard}: ${this.#pending.length} writes wait for its copies` };
    }
    const waitsFor = notCompared(this.copies());
    if (waitsFor)
      return { code: 'ANN_NOT_READY', message: `shard ${shard}: its primary starts; it waits for ${waitsFor}` };
    const tooFew = this.#tooFew();
    return tooFew === null ? null : { code: 'ANN_NOT_IN_SYNC', message: tooFew };
  }

  /** Why nothing may be acknowledged now; null when it may. */
  #tooFew(): string | null {
    const { shard, minInSync } = this.#config;
    const inSync = 1 + this.copies().filter((copy) => copy.inSync).length;
    return inSync >= minInSync ? null : `shard ${shard}: ${inSync} copies are in sync, writes need ${minInSync}`;
  }

  /** Why a read that must be the primary's is refused at once; null when it may wait for a confirmation. */
  readRefusal(): { code: ErrorCode; message: string } | null {
    const { shard, sealed } = this.#config;
    if (this.#deposed) return { code: 'ANN_STALE_TERM', message: `shard ${shard} has a newer primary` };
    // Others may own its slots already, by a routing table that is not known here.
    if (sealed) return { code: 'ANN_STALE_TERM', message: this.#sealedBy() };
    if (this.#confirmations.waiting < limits.PENDING_READS) return null;
    return { code: 'ANN_OVERLOADED', message: `shard ${shard}: too many reads wait for its copies` };
  }

  /** Whose answers reads wait for, for people. */
  readsBlockedBy(): string {
    return this.#names(this.copies().filter((copy) => this.#confirmations.waitsFor(copy.allocationId)));
  }

  /** What a write waits for, for people. */
  blockedBy(seqNo: number): string {
    return this.#names(this.copies().filter((copy) => isAwaited(copy) && copy.acked < seqNo));
  }

  #names(late: Readonly<CopyProgress>[]): string {
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
      case 'appendBegun':
        this.#appending++;
        break;
      case 'appendOver':
        this.#appending--;
        break;
      case 'readAsked':
        if (this.#deposed) this.#rejectReads([step.read]);
        else this.#confirmations.ask(step.read);
        break;
      case 'readGivenUp':
        this.#confirmations.giveUp(step.read);
        break;
      case 'confirmed':
        this.#confirmations.confirmed(step.copy, step.round);
        this.#streams.get(step.copy)?.confirmed(now);
        break;
      case 'unconfirmed':
        this.#confirmations.unconfirmed(step.copy, step.round, now);
        this.#streams.get(step.copy)?.unconfirmed(step.code, step.message, now);
        break;
      case 'auditDue':
        this.#beginAudit();
        break;
      case 'auditOpened':
        for (const stream of this.#streams.values()) stream.auditAt(step.audit, step.seqNo);
        break;
      case 'auditRead':
        if (step.digests === null) for (const stream of this.#streams.values()) stream.endAudit(step.audit);
        this.#differ(this.#audit.own(step.audit, step.digests));
        break;
      case 'nodeAlive':
        for (const stream of this.#streams.values()) if (stream.state.node === step.node) stream.retryNow(now);
        break;
      case 'tracked':
        this.#streams.get(step.copy)?.changes.noted(step.trackedAt);
        break;
      case 'changeAnswered': {
        const { answer } = step;
        if (answer.result === 'done') {
          const configVersion = Math.max(this.#config.configVersion, answer.configVersion);
          this.#config = { ...this.#config, configVersion };
        }
        if (step.action !== 'handOver') this.#streams.get(step.copy)?.changes.answered(step.action, answer, now);
        else if (this.#handover.answered(step.copy, answer, now)) this.#depose('the primary was handed over');
        break;
      }
      case 'hold':
        this.#holds.set(step.reader, { from: step.from, until: step.until });
        break;
      case 'tick':
        for (const stream of this.#streams.values()) stream.tick(now);
        break;
      default:
        this.#streams.get(step.copy)?.answered(step, now);
    }
    this.#settle(now);
  }

  #beginAudit(): void {
    if (this.#audit.running || this.#deposed) return;
    const streams = [...this.#streams.values()].filter((stream) => stream.comparable);
    const audit = this.#audit.begin(streams.map((stream) => stream.state.allocationId));
    for (const stream of streams) stream.beginAudit(audit);
    this.#ready.push({ type: 'openAudit', audit });
  }

  #differ(differences: Difference[]): void {
    for (const { copy, buckets } of differences) {
      this.#divergences++;
      this.#streams.get(copy)?.differs(buckets);
    }
  }

  #makeView(): PrimaryView {
    // Arrow functions see the machine's private fields, getters of an object literal would not see `this`.
    const end = (): Position => this.#end;
    const checkpoint = (): number => this.#checkpoint;
    const trimmed = (): number => this.#trimmed;
    const configVersion = (): number => this.#config.configVersion;
    return {
      term: this.term,
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
      audited: (audit, copy, digests) => this.#differ(this.#audit.copy(audit, copy, digests)),
      depose: (reason) => this.#depose(reason),
    };
  }

  #configure(config: ShardConfig): void {
    // An answer of the operator may be newer than the map that reaches this node after it.
    if (config.term !== this.term || config.configVersion < this.#config.configVersion) return;
    if (config.handoverTo !== this.#config.handoverTo) this.#handover.reset();
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
      stream.changes.configure(copy.inSync);
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
    this.#rejectReads(this.#confirmations.takeAll());
  }

  #rejectReads(reads: number[]): void {
    if (reads.length === 0) return;
    const message = `shard ${this.#config.shard} has a newer primary`;
    this.#ready.push({ type: 'rejectReads', reads, code: 'ANN_STALE_TERM', message });
  }

  #sealedBy(): string {
    const { shard, handoverTo } = this.#config;
    if (handoverTo !== undefined) return `shard ${shard} is handing over to ${handoverTo}`;
    return `shard ${shard} is sealed: others take its slots over`;
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
    if (!this.#deposed) this.#confirmations.settle(this.copies(), (ready) => this.#ready.push(ready), now);
    this.#acknowledge(now);
    this.#handOver(now);
    this.#trim(now);
  }

  #handOver(now: number): void {
    const { handoverTo, configVersion } = this.#config;
    if (handoverTo === undefined || !this.drained) return;
    const target = this.copies().find((copy) => copy.node === handoverTo && copy.inSync);
    if (target) this.#handover.ask(target, configVersion, (ready) => this.#ready.push(ready), now);
  }

  /** Highest seqNo that is on every awaited copy now. */
  #reached(): number {
    let reached = this.#end.seqNo;
    for (const { state } of this.#streams.values()) if (isAwaited(state)) reached = Math.min(reached, state.acked);
    return reached;
  }

  #acknowledge(now: number): void {
    const reached = this.#reached();
    this.#checkpoint = Math.max(this.#checkpoint, reached);
    let done = 0;
    while (done < this.#pending.length && this.#pending[done]!.seqNo <= reached) done++;
    if (done > 0) {
      const writes = this.#pending.splice(0, done).map((pending) => pending.write);
      const tooFew = this.#tooFew();
      if (tooFew !== null) this.#reject(writes, `${tooFew}; it is unknown whether the write stays: repeat it`);
      else this.#ready.push({ type: 'acknowledge', writes });
    }
    // Whoever waits for the end of a sealed primary waits for all of it.
    const newest = this.sealed && !this.#deposed ? this.#end.seqNo : (this.#pending.at(-1)?.seqNo ?? 0);
    for (const { state } of this.#streams.values()) {
      const compared = state.located || !state.inSync;
      const owes = !compared || state.acked < newest || this.#confirmations.waitsFor(state.allocationId);
      const owing = isAwaited(state) && owes;
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
    for (const [reader, { from, until }] of this.#holds) {
      if (now < until) below = Math.min(below, from);
      else this.#holds.delete(reader);
    }
    below = Math.max(below, this.#sizes.keepFrom(limits.LOG_KEEP_BYTES));
    const many = below - this.#trimmed >= limits.TRIM_STEP_ENTRIES && this.#trimmed > 0;
    const due = many || (below > this.#trimmed && now >= this.#trimAt);
    if (!due) return;
    this.#trimmed = below;
    this.#trimAt = now + limits.TRIM_MS;
    this.#recent.dropThrough(below - 1);
    this.#sizes.dropBelow(below);
    this.#ready.push({ type: 'trim', below });
  }
}
