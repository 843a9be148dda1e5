import * as limits from './limits.ts';
import type {
  FeedProgress,
  FeedReady,
  FeedSource,
  FeedStep,
  RangeBatch,
  RangeDigest,
  RangeEntries,
} from './messages.ts';

type Phase = FeedProgress['phase'];
/** A Ready without its session: that is given when it goes out. */
type Wish = FeedReady extends infer R ? (R extends { session: number } ? Omit<R, 'session'> : never) : never;
type Answer = Exclude<FeedStep, { type: 'source' | 'tick' | 'refused' }>;

/**
 * One new shard's primary that pulls its slots from one old shard, as a machine without clock, disk or network. It scans the old shard in key
 * order beside the writes, applying the log up to each batch's moment to the keys it has before it takes the batch, so that every operation
 * counts once; then it follows the log, compares digests at one seqNo, and goes on following. Nothing above the source's global checkpoint
 * is taken over, so no failover of the source can undo it. Lives as long as one primaryTerm of the new shard: the next primary
 * begins again, which range-synchronising makes harmless.
 */
export class Feed {
  #phase: Phase = 'copying';
  #source: FeedSource = { term: 0, sealed: false };
  /** Everything through this key is here, as of #covered; null before the first batch. */
  #after: Uint8Array | null = null;
  /** Read and not yet ingested. */
  #batch: RangeBatch | null = null;
  #entries: RangeEntries | null = null;
  /** The source's seqNo up to which its log counts here; null before the first batch of a scan. */
  #covered: number | null = null;
  #checkpoint = 0;
  /** Term in which the checkpoint was told; what is covered was read in it or before. */
  #term = 0;
  /** What the source had at a seqNo, to be compared when this shard has come exactly there. */
  #expected: (RangeDigest & { seqNo: number }) | null = null;
  #mismatches = 0;
  /** Entries may have been taken over twice in this scan: a difference would be no wonder. */
  #doubtful = false;
  #copiedPoints = 0;
  #totalPoints = 0;
  #failure = '';
  #session = 0;
  #busy: FeedReady['type'] | null = null;
  #wakeAt = 0;
  #retryMs = 0;
  #ready: FeedReady[] = [];

  get progress(): FeedProgress {
    return {
      phase: this.#phase,
      seqNo: this.#phase === 'copying' ? 0 : (this.#covered ?? 0),
      term: this.#term,
      copiedPoints: this.#copiedPoints,
      totalPoints: this.#totalPoints,
      failure: this.#failure,
    };
  }

  /** When a tick is wanted; null while an answer is awaited or nothing can be done. */
  get wakeAt(): number | null {
    return this.#busy !== null || this.#phase === 'failed' || this.#source.term === 0 ? null : this.#wakeAt;
  }

  takeReady(): FeedReady[] {
    const ready = this.#ready;
    this.#ready = [];
    return ready;
  }

