import type { ChangeAction, Digest } from './messages.ts';

/**
 * Whether the copy's log is known to be the beginning of ours. `log`: its last entry is sent again, and it compares. `digest`: there is no
 * such entry to compare, so a digest must agree. `proven`: what it acknowledges counts.
 */
export type Proof = 'log' | 'digest' | 'proven';

/** A comparison by digest. While it lasts nothing above its seqNo is sent. */
export type Check =
  | { kind: 'none' }
  /** The primary takes its own digest; at which seqNo is known only when it is there. */
  | { kind: 'digesting' }
  | { kind: 'verifying'; digest: Digest; sent: boolean };

/** The way of a copy into the in-sync set, after its digest agreed: the operator is asked when `acked` has reached `from` and this is noted on disk. */
export interface Adding {
  from: number;
  noted: boolean;
}

/** What a primary knows of one copy. */
export interface CopyProgress {
  readonly node: string;
  readonly allocationId: string;
  /** By the operator's word. */
  inSync: boolean;
  /**
   * Not null: the operator was, or may have been, asked to add it, last at this configVersion: acknowledgements wait for it as if it were in
   * sync. Over when the shard is past that version, for then the request is done or can't be done any more.
   */
  trackedAt: number | null;
  phase: 'idle' | 'locating' | 'streaming' | 'recovering';
  session: number;
  /** Session that last located or recovered the copy: the copy takes entries of this stream only, so nobody else's can come between. */
  stream: number;
  proof: Proof;
  check: Check;
  adding: Adding | null;
  /** It is to take digests at this seqNo (null: not known yet); nothing above is sent before it was told. */
  audit: { id: number; seqNo: number | null } | null;
  /** Highest seqNo on its disk that is proven to equal ours; 0 while unknown. */
  acked: number;
  /** Highest seqNo that it says is on its disk. */
  stored: number;
  /** Next seqNo to send. */
  cursor: number;
  inFlight: number;
  inFlightBytes: number;
  readingLog: boolean;
  /** When it was last heard of, or began to owe something. */
  heardAt: number;
  /** A client's write waits for it. */
  owing: boolean;
  failingSince: number | null;
  /** What it had acknowledged when it began to fail. */
  failingAt: number;
  failure: string;
  retryAt: number;
  retryMs: number;
  /** Its log is not a part of ours: only a full recovery helps. */
  /** Where its log ends was asked once in this life of the primary. */
  located: boolean;
  diverged: boolean;
  change: { action: ChangeAction; answered: boolean; retryAt: number } | null;
  sentCheckpoint: number;
}

export function newProgress(
  node: string,
  allocationId: string,
  inSync: boolean,
  trackedAt: number | null,
): CopyProgress {
  return {
    node,
    allocationId,
    inSync,
    trackedAt,
    phase: 'idle',
    session: 0,
    stream: 0,
    proof: 'log',
    check: { kind: 'none' },
    adding: null,
    audit: null,
    acked: 0,
    stored: 0,
    cursor: 0,
    inFlight: 0,
    inFlightBytes: 0,
    readingLog: false,
    heardAt: 0,
    owing: false,
    failingSince: null,
    failingAt: 0,
    failure: '',
    retryAt: 0,
    retryMs: 0,
    located: false,
    diverged: false,
    change: null,
    sentCheckpoint: 0,
  };
}

/** Acknowledgements wait for it. */
export function isAwaited(copy: CopyProgress): boolean {
  return copy.inSync || copy.trackedAt !== null;
}

/**
 * Copies in sync whose log was not compared yet in this life of the primary. Until then nothing is appended: should this copy have lost entries
 * (a damaged write-ahead log ends early, silently), new ones would get their seqNos and terms.
 */
export function notCompared(copies: Readonly<CopyProgress>[]): string {
  return copies
    .filter((copy) => copy.inSync && !copy.located)
    .map((copy) => copy.node)
    .join(', ');
}
