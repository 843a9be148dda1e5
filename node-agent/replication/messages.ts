import type { ErrorCode } from '#model/errors.ts';
import type { Position } from '../shard/shard-host.ts';
import type { Chunk } from './recent-entries.ts';

/** What the map says of a shard, as its primary needs it. */
export interface ShardConfig {
  shard: string;
  term: number;
  configVersion: number;
  minInSync: number;
  /** All copies but the primary. */
  copies: { node: string; allocationId: string; inSync: boolean }[];
}

export interface Digest {
  seqNo: number;
  points: number;
  digest: string;
}

/**
 * What happens to a primary. `copy` is an allocationId; `session` is that of the Ready that is answered: answers of an older session are
 * ignored, so a late one does no harm.
 */
export type Step =
  | { type: 'configured'; config: ShardConfig }
  /** On this node's disk, in order. */
  | ({ type: 'appended' } & Chunk)
  /** A client waits until seqNo is on every in-sync copy. */
  | { type: 'awaited'; write: number; seqNo: number }
  /** The client's time is over. */
  | { type: 'givenUp'; write: number }
  | { type: 'located'; copy: string; session: number; located: Located }
  | { type: 'applied'; copy: string; session: number; bytes: number; position: Position }
  | { type: 'refused'; copy: string; session: number; code: ErrorCode; message: string; diverged: boolean }
  | {
      type: 'logRead';
      copy: string;
      session: number;
      from: number;
      read: { entries: Uint8Array; nextSeqNo: number } | null;
    }
  | { type: 'digested'; copy: string; session: number; digest: Digest }
  | { type: 'verified'; copy: string; session: number; equal: boolean }
  /** A full recovery has taken its snapshot: the log above it must stay. */
  | { type: 'exporting'; copy: string; session: number; seqNo: number }
  | { type: 'recovered'; copy: string; session: number }
  | { type: 'tracked'; copy: string; trackedAt: number }
  | { type: 'changeAnswered'; copy: string; action: ChangeAction; answer: ChangeAnswer }
  | { type: 'tick' };

/** Where a copy says that its log ends. */
export interface Located extends Position {
  /** False while an import has begun and not finished. */
  whole: boolean;
  /** Its log still has the entry of seqNo, so that it can be compared. */
  hasLastEntry: boolean;
}

/** allocationIds that acknowledgements wait for beyond the map's word, with the configVersion of the last request to add them. */
export type Tracked = Readonly<Record<string, number>>;

export type ChangeAction = 'add' | 'remove';

/** The operator's word on a change of the in-sync set; `unknown`: it may or may not have been made (no answer). */
export type ChangeAnswer =
  | { result: 'done'; configVersion: number }
  | { result: 'refused'; reason: string }
  | { result: 'unknown'; reason: string };

/** What the shell is to do. Order matters: sends to one copy go out in the order given. */
export type Ready =
  | { type: 'locate'; copy: string; node: string; session: number }
  | {
      type: 'send';
      copy: string;
      node: string;
      session: number;
      stream: number;
      entries: Uint8Array;
      checkpoint: number;
      trimBelow: number;
    }
  | { type: 'readLog'; copy: string; session: number; from: number; maxBytes: number }
  /** Take this primary's digest now. */
  | { type: 'digest'; copy: string; session: number }
  | { type: 'verify'; copy: string; node: string; session: number; stream: number; digest: Digest }
  /** Fill the copy from a snapshot. */
  | { type: 'recover'; copy: string; node: string; session: number }
  /** Note on disk that acknowledgements wait for these copies, though the map may not yet say so. `copy`: answer with a `tracked` step. */
  | { type: 'track'; copy: string | null; tracked: Tracked }
  /** Ask the operator. */
  | { type: 'change'; copy: string; node: string; action: ChangeAction; reason: string; configVersion: number }
  | { type: 'acknowledge'; writes: number[] }
  | { type: 'reject'; writes: number[]; code: ErrorCode; message: string }
  | { type: 'trim'; below: number }
  /** Something that a person must hear of. */
  | { type: 'warn'; copy: string; node: string; message: string };
