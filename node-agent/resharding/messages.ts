/** What the map says of a feed's source. */
export interface FeedSource {
  /** primaryTerm; 0 while there is no primary to ask. */
  term: number;
  /** The routing table is about to switch away from it: every moment counts. */
  sealed: boolean;
}

/**
 * What happens to a feed. `session` is that of the Ready that is answered: answers of another session are ignored, so a late one does no harm.
 * Keys are packed ids; null = before the first, or behind the last.
 */
export type FeedStep =
  | { type: 'source'; source: FeedSource }
  | { type: 'read'; session: number; read: RangeBatch }
  | { type: 'logRead'; session: number; read: RangeEntries }
  | { type: 'sourceDigested'; session: number; digest: RangeDigest & { seqNo: number } }
  | { type: 'digested'; session: number; digest: RangeDigest }
  /** On every in-sync copy of this shard. */
  | { type: 'ingested'; session: number; points: number }
  /** What was asked for failed; an ingestion may or may not have been done. */
  | { type: 'refused'; session: number; message: string }
  | { type: 'tick' };

export interface RangeBatch {
  batch: Uint8Array;
  lastKey: Uint8Array | null;
  done: boolean;
  /** Moment of the source's log at which the batch is. */
  seqNo: number;
  /** Points wanted in all, about. */
  totalPoints: number;
}

export interface RangeEntries {
  entries: Uint8Array;
  nextSeqNo: number;
  checkpoint: number;
  /** The log no longer reaches back so far. */
  missing: boolean;
}

export interface RangeDigest {
  points: number;
  digest: string;
}

/** What the shell is to do; one thing at a time. Reads go to the source's primary of `term`, which keeps its log from `needFrom` on (0 = from now on). */
export type FeedReady =
  | { type: 'read'; session: number; term: number; needFrom: number; after: Uint8Array | null; limit: number }
  | { type: 'readLog'; session: number; term: number; needFrom: number; from: number; upTo: number; maxBytes: number }
  | { type: 'digestSource'; session: number; term: number; needFrom: number }
  | { type: 'digest'; session: number }
  /** Make the keys above `after` up to `upTo` what the batch has: what is not in it goes. */
  | { type: 'ingestRange'; session: number; after: Uint8Array | null; upTo: Uint8Array | null; batch: Uint8Array }
  /** Log the entries as far as they are about keys through `throughKey` (null = all). */
  | { type: 'ingestEntries'; session: number; entries: Uint8Array; throughKey: Uint8Array | null };

/** A feed as it is reported. */
export interface FeedProgress {
  phase: 'copying' | 'syncing' | 'verifying' | 'ready' | 'failed';
  /** The source's seqNo up to which everything is on every in-sync copy; 0 while copying. */
  seqNo: number;
  /** The source's term in which that was read last. */
  term: number;
  copiedPoints: number;
  totalPoints: number;
  failure: string;
}
