import type { WireError } from '#model/errors.ts';
import type { PointId } from '#model/point-id.ts';
import type { Slots } from '#model/slot.ts';
import type { IndexTuning } from './limits.ts';
import type { Write } from './operations.ts';
import type {
  Appended,
  Digest,
  Fields,
  GraphOffer,
  GraphPart,
  ImportBatch,
  ImportFrom,
  ImportState,
  IngestEntries,
  IngestRange,
  OpenCopy,
  OpenResult,
  Position,
  RangeBatch,
  ShardHits,
  ShardPoint,
  ShardScroll,
  ShardScrollPage,
  ShardSearch,
  ShardSettings,
  ShardStats,
} from './shard-host.ts';

/** What crosses between the node's main thread and the shard workers: everything is in this file. */

/** Points with their vectors side by side in one buffer, which is transferred: one object instead of one a point. */
export interface PackedPoints {
  ids: PointId[];
  payloads: (string | null)[];
  /** Numbers of each vector; -1 = no vector. */
  lengths: Int32Array;
  vectors: Float32Array<ArrayBuffer>;
}

export type PackedWrite =
  Exclude<Write, { type: 'upsert' | 'updateVectors' }> | { type: 'upsert' | 'updateVectors'; points: PackedPoints };

/** ShardHits as they cross: a few numbers in a list cost less than a typed array with its buffer. */
export type FoundHits = Omit<ShardHits, 'offsets' | 'scores'> & { offsets: number[]; scores: number[] };

/** Arguments and result of every call. */
export interface Calls {
  open: { args: [options: OpenCopy]; result: OpenResult };
  configure: { args: [shard: string, settings: Partial<ShardSettings>]; result: undefined };
  close: { args: [shard: string]; result: undefined };
  append: { args: [shard: string, term: number, writes: PackedWrite[]]; result: Appended };
  apply: { args: [shard: string, term: number, entries: Uint8Array]; result: Position };
  readLog: {
    args: [shard: string, fromSeqNo: number, maxBytes: number];
    result: { entries: Uint8Array; nextSeqNo: number } | null;
  };
  trimLog: { args: [shard: string, belowSeqNo: number]; result: undefined };
  search: { args: [shard: string, search: ShardSearch]; result: FoundHits };
  retrieve: { args: [shard: string, ids: PointId[], fields: Fields]; result: ShardPoint[] };
  scroll: { args: [shard: string, scroll: ShardScroll]; result: ShardScrollPage };
  count: { args: [shard: string, filter: string | null]; result: number };
  stats: { args: [shard: string]; result: ShardStats };
  beginImport: { args: [shard: string, session: string, from: ImportFrom]; result: undefined };
  resumeImport: { args: [shard: string, session: string, labels: string | undefined]; result: ImportState | null };
  importBatch: { args: [shard: string, session: string, part: ImportBatch]; result: { points: number } };
  offerGraph: { args: [shard: string]; result: GraphOffer | null };
  readGraph: { args: [shard: string, file: string, offset: number, length: number]; result: Uint8Array };
  importGraph: { args: [shard: string, session: string, part: GraphPart]; result: string };
  finishImport: { args: [shard: string, session: string, moment: Position]; result: undefined };
  digest: { args: [shard: string, slots: Slots | null]; result: Digest };
  digestBuckets: { args: [shard: string, buckets: number]; result: { seqNo: number; digests: string[] } };
  readRange: {
    args: [shard: string, slots: Slots | null, afterKey: Uint8Array | null, limit: number];
    result: RangeBatch;
  };
  logTerm: { args: [shard: string, seqNo: number]; result: number | null };
  ingestRange: { args: [shard: string, term: number, range: IngestRange]; result: Appended };
  ingestEntries: { args: [shard: string, term: number, ingest: IngestEntries]; result: Appended };
  shutdown: { args: []; result: undefined };
}

export type Method = keyof Calls;

/** Main thread to worker: all calls of one turn. */
export type Request = { [M in Method]: { id: number; method: M; args: Calls[M]['args'] } }[Method];

export type Reply = { id: number; ok: true; result: unknown } | { id: number; ok: false; error: WireError };

/** Worker to main thread. */
export type WorkerMessage =
  | { type: 'replies'; replies: Reply[] }
  /** A copy found itself damaged: it no longer answers. */
  | { type: 'failed'; shard: string; message: string }
  | { type: 'log'; level: 'info' | 'warn' | 'error'; fields: Record<string, string | number | boolean>; text: string };

/** workerData of a shard worker. */
export interface WorkerStart {
  dataDir: string;
  /** Name of this node, for messages; may be empty. */
  node: string;
  index: number;
  /** Free disk under which writes are refused; by default 256 MiB or 5 % of the disk, whichever is less. */
  diskReserveBytes: number | undefined;
  tuning: Partial<IndexTuning>;
}
