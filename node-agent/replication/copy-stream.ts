import type { ErrorCode } from '#model/errors.ts';
import type { Position } from '../shard/shard-host.ts';
import { AUDIT_BUCKETS } from './audit.ts';
import { isAwaited, newProgress, type CopyProgress, type Proof } from './copy-progress.ts';
import * as limits from './limits.ts';
import type { Digest, Located, Ready, Step } from './messages.ts';
import type { RecentEntries } from './recent-entries.ts';
import { SetChanges } from './set-changes.ts';

export type CopyStep = Extract<Step, { session: number }>;
type Refused = Extract<Step, { type: 'refused' }>;
type LogRead = Extract<Step, { type: 'logRead' }>;

/** What a stream sees of its primary. */
export interface PrimaryView {
  readonly term: number;
  readonly end: Position;
  readonly recent: RecentEntries;
  readonly checkpoint: number;
  /** Log below this may be forgotten. */
  readonly trimmed: number;
  readonly configVersion: number;
  emit(ready: Ready): void;
  /** Has the set of tracked copies noted on disk. */
  noteTracked(copy: string | null): void;
  /** The copy takes no part in the comparison any more (null), or has sent its digests. */
  audited(audit: number, copy: string, digests: string[] | null): void;
  /** A copy knows a newer primary. */
  depose(reason: string): void;
}

/** One copy as its primary drives it: find where it is, prove that its log is ours, stream, and bring it into the in-sync set. Pure. */
export class CopyStream {
  readonly state: CopyProgress;
  readonly changes: SetChanges;
  #primary: PrimaryView;

  constructor(
    primary: PrimaryView,
    copy: { node: string; allocationId: string; inSync: boolean },
    trackedAt: number | null,
  ) {
    this.#primary = primary;
    this.state = newProgress(copy.node, copy.allocationId, copy.inSync, trackedAt);
    this.changes = new SetChanges(this.state, primary);
  }

  answered(step: CopyStep, now: number): void {
    const { state } = this;
    if (step.session !== state.session) return;
    switch (step.type) {
      case 'located':
        state.heardAt = now;
        return this.#located(step.located);
      case 'applied':
        state.heardAt = now;
        state.inFlight--;
        state.inFlightBytes -= step.bytes;
        return this.#applied(step.position);
      case 'verified':
        state.heardAt = now;
        return this.#verified(step.equal);
      case 'refused':
        return this.#refused(step, now);
      case 'logRead':
        return this.#logRead(step);
      case 'digested':
        return this.#digested(step.digest);
      case 'audited':
        if (step.digests !== null) state.heardAt = now;
        return this.#primary.audited(step.audit, state.allocationId, step.digests);
      case 'exporting':
        // The log above the snapshot must stay until the copy has it.
        state.acked = step.seqNo;
        return;
      case 'recovered':
        // Checked by digest against our own snapshot.
        state.diverged = false;
        this.#restart();
        return this.#stream(state.acked, 'proven');
    }
  }

  /** Does whatever can be done now. */
  pump(now: number): void {
    const { state } = this;
    if (state.diverged && state.phase !== 'recovering') {
      if (isAwaited(state)) this.changes.ask('remove', state.failure, now);
      else if (now >= state.retryAt) this.#begin('recovering');
      return;
    }
    if (state.phase === 'idle' && now >= state.retryAt) this.#begin('locating');
    if (state.phase !== 'streaming') return;
    this.#sendEntries();
    this.#audit();
    this.#compare();
    this.changes.addIfReady(now);
  }

