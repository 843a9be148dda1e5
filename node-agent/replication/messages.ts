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
  /** Node whose in-sync copy is to become the primary: this one seals itself, and asks for the change when it is drained. */
  handoverTo?: string;
  /** The routing table is about to switch away from this shard: this primary seals itself, for as long as the map says so. */
  sealed?: boolean;
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
  /** An append to this node's disk begins (refusal() was null), and is over: after its `appended` and `awaited`, or without them. */
  | { type: 'appendBegun' }
  | { type: 'appendOver' }
  /** A client wants to read what the primary has, sure that nobody else is primary. Ids of reads are of their own. */
  | { type: 'readAsked'; read: number }
  | { type: 'readGivenUp'; read: number }
  /** The copy knows no newer primary. `round` is that of the Ready that is answered. */
  | { type: 'confirmed'; copy: string; round: number }
  | { type: 'unconfirmed'; copy: string; round: number; code: ErrorCode; message: string }
  /** Time to compare the copies in sync; nothing while a comparison is under way. */
  | { type: 'auditDue' }
  /** `openAudit` is done: the primary's digests are taken at this seqNo, and will come as `auditRead`. */
  | { type: 'auditOpened'; audit: number; seqNo: number }
  /** The primary's digests; null: they could not be taken. */
  | { type: 'auditRead'; audit: number; digests: string[] | null }
  /** A copy's digests; null: none came. */
  | { type: 'audited'; copy: string; session: number; audit: number; digests: string[] | null }
  /** The node is heard of again: whatever waits to be tried again there is tried now. */
  | { type: 'nodeAlive'; node: string }
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
  /** Someone else reads the log from here on (resharding): it stays until then, if it does not grow too large. */
  | { type: 'hold'; reader: string; from: number; until: number }
  | { type: 'tick' };

/** Where a copy says that its log ends. */
export interface Located extends Position {
  /** False while an import has begun and not finished. */
  whole: boolean;
  /** Its log still has the entry of seqNo, so that it can be compared; `term` is that entry's then, else 0. */
  hasLastEntry: boolean;
}

/** allocationIds that acknowledgements wait for beyond the map's word, with the configVersion of the last request to add them. */
export type Tracked = Readonly<Record<string, number>>;

/** `handOver`: of the primary, to a copy that has all of a sealed primary's log. */
export type ChangeAction = 'add' | 'remove' | 'handOver';

/** The operator's word on a change of the in-sync set or of the primary; `unknown`: it may or may not have been made (no answer). */
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
  /** Ask whether it knows a newer primary. Without an answer it is asked again. */
  | { type: 'confirm'; copy: string; node: string; round: number }
  /** Begin to take this primary's digests, and tell at once at which seqNo: until then nothing is sent to the copies that take part. */
  | { type: 'openAudit'; audit: number }
  /** Have the copy take its digests at seqNo, where it is when the message comes in order with the sends. */
  | { type: 'audit'; copy: string; node: string; session: number; stream: number; audit: number; seqNo: number }
  /** These reads may be served now. */
  | { type: 'serveReads'; reads: number[] }
  | { type: 'rejectReads'; reads: number[]; code: ErrorCode; message: string }
  | { type: 'reject'; writes: number[]; code: ErrorCode; message: string }
  | { type: 'trim'; below: number }
  /** This copy lacks what it had in this term: it must not be served, and another copy must become the primary. */
  | { type: 'damaged'; message: string }
  /** Something that a person must hear of. */
  | { type: 'warn'; copy: string; node: string; message: string };
