import type { ImportFrom, ImportState, Position, RangeBatch } from '../shard/shard-host.ts';
import { WINDOW_BATCHES, WINDOW_BYTES } from './limits.ts';
import type { Throttle } from './throttle.ts';

/** What happens to a recovery at its source. Answers come in the order of what was asked. */
export type SourceStep =
  /** What an earlier session brought to the target; null: nothing. */
  | { type: 'half'; half: ImportState | null }
  /** Whether our log has the moment of the target's last batch, and all from where its import began. */
  | { type: 'checked'; half: ImportState; resumable: boolean }
  /** The target is empty and ready. */
  | { type: 'begun' }
  | { type: 'read'; part: RangeBatch }
  /** A batch is on the target's disk. */
  | { type: 'stored'; bytes: number }
  /** The target has our graph, or goes without; what it has may be as late as this moment. */
  | { type: 'graphSent'; moment: Position | null }
  | { type: 'finished' }
  | { type: 'failed'; error: Error };

/** What the shell is to do, in order. */
export type SourceReady =
  | { type: 'ask' }
  | { type: 'check'; half: ImportState }
  | { type: 'begin'; from: ImportFrom }
  /** Our log above this seqNo must stay. */
  | { type: 'exporting'; seqNo: number }
  | { type: 'read'; afterKey: Uint8Array | null }
  | { type: 'send'; afterKey: Uint8Array | null; part: RangeBatch }
  /** All points are there: the graph may go too. */
  | { type: 'sendGraph' }
  /** All was sent; the last of it was read at this moment. */
  | { type: 'finish'; moment: Position }
  | { type: 'done'; resumedAt: number; points: number }
  | { type: 'fail'; error: Error };

interface Copying {
  phase: 'Copying';
  /** Of the last batch. */
  moment: Position;
  lastKey: Uint8Array | null;
  reading: boolean;
  /** Read, and waiting for the window or the throttle; the one behind it is read when it has gone. */
  next: { part: RangeBatch; sendAt: number } | null;
  outstanding: number;
  outstandingBytes: number;
  /** The last batch was sent. */
  done: boolean;
}

type State =
  | { phase: 'Preparing' }
  | Copying
  | { phase: 'SendingGraph'; moment: Position }
  | { phase: 'Finishing' }
  | { phase: 'Ended' };

/**
 * The source's side of a recovery without clock, disk or network: live points in key order, in batches, a few on their way at once. It goes on where an
 * earlier one was cut, by this or another source, when the log of this one has all that the target needs; else the target is emptied first.
 */
export class RecoverySource {
  #state: State = { phase: 'Preparing' };
  #from: ImportFrom;
  #throttle: Throttle;
  #ready: SourceReady[] = [{ type: 'ask' }];
  #resumedAt = 0;
  #points = 0;
  /** The rows at the target have our labels: our graph fits them. */
  #lends = false;

  /** `from`: the end of our log before anything is read. */
  constructor(from: ImportFrom, throttle: Throttle) {
    this.#from = from;
    this.#throttle = throttle;
  }

  get phase(): State['phase'] {
    return this.#state.phase;
  }

  /** When tick() has something to do; null = not before a step. */
  get wakeAt(): number | null {
    const state = this.#state;
    return state.phase === 'Copying' && state.next && hasRoom(state) ? state.next.sendAt : null;
  }

  takeReady(): SourceReady[] {
    const ready = this.#ready;
    this.#ready = [];
    return ready;
  }

  tick(now: number): void {
    if (this.#state.phase === 'Copying') this.#pump(this.#state, now);
  }

  step(step: SourceStep, now: number): void {
    const state = this.#state;
    if (state.phase === 'Ended') return;
    switch (step.type) {
      case 'half':
        if (step.half) this.#ready.push({ type: 'check', half: step.half });
        else this.#begin();
        break;
      case 'checked':
        if (step.resumable) this.#resume(step.half);
        else this.#begin();
        break;
      case 'begun':
        this.#lends = this.#from.labels !== undefined;
        this.#copy(this.#from, null);
        break;
      case 'read':
        if (state.phase === 'Copying') this.#read(state, step.part, now);
        break;
      case 'stored':
        if (state.phase !== 'Copying') break;
        state.outstanding--;
        state.outstandingBytes -= step.bytes;
        break;
      case 'graphSent':
        if (state.phase === 'SendingGraph') this.#finish(step.moment ?? state.moment);
        break;
      case 'finished':
        this.#end({ type: 'done', resumedAt: this.#resumedAt, points: this.#points });
        break;
      case 'failed':
        this.#end({ type: 'fail', error: step.error });
    }
    this.tick(now);
  }

  /** The log is asked to stay before the target is told from where it will want it. */
  #begin(): void {
    this.#ready.push({ type: 'exporting', seqNo: this.#from.seqNo }, { type: 'begin', from: this.#from });
  }

  #resume(half: ImportState): void {
    this.#ready.push({ type: 'exporting', seqNo: half.seqNo });
    this.#resumedAt = half.points;
    this.#lends = half.labels !== undefined && half.labels === this.#from.labels;
    const moment = { seqNo: half.sourceSeqNo, term: half.sourceTerm };
    if (half.complete) this.#finish(moment);
    else this.#copy(moment, half.lastKey);
  }

  #copy({ seqNo, term }: Position, lastKey: Uint8Array | null): void {
    const moment = { seqNo, term };
    const idle = { reading: false, next: null, outstanding: 0, outstandingBytes: 0, done: false };
    this.#state = { phase: 'Copying', moment, lastKey, ...idle };
  }

  #read(state: Copying, part: RangeBatch, now: number): void {
    state.reading = false;
    state.next = { part, sendAt: now + this.#throttle.reserve(part.batch.byteLength, now) };
  }

  /** Sends what may go, reads one batch ahead, and ends when all has arrived. */
  #pump(state: Copying, now: number): void {
    const { next } = state;
    if (next && now >= next.sendAt && hasRoom(state)) {
      const { part } = next;
      this.#ready.push({ type: 'send', afterKey: state.lastKey, part });
      state.next = null;
      state.moment = { seqNo: part.seqNo, term: part.term };
      state.lastKey = part.lastKey;
      state.done = part.done;
      state.outstanding++;
      state.outstandingBytes += part.batch.byteLength;
      this.#points += part.points;
    }
    if (state.done) {
      if (state.outstanding === 0) this.#allThere(state.moment);
    } else if (!state.reading && state.next === null) {
      state.reading = true;
      this.#ready.push({ type: 'read', afterKey: state.lastKey });
    }
  }

  #allThere(moment: Position): void {
    if (!this.#lends) return this.#finish(moment);
    this.#state = { phase: 'SendingGraph', moment };
    this.#ready.push({ type: 'sendGraph' });
  }

  #finish(moment: Position): void {
    this.#state = { phase: 'Finishing' };
    this.#ready.push({ type: 'finish', moment });
  }

  #end(ready: SourceReady): void {
    this.#state = { phase: 'Ended' };
    this.#ready.push(ready);
  }
}

function hasRoom({ outstanding, outstandingBytes }: Copying): boolean {
  return outstanding < WINDOW_BATCHES && outstandingBytes < WINDOW_BYTES;
}