  tick(now: number): void {
    const { state } = this;
    const idle = state.phase === 'streaming' && state.inFlight === 0 && state.check.kind === 'none';
    if (idle && state.sentCheckpoint < this.#primary.checkpoint) this.#send(new Uint8Array(0), state.cursor);
    if (!state.owing) return;
    const failing = state.failingSince !== null && now - state.failingSince > limits.FAILING_MS;
    if (failing || now - state.heardAt > limits.SILENCE_MS) {
      this.changes.ask('remove', state.failure || `no answer for ${limits.SILENCE_MS} ms`, now);
    }
  }

  /** True while it may be compared: in sync, and nothing doubtful about it. */
  get comparable(): boolean {
    const { inSync, phase, proof, check, audit } = this.state;
    return inSync && phase === 'streaming' && proof === 'proven' && check.kind === 'none' && audit === null;
  }

  /** From now on nothing is sent until auditAt says the seqNo. */
  beginAudit(id: number): void {
    this.state.audit = { id, seqNo: null };
  }

  auditAt(id: number, seqNo: number): void {
    if (this.state.audit?.id === id) this.state.audit = { id, seqNo };
  }

  endAudit(id: number): void {
    if (this.state.audit?.id === id) this.state.audit = null;
  }

  /** Its points are not those of the primary: it leaves the in-sync set and is recovered whole. */
  differs(buckets: number): void {
    this.#diverge(`anti-entropy: its points differ from the primary's in ${buckets} of ${AUDIT_BUCKETS} slot ranges`);
  }

  /** It answered that it knows no newer primary. */
  confirmed(now: number): void {
    const { state } = this;
    state.heardAt = now;
    if (state.phase === 'streaming') this.#healthy();
  }

  unconfirmed(code: ErrorCode, message: string, now: number): void {
    const { state } = this;
    if (code === 'ANN_STALE_TERM') return this.#primary.depose(message);
    state.failure = message;
    this.#failing(now);
  }

  /** Its node is heard of again: what waits for its time is tried at once. */
  retryNow(now: number): void {
    const { state } = this;
    state.retryMs = 0;
    state.retryAt = Math.min(state.retryAt, now);
  }

  #located({ seqNo, term, whole, hasLastEntry }: Located): void {
    const { state } = this;
    if (state.phase !== 'locating') return;
    state.located = true;
    const { end } = this.#primary;
    // Entries of this term came from this node, which had them on disk first.
    if (whole && hasLastEntry && seqNo > end.seqNo && term === this.#primary.term) {
      const message = `${state.node} has entry ${seqNo} of term ${term}, written here; the log here ends at ${end.seqNo}`;
      this.#primary.depose(message);
      return this.#primary.emit({ type: 'damaged', message });
    }
    if (!whole) return this.#diverge('its last import did not finish');
    if (seqNo > end.seqNo) return this.#diverge(`it has seqNo ${seqNo}, the primary's log ends at ${end.seqNo}`);
    // Nothing may be put on top of a log that is not known to be ours: its own end would then look like ours.
    if (seqNo > 0 && !hasLastEntry && seqNo !== end.seqNo) {
      return this.#diverge(`its log has no entry ${seqNo} to compare`);
    }
    this.#stream(seqNo, seqNo === 0 ? 'proven' : hasLastEntry ? 'log' : 'digest');
  }

