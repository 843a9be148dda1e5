/** What a key may hold: '' = no such point, else whatever text the writer has for its vector and payload. */
export type State = string;

/** One write of one key; what it leaves behind is known beforehand, as each key has one writer and that writes in order. */
export interface Op {
  readonly state: State;
  readonly sentAt: number;
  /** Undefined while nobody has said that it is done: it may be done, now or later. */
  ackedAt: number | undefined;
  /** Its outcome was once unknown: the first try may still be on its way when the second is acknowledged. */
  doubtful: boolean;
}

/**
 * right: possible for a single copy. stale: an earlier state, as a copy that lags shows it. late: the state of a write whose outcome was
 * unknown and that was overwritten since, as when a request was held up somewhere for long. wrong: nothing explains it.
 */
export type Verdict = 'right' | 'stale' | 'late' | 'wrong';

/** Earlier states are remembered so long, in the clock's unit: staleness beyond it counts as wrong. */
const REMEMBERED_MS = 120_000;

/** All that was written, by key; judges what was read. Times are of one clock, in milliseconds. */
export class History {
  private readonly keys = new Map<number, Op[]>();

  /** A write is about to be sent. */
  begin(key: number, state: State, now: number): Op {
    const op: Op = { state, sentAt: now, ackedAt: undefined, doubtful: false };
    const ops = this.keys.get(key);
    if (ops === undefined) this.keys.set(key, [op]);
    else {
      ops.push(op);
      prune(ops, now);
    }
    return op;
  }

  /** Judges one key of a read that began and ended then. */
  judge(key: number, seen: State, beganAt: number, endedAt: number): Verdict {
    const ops = this.keys.get(key) ?? [];
    const last = lastAcked(ops, beganAt);
    if (last === -1 && seen === '') return 'right';
    const possible = ops.slice(Math.max(0, last)).some((op) => op.state === seen && op.sentAt <= endedAt);
    if (possible) return 'right';
    const before = ops.slice(0, Math.max(0, last));
    if (before.some((op) => op.state === seen && op.doubtful)) return 'late';
    if (seen === '' || before.some((op) => op.state === seen)) return 'stale';
    return isComposed(ops, seen) ? 'late' : 'wrong';
  }

  /** Keys that were ever written. */
  all(): IterableIterator<number> {
    return this.keys.keys();
  }

  /** The states that the key may be in when nothing is under way. */
  possible(key: number): Set<State> {
    const ops = this.keys.get(key) ?? [];
    const last = lastAcked(ops, Infinity);
    return new Set([...(last === -1 ? [''] : []), ...ops.slice(Math.max(0, last)).map((op) => op.state)]);
  }

  /** The last state, if it is certain. */
  certain(key: number): State | undefined {
    const states = this.possible(key);
    return states.size === 1 ? [...states][0] : undefined;
  }
}

/**
 * A state is `vector/payload`. A write that was doubtful and came late leaves its part beside the part of another one: an old vector to which
 * the payload of a later write was set, or an old payload set to a new vector.
 */
function isComposed(ops: readonly Op[], seen: State): boolean {
  const [vector, payload] = seen.split('/');
  if (payload === undefined) return false;
  const vectors = ops.filter((op) => op.state.startsWith(`${vector}/`));
  const payloads = ops.filter((op) => op.state.endsWith(`/${payload}`));
  return vectors.length > 0 && payloads.length > 0 && [...vectors, ...payloads].some((op) => op.doubtful);
}

/** Place of the last write that was acknowledged by then; -1: none. */
function lastAcked(ops: readonly Op[], by: number): number {
  return ops.findLastIndex((op) => op.ackedAt !== undefined && op.ackedAt <= by);
}

/** Forgets what was overwritten long ago, but for doubtful writes: those may show whenever. */
function prune(ops: Op[], now: number): void {
  const from = lastAcked(ops, now - REMEMBERED_MS);
  if (from < 32) return;
  const kept = ops.filter((op, i) => i >= from || op.doubtful);
  ops.splice(0, ops.length, ...kept);
}
