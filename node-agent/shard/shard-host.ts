import type { HnswSpec, PayloadIndex } from '#crds/v1alpha1/index.ts';
import type { Metric } from '#model/cluster-map.ts';
import type { PointId } from '#model/point-id.ts';
import type { Slots } from '#model/slot.ts';
import type { GraphShape } from '../index/graph.ts';
import type { Write } from './operations.ts';

/**
 * The typed client of the shards' worker threads. Every copy on this node lives in exactly one worker; calls for one shard are
 * served in order, reads between writes. A worker's death rejects all its pending calls (ANN_SHARD_UNAVAILABLE) and is reported by onExit.
 * Entries cross as one encoded, checksummed buffer (shard/log-codec.ts), so replication never looks inside.
 */
export interface ShardHost {
  /**
   * Opens the copy's files in `<dataDir>/shards/<uid>/<allocationId>/`. `create` makes an empty copy; without it a missing file is
   * `{ state: 'missing' }`, and a damaged database (integrity, checksum, other uid) is `{ state: 'failed', message }`, never served.
   */
  open(options: OpenCopy): Promise<OpenResult>;
  /** Settings that may change while open (payload indexes, efSearch, text fields). Throws if the copy is not open. */
  configure(shard: string, settings: Partial<ShardSettings>): Promise<void>;
  close(shard: string): Promise<void>;
  /** Closes if open, and deletes the copy's files. */
  destroy(shardUid: string, allocationId: string): Promise<void>;

  /**
   * Primary: resolves selectors, checks, gives seqNos, applies and commits (one group commit for all writes queued in this turn).
   * Resolves when on disk here. `entries` is to be sent to the replicas as it is. A write that fails its checks rejects alone.
   */
  append(shard: string, term: number, writes: Write[]): Promise<Appended>;
  /**
   * Replica: applies entries in order and resolves when on disk. Entries at or below the copy's seqNo with the same term are skipped; a gap rejects
   * with ANN_CONFLICT "expected seqNo N"; a broken checksum rejects with ANN_BAD_REQUEST. Entries with a lower term than the copy's are refused (ANN_STALE_TERM).
   */
  apply(shard: string, term: number, entries: Uint8Array): Promise<Position>;
  /** Log from `fromSeqNo` on, at most about maxBytes (at least one entry); null when the log no longer reaches back that far. */
  readLog(
    shard: string,
    fromSeqNo: number,
    maxBytes: number,
  ): Promise<{ entries: Uint8Array; nextSeqNo: number } | null>;
  /** Forgets log entries below seqNo (never those that the index snapshot or a reader still needs). */
  trimLog(shard: string, belowSeqNo: number): Promise<void>;

  search(shard: string, search: ShardSearch): Promise<ShardHits>;
  retrieve(shard: string, ids: PointId[], fields: Fields): Promise<ShardPoint[]>;
  scroll(shard: string, scroll: ShardScroll): Promise<ShardScrollPage>;
  count(shard: string, filter: string | null): Promise<number>;
  stats(shard: string): Promise<ShardStats>;