  #stream(seqNo: number, proof: Proof): void {
    const { state } = this;
    state.phase = 'streaming';
    state.proof = proof;
    state.stored = seqNo;
    state.acked = proof === 'proven' ? seqNo : 0;
    state.cursor = proof === 'log' ? seqNo : seqNo + 1;
    this.#healthy();
  }

  #applied(position: Position): void {
    const { state } = this;
    if (state.phase !== 'streaming') return;
    // A copy can't have more than was sent to it: anything else would acknowledge what it doesn't have.
    if (position.seqNo >= state.cursor) {
      return this.#diverge(`it answered seqNo ${position.seqNo}, ${state.cursor - 1} was sent`);
    }
    state.stored = Math.max(state.stored, position.seqNo);
    if (state.proof === 'log') state.proof = 'proven';
    if (state.proof === 'proven') state.acked = state.stored;
    this.#healthy();
  }

  /** Whether it answers is not the question while a write waits for it: one whose disk is full says where it is, and refuses what comes next. */
  #healthy(): void {
    const { state } = this;
    if (state.failingSince !== null && state.owing && state.acked <= state.failingAt) return;
    state.failingSince = null;
    state.failure = '';
    state.retryMs = 0;
  }

  #failing(now: number): void {
    const { state } = this;
    if (state.failingSince !== null) return;
    state.failingSince = now;
    state.failingAt = state.acked;
  }

  #refused({ code, message, diverged }: Refused, now: number): void {
    const { state } = this;
    state.failure = message;
    this.#failing(now);
    if (code === 'ANN_STALE_TERM') return this.#primary.depose(message);
    state.retryMs = Math.min(limits.RETRY_MAX_MS, state.retryMs === 0 ? limits.RETRY_FIRST_MS : state.retryMs * 2);
    state.retryAt = now + state.retryMs;
    if (diverged) this.#diverge(message);
    else this.#restart();
  }

  /** Back to asking where it is; answers under way are of an old session from now on. */
  #restart(): void {
    const { state } = this;
    state.phase = 'idle';
    state.session++;
    state.inFlight = 0;
    state.inFlightBytes = 0;
    state.readingLog = false;
    state.check = { kind: 'none' };
    this.#leaveAudit();
  }

  #leaveAudit(): void {
    const { audit, allocationId } = this.state;
    this.state.audit = null;
    if (audit) this.#primary.audited(audit.id, allocationId, null);
  }

  #diverge(reason: string): void {
    const { state } = this;
    state.diverged = true;
    state.failure = reason;
    state.acked = 0;
    this.#warn(`the copy must be recovered whole: ${reason}`);
    this.#restart();
  }

  #warn(message: string): void {
    const { allocationId: copy, node } = this.state;
    this.#primary.emit({ type: 'warn', copy, node, message });
  }

  #begin(phase: 'locating' | 'recovering'): void {
    const { state } = this;
    state.phase = phase;
    state.session++;
    state.stream = state.session;
    const { allocationId: copy, node, session } = state;
    this.#primary.emit({ type: phase === 'locating' ? 'locate' : 'recover', copy, node, session });
  }

  /** Highest seqNo that may be sent: while digests are compared the copy must stand still, before a proof only what is compared goes out. */
  #limit(): number {
    const { check, proof, inFlight, audit } = this.state;
    if (audit) return audit.seqNo ?? 0;
    if (proof === 'digest' || (proof === 'log' && inFlight > 0)) return 0;
    if (check.kind === 'none') return this.#primary.end.seqNo;
    return check.kind === 'digesting' ? 0 : check.digest.seqNo;
  }

  #sendEntries(): void {
    const { state } = this;
    while (
      state.cursor <= this.#limit() &&
      !state.readingLog &&
      state.inFlight < limits.WINDOW_MESSAGES &&
      state.inFlightBytes < limits.WINDOW_BYTES
    ) {
      const chunk = this.#primary.recent.find(state.cursor);
      if (chunk) this.#send(chunk.entries, chunk.lastSeqNo + 1);
      else this.#readLog();
    }
  }

  /** Has the digests taken when the copy is where the primary's were taken. */
  #audit(): void {
    const { state } = this;
    const { audit, cursor, allocationId: copy, node, session, stream } = state;
    if (audit?.seqNo == null || cursor <= audit.seqNo) return;
    // More than the digests cover was sent in one message: next time.
    if (cursor > audit.seqNo + 1) return this.#leaveAudit();
    state.audit = null;
    this.#primary.emit({ type: 'audit', copy, node, session, stream, audit: audit.id, seqNo: audit.seqNo });
    this.#sendEntries();
  }

  #readLog(): void {
    const { state } = this;
    state.readingLog = true;
    const { allocationId: copy, session, cursor: from } = state;
    this.#primary.emit({ type: 'readLog', copy, session, from, maxBytes: limits.LOG_READ_BYTES });
  }

  #logRead({ from, read }: LogRead): void {
    const { state } = this;
    state.readingLog = false;
    if (state.phase !== 'streaming' || from !== state.cursor) return;
    if (read !== null) {
      if (read.nextSeqNo > state.cursor) this.#send(read.entries, read.nextSeqNo);
    } else if (state.proof === 'log' && from === this.#primary.end.seqNo) {
      this.#stream(from, 'digest');
    } else {
      this.#diverge(`the primary's log no longer reaches back to seqNo ${from}`);
    }
  }

  #send(entries: Uint8Array, nextCursor: number): void {
    const { state } = this;
    state.cursor = nextCursor;
    state.inFlight++;
    state.inFlightBytes += entries.byteLength;
    const { checkpoint, trimmed: trimBelow } = this.#primary;
    state.sentCheckpoint = checkpoint;
    const { allocationId: copy, node, session, stream } = state;
    this.#primary.emit({ type: 'send', copy, node, session, stream, entries, checkpoint, trimBelow });
  }

  /** Compares digests when the copy has all that there is and needs a proof, or is to become in sync. */
  #compare(): void {
    const { state } = this;
    const { check, allocationId: copy, node, session, stream } = state;
    const caughtUp = state.cursor > this.#primary.end.seqNo && state.inFlight === 0;
    if (check.kind === 'none') {
      const joins = !isAwaited(state) && state.proof === 'proven' && caughtUp;
      if (!joins && state.proof !== 'digest') return;
      state.check = { kind: 'digesting' };
      this.#primary.emit({ type: 'digest', copy, session });
    } else if (check.kind === 'verifying' && !check.sent) {
      if (state.cursor > check.digest.seqNo + 1) {
        // More than the digest covers was sent in one message: take another.
        state.check = { kind: 'none' };
      } else if (state.inFlight === 0 && state.stored === check.digest.seqNo) {
        state.check = { ...check, sent: true };
        this.#primary.emit({ type: 'verify', copy, node, session, stream, digest: check.digest });
      }
    }
  }

  #digested(digest: Digest): void {
    const { state } = this;
    if (state.check.kind !== 'digesting') return;
    if (state.proof === 'digest' && digest.seqNo !== state.stored) {
      return this.#diverge(`writes came before its log at ${state.stored} could be compared`);
    }
    state.check = { kind: 'verifying', digest, sent: false };
  }

  #verified(equal: boolean): void {
    const { state } = this;
    const { check } = state;
    if (check.kind !== 'verifying') return;
    if (!equal) return this.#diverge(`its digest differs at seqNo ${check.digest.seqNo}`);
    state.check = { kind: 'none' };
    state.proof = 'proven';
    state.acked = state.stored;
    this.#healthy();
    if (isAwaited(state)) return;
    // Whatever was acknowledged without it must be on its disk before the operator may call it in sync.
    this.changes.track();
  }
}