  step(step: FeedStep, now: number): void {
    if (step.type === 'source') this.#onSource(step.source);
    else if (step.type !== 'tick') {
      if (step.session !== this.#session || this.#busy === null) return;
      const asked = this.#busy;
      this.#busy = null;
      if (step.type === 'refused') this.#onRefused(asked, step.message, now);
      else this.#onAnswer(step, now);
    }
    this.#pump(now);
  }

  #onSource(source: FeedSource): void {
    const { term } = this.#source;
    if (source.sealed && !this.#source.sealed) this.#wakeAt = 0;
    this.#source = source;
    if (source.term === term) return;
    this.#wakeAt = 0;
    // What the old primary had beyond its checkpoint may be gone. Up to the checkpoint the new one has the same log.
    this.#expected = null;
    this.#checkpoint = 0;
    // A batch that waits may be of a moment that the new primary never had; one that is being ingested was below the checkpoint.
    if (this.#busy !== 'ingestRange') {
      this.#batch = null;
      if (this.#phase === 'copying' && this.#after === null && this.#entries === null) this.#covered = null;
    }
    // Answers of the old primary say nothing of the new one; an ingestion is waited for, or it would be done twice.
    if (this.#busy !== 'ingestRange' && this.#busy !== 'ingestEntries') this.#busy = null;
  }

  #onAnswer(step: Answer, now: number): void {
    this.#retryMs = 0;
    if (this.#mismatches === 0) this.#failure = '';
    switch (step.type) {
      case 'read':
        this.#batch = step.read;
        this.#totalPoints = Math.max(this.#copiedPoints, step.read.totalPoints);
        // Nothing is here that the log before the first batch could be about.
        this.#covered ??= step.read.seqNo;
        return;
      case 'logRead':
        return this.#onLog(step.read, now);
      case 'sourceDigested':
        this.#expected = step.digest;
        return;
      case 'digested':
        return this.#compare(step.digest, now);
      case 'ingested':
        return this.#onIngested(step.points, now);
    }
  }

  #onIngested(points: number, now: number): void {
    if (this.#entries !== null) {
      this.#covered = this.#entries.nextSeqNo - 1;
      this.#entries = null;
      this.#sync();
      // Following at every single write would cost more than the writes.
      if (this.#phase === 'ready' && !this.#source.sealed) this.#wakeAt = now + limits.FOLLOW_MS;
    } else if (this.#batch !== null) {
      const { lastKey, done } = this.#batch;
      this.#copiedPoints += points;
      this.#after = lastKey;
      this.#batch = null;
      if (!done) return;
      this.#totalPoints = this.#copiedPoints;
      this.#phase = 'syncing';
    }
  }

  #onLog(read: RangeEntries, now: number): void {
    const covered = this.#covered ?? 0;
    if (read.missing) return this.#scanAgain(`the source's log no longer reaches back to ${covered + 1}`, now);
    this.#checkpoint = read.checkpoint;
    this.#term = this.#source.term;
    if (read.nextSeqNo > covered + 1) {
      this.#entries = read;
      return;
    }
    this.#sync();
    if (this.#phase === 'ready') this.#wakeAt = now + (this.#source.sealed ? limits.POLL_SEALED_MS : limits.POLL_MS);
    // Its copies do not have it yet.
    else if (this.#aim() > this.#checkpoint) this.#wakeAt = now + limits.POLL_BEHIND_MS;
  }

  /** seqNo that must be reached before the next step. */
  #aim(): number {
    return this.#batch?.seqNo ?? this.#expected?.seqNo ?? 0;
  }

  #sync(): void {
    const near = this.#checkpoint - (this.#covered ?? 0) <= limits.SYNCED_ENTRIES;
    if (this.#phase === 'syncing' && near) this.#phase = 'verifying';
  }

  #compare(own: RangeDigest, now: number): void {
    const expected = this.#expected;
    this.#expected = null;
    // The source changed its primary meanwhile.
    if (expected === null) return;
    if (own.points === expected.points && own.digest === expected.digest) {
      this.#phase = 'ready';
      this.#doubtful = false;
      this.#mismatches = 0;
      this.#failure = '';
      return;
    }
    if (!this.#doubtful) this.#mismatches++;
    const text = `${own.points} points, the source has ${expected.points}: digests differ at its seqNo ${expected.seqNo}`;
    if (this.#mismatches < limits.MISMATCHES_MAX) return this.#scanAgain(text, now);
    this.#phase = 'failed';
    this.#failure = `gave up after ${this.#mismatches} scans: ${text}`;
  }

  #scanAgain(reason: string, now: number): void {
    this.#phase = 'copying';
    this.#covered = null;
    this.#after = null;
    this.#batch = null;
    this.#expected = null;
    this.#copiedPoints = 0;
    this.#doubtful = false;
    this.#failure = `scanned again: ${reason}`;
    this.#wakeAt = now + limits.RETRY_FIRST_MS;
  }

  #onRefused(asked: FeedReady['type'], message: string, now: number): void {
    this.#failure = message;
    this.#retryMs = Math.min(limits.RETRY_MAX_MS, this.#retryMs === 0 ? limits.RETRY_FIRST_MS : this.#retryMs * 2);
    this.#wakeAt = now + this.#retryMs;
    if (asked !== 'ingestEntries') return;
    // It may have been done, and then it is done twice: whether that made a difference the comparison tells.
    this.#doubtful = true;
    if (this.#phase === 'copying') return;
    this.#phase = 'syncing';
    this.#expected = null;
  }

  #pump(now: number): void {
    if (this.#busy !== null || this.#phase === 'failed' || this.#source.term === 0 || now < this.#wakeAt) return;
    const wish = this.#next();
    this.#busy = wish.type;
    this.#session++;
    this.#ready.push({ ...wish, session: this.#session });
  }

  #next(): Wish {
    if (this.#entries !== null) {
      const throughKey = this.#phase === 'copying' ? this.#after : null;
      return { type: 'ingestEntries', entries: this.#entries.entries, throughKey };
    }
    const { term } = this.#source;
    const from = (this.#covered ?? -1) + 1;
    if (this.#phase === 'copying') {
      if (this.#batch === null) {
        return { type: 'read', term, needFrom: from, after: this.#after, limit: limits.BATCH_POINTS };
      }
      const { batch, lastKey, done, seqNo } = this.#batch;
      if (from <= seqNo || this.#checkpoint < seqNo) return this.#readLog(from, seqNo);
      return { type: 'ingestRange', after: this.#after, upTo: done ? null : lastKey, batch };
    }
    if (this.#phase !== 'verifying') return this.#readLog(from, 0);
    if (this.#expected === null) return { type: 'digestSource', term, needFrom: from };
    return this.#expected.seqNo < from ? { type: 'digest' } : this.#readLog(from, this.#expected.seqNo);
  }

  /** `upTo`: 0 = as far as the checkpoint. */
  #readLog(from: number, upTo: number): Wish {
    return { type: 'readLog', term: this.#source.term, needFrom: from, from, upTo, maxBytes: limits.LOG_READ_BYTES };
  }
}
