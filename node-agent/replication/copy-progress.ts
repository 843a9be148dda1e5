import type { ChangeAction, Digest } from './messages.ts';

/** How far a copy that is not in sync has come. */
export type JoinState =
  | { kind: 'catchingUp' }
  | { kind: 'digesting' }
  | { kind: 'verifying'; digest: Digest; sent: boolean }
  /** Equal by digest; acknowledgements wait for it from now on. The operator is asked when `acked` has reached `from` and this is noted on disk. */
  | { kind: 'adding'; from: number; noted: boolean };

/** What a primary knows of one copy. */
export interface CopyProgress {
  readonly node: string;
  readonly allocationId: string;
  /** By the operator's word. */
  inSync: boolean;
  /** The operator was, or may have been, asked to add it: acknowledgements wait for it as if it were in sync. */
  tracked: boolean;
  phase: 'idle' | 'locating' | 'streaming' | 'recovering';
  session: number;
  /** Highest seqNo on its disk that equals ours; 0 while unknown. */
  acked: number;
  known: boolean;
  /** Next seqNo to send. */
  cursor: number;
  inFlight: number;
  inFlightBytes: number;
  readingLog: boolean;
  /** When it was last heard of, or began to owe something. */
  heardAt: number;
  owing: boolean;
  failingSince: number | null;
  failure: string;
  retryAt: number;
  retryMs: number;
  /** Its log is not a part of ours: only a full recovery helps. */
  diverged: boolean;
  join: JoinState;
  change: { action: ChangeAction; answered: boolean; retryAt: number } | null;
  sentCheckpoint: number;
}

export function newProgress(node: string, allocationId: string, inSync: boolean, tracked: boolean): CopyProgress {
  return {
    node,
    allocationId,
    inSync,
    tracked,
    phase: 'idle',
    session: 0,
    acked: 0,
    known: false,
    cursor: 0,
    inFlight: 0,
    inFlightBytes: 0,
    readingLog: false,
    heardAt: 0,
    owing: false,
    failingSince: null,
    failure: '',
    retryAt: 0,
    retryMs: 0,
    diverged: false,
    join: { kind: 'catchingUp' },
    change: null,
    sentCheckpoint: 0,
  };
}

/** Acknowledgements wait for it. */
export function isAwaited(copy: CopyProgress): boolean {
  return copy.inSync || copy.tracked;
}
