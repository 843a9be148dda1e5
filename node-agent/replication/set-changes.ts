import type { CopyProgress } from './copy-progress.ts';
import * as limits from './limits.ts';
import type { PrimaryView } from './copy-stream.ts';
import type { ChangeAction, ChangeAnswer } from './messages.ts';

/** One copy's ways into and out of the in-sync set, which only the operator changes. Pure. */
export class SetChanges {
  #state: CopyProgress;
  #primary: PrimaryView;

  constructor(state: CopyProgress, primary: PrimaryView) {
    this.#state = state;
    this.#primary = primary;
  }

  /** The map's word. */
  configure(inSync: boolean): void {
    const state = this.#state;
    if (state.inSync !== inSync) state.change = null;
    state.inSync = inSync;
    // An older map than that of the request may call it in sync from before it was removed.
    if (!inSync || state.trackedAt === null || state.trackedAt >= this.#primary.configVersion) return;
    state.trackedAt = null;
    state.adding = null;
  }

  /** Asks the operator, once until it answers, and again after a pause. */
  ask(action: ChangeAction, reason: string, now: number): void {
    const state = this.#state;
    if (state.change?.action === action && (!state.change.answered || now < state.change.retryAt)) return;
    state.change = { action, answered: false, retryAt: 0 };
    const { allocationId: copy, node } = state;
    this.#primary.emit({ type: 'change', copy, node, action, reason, configVersion: this.#primary.configVersion });
  }

  answered(action: ChangeAction, answer: ChangeAnswer, now: number): void {
    const state = this.#state;
    if (state.change?.action !== action) return;
    if (answer.result === 'done') {
      state.change = null;
      state.inSync = action === 'add';
      // Stays noted until the map that says so is on disk here: a restart goes by that map.
      if (action === 'remove') this.#untrack();
      return;
    }
    const pause = answer.result === 'refused' ? limits.CHANGE_RETRY_MS : limits.CHANGE_UNANSWERED_MS;
    state.change = { action, answered: true, retryAt: now + pause };
    if (answer.result === 'unknown') return;
    const { allocationId: copy, node } = state;
    const message = `the operator refused to ${action} the copy: ${answer.reason}`;
    this.#primary.emit({ type: 'warn', copy, node, message });
  }

  /** Has it noted on disk that acknowledgements wait for this copy; the operator is asked after that. */
  track(): void {
    const state = this.#state;
    state.trackedAt = this.#primary.configVersion;
    state.adding = { from: state.adding?.from ?? this.#primary.end.seqNo, noted: false };
    this.#primary.noteTracked(state.allocationId);
  }

  /** `track` is on disk. */
  noted(trackedAt: number): void {
    const state = this.#state;
    if (state.adding && state.trackedAt === trackedAt) state.adding = { ...state.adding, noted: true };
  }

  /** Asks for a tracked copy to be added as soon as it has all that it must have. */
  addIfReady(now: number): void {
    const state = this.#state;
    if (state.trackedAt === null || state.inSync || state.proof !== 'proven') return;
    // Noted in an earlier life of this primary: the operator may have been asked already, so ask (again).
    state.adding ??= { from: this.#primary.end.seqNo, noted: true };
    if (!state.adding.noted || state.acked < state.adding.from) return;
    if (this.#primary.configVersion > state.trackedAt) this.track();
    else this.ask('add', 'equal by digest', now);
  }

  #untrack(): void {
    const state = this.#state;
    if (state.trackedAt === null || state.trackedAt >= this.#primary.configVersion) return;
    state.trackedAt = null;
    state.adding = null;
    this.#primary.noteTracked(null);
  }
}