  /**
   * Target side of recovery (the source reads with readRange): empties the copy, says durably that it is being filled, and takes batches of this session
   * only. Nothing is served until the import is finished and the log applied to the moment of the last batch.
   */
  beginImport(shard: string, session: string, from: ImportFrom): Promise<void>;
  /**
   * As beginImport, but keeps what an earlier session brought, and tells it; null when the copy is not being filled. `labels`: set that the batches of
   * this session bring; when it is not that of the earlier ones, no labels are taken from now on.
   */
  resumeImport(shard: string, session: string, labels?: string): Promise<ImportState | null>;
  /** Resolves when the batch and the note of it are on disk. A gap before it rejects with ANN_CONFLICT, a broken checksum with ANN_BAD_REQUEST. */
  importBatch(shard: string, session: string, part: ImportBatch): Promise<{ points: number }>;
  /** Source: the file of its graph, as it is about now; null when it has no graph, or none on disk. The file stays for a minute after each read. */
  offerGraph(shard: string): Promise<GraphOffer | null>;
  readGraph(shard: string, file: string, offset: number, length: number): Promise<Uint8Array>;
  /**
   * Target, after the last batch: takes the source's graph in parts, in order, which saves building one. Gives why not (it is left out then), empty
   * when all is well. Finish at the offer's moment or later: the graph may lack points that were deleted since their batch was read.
   */
  importGraph(shard: string, session: string, part: GraphPart): Promise<string>;
  /** All batches are there, the last one read at `moment`: builds the index (seconds to minutes); then the copy takes the log from `ImportFrom.seqNo` on. */
  finishImport(shard: string, session: string, moment: Position): Promise<void>;
  /**
   * Order-independent digest of (id, vector, payload) over all points, or those in some slots, with the seqNo that it holds at. Rows are read
   * and their checksums checked. Writes go on meanwhile. Digests of disjoint sets add up: combineDigests in shard/digest.ts.
   */
  digest(shard: string, slots?: Slots): Promise<Digest>;
  /** Digests of equal parts of the slots, all at one seqNo. Part b holds the slots s with floor(s x buckets / 16384) = b. */
  digestBuckets(shard: string, buckets: number): Promise<{ seqNo: number; digests: string[] }>;

  /**
   * The committed points after a key whose slot is in the range (null = all), in key order, as an export batch; seqNo and term (of that entry, where the
   * log has it) say at which moment. Work a call is bounded: the batch may be empty though there are more; `lastKey` has advanced then.
   */
  readRange(shard: string, slots: Slots | null, afterKey: Uint8Array | null, limit: number): Promise<RangeBatch>;
  /** Term of a log entry; null when the log does not have it. */
  logTerm(shard: string, seqNo: number): Promise<number | null>;
  /**
   * Primary of a shard that is filled from others: makes its points in a key range and slots equal to the batch, by ordinary operations of its own log
   * (nothing is logged when they are equal already). `entries` is to be sent to the replicas, as of append; empty = nothing to send.
   */
  ingestRange(shard: string, term: number, range: IngestRange): Promise<Appended>;
  /** Logs another shard's entries under own seqNos, as far as they are about ids in the slots (and keys through throughKey). */
  ingestEntries(shard: string, term: number, ingest: IngestEntries): Promise<Appended>;

  onExit(listener: (shards: string[], error: Error) => void): void;
  /** Writes index snapshots (bounded time), closes databases, ends the workers. */
  shutdown(): Promise<void>;
}

export interface ShardSettings {
  dimension: number;
  metric: Metric;
  hnsw: Required<HnswSpec>;
  payloadIndexes: PayloadIndex[];
  textFields: string[];
}

export interface OpenCopy {
  shard: string;
  shardUid: string;
  allocationId: string;
  settings: ShardSettings;
  create: boolean;
}

export type OpenResult =
  ({ state: 'open'; created: boolean } & Position) | { state: 'missing' } | { state: 'failed'; message: string };

/** Digest of a set of points at a seqNo. */
export interface Digest {
  seqNo: number;
  points: number;
  digest: string;
}

/** Part of a copy in key order, at a moment of its log. */
export interface RangeBatch extends Position {
  /** Of shard/export-codec.ts, checksummed. */
  batch: Uint8Array;
  /** In the batch. */
  points: number;
  /** Everything after the key asked from through this key is in the batch; the key asked from when there was nothing. */
  lastKey: Uint8Array | null;
  done: boolean;
}

/** Where a recovery begins: the log above `seqNo` is applied after the points. `term`: of that entry. */
export interface ImportFrom extends Position {
  /** Points that the source had then. */
  total: number;
  /** Set of labels that the batches bring and rows keep; absent: the target gives labels of its own. */
  labels?: string;
}

/** How far a recovery has come, as it is on the target's disk. */
export interface ImportState extends ImportFrom {
  /** Moment of the source at which the last batch was read, with the term of that log entry: a source whose log differs there must begin anew. */
  sourceSeqNo: number;
  sourceTerm: number;
  lastKey: Uint8Array | null;
  /** Points taken so far. */
  points: number;
  /** Every batch was taken; the log is missing. */
  complete: boolean;
}

/** A snapshot of a copy's graph, with a moment at which nothing in it was still to come. */
export interface GraphOffer extends Position {
  version: number;
  file: string;
  bytes: number;
  crc32: number;
  points: number;
  shape: GraphShape;
  /** Higher than every label in it. */
  nextLabel: number;
}

export interface GraphPart {
  offer: GraphOffer;
  offset: number;
  data: Uint8Array;
  dataCrc32: number;
}

export interface ImportBatch extends Omit<RangeBatch, 'done' | 'points'> {
  afterKey: Uint8Array | null;
}

/** A batch of readRange: all that the source has in the slots after `afterKey` (null = from the start) through `throughKey` (null = to the end). */
export interface IngestRange {
  slots: Slots;
  afterKey: Uint8Array | null;
  throughKey: Uint8Array | null;
  batch: Uint8Array;
}

export interface IngestEntries {
  slots: Slots;
  /**
   * Leave out ids with a higher key. Operations that build on what is there (setPayload, deletePayload of array elements) come out the same only when
   * each is applied once: while a range scan goes on, apply the log up to the seqNo of the next batch, through the last key ingested, then ingest the batch.
   */
  throughKey?: Uint8Array | null;
  entries: Uint8Array;
}

/** Where a copy's log ends. seqNo 0 = empty. */
export interface Position {
  seqNo: number;
  term: number;
}

export interface Appended {
  firstSeqNo: number;
  lastSeqNo: number;
  entries: Uint8Array;
  /** One a write, in order: the number of points that it touched, or why it was refused (nothing of it was logged). */
  results: ({ ok: true; points: number } | { ok: false; error: { code: string; message: string; field?: string } })[];
}

/** Which parts of a point an answer carries. Paths are dotted payload paths (`a.b`, `a[].b`). */
export interface Fields {
  payload: boolean | { include: string[] } | { exclude: string[] };
  vector: boolean;
}

/** `count` queries with the same parameters. */
export interface ShardSearch {
  /** count x dimension, row-major, not normalised. */
  vectors: Float32Array;
  count: number;
  /** Hits wanted a query, offset included. */
  limit: number;
  /** hnsw_ef; the collection's efSearch when absent. */
  ef?: number;
  exact: boolean;
  filter: string | null;
  /** In the client's sense: at least for Cosine and Dot, at most for Euclid. */
  scoreThreshold?: number;
  fields: Fields;
}

/** Hits of all queries, best first: query q owns hits offsets[q]..offsets[q+1]-1. */
export interface ShardHits {
  offsets: Uint32Array;
  ids: PointId[];
  /** As clients see them: cosine similarity, dot product, Euclidean distance. */
  scores: Float32Array;
  /** JSON texts when fields.payload asked for them. */
  payloads: (string | null)[] | null;
  /** hits x dimension when fields.vector (NaN row = no vector). */
  vectors: Float32Array | null;
}

export interface ShardPoint {
  id: PointId;
  /** JSON text. */
  payload: string | null;
  vector: Float32Array | null;
  /** Value ordered by, when the scroll had an order. */
  orderValue?: number;
}

export interface ShardScroll {
  /** First id to return (ids ascending); ignored with order. */
  from: PointId | null;
  limit: number;
  filter: string | null;
  fields: Fields;
  /** By a numeric or datetime payload field (needs a range index: integer, float or datetime); points without it are left out; a point with several values appears once a value. */
  order?: { field: string; direction: 'asc' | 'desc'; startFrom?: number };
}

export interface ShardScrollPage {
  points: ShardPoint[];
  /** There are more after the last one. */
  more: boolean;
}

export interface ShardStats extends Position {
  points: number;
  indexedPoints: number;
  /** Database, log and index files. */
  bytes: number;
  /** Index memory held by this copy. */
  memoryBytes: number;
  deletedInGraph: number;
  logFromSeqNo: number;
  /** Name of the set of labels that the rows have, for a recovery that brings them along; absent: they must not be. */
  labels?: string;
}
