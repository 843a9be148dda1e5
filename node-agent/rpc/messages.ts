/** Shapes of proto/node.proto as the protobuf library gives them: every plain field is present, bytes are Buffers. */

export interface ShardRef {
  name: string;
  uid: string;
  /** In reads: only the primary may answer, once its copies have confirmed that it still is the primary. */
  primary?: boolean;
}

export interface FieldsMessage {
  payload: number;
  paths: string[];
  vector: boolean;
}

export interface PointColumns {
  ids: Uint8Array;
  vectors: Uint8Array;
  payloads: string[];
  orderValues: number[];
}

export interface WriteOperationMessage {
  type: string;
  points?: PointColumns | null;
  ids?: Uint8Array;
  filter?: string;
  payload: string;
  key: string;
  keys: string[];
}

export interface WireErrorMessage {
  code: string;
  message: string;
  field: string;
}

export interface WriteMessage {
  shard: ShardRef;
  writes: WriteOperationMessage[];
}

export interface WrittenMessage {
  seqNo: number;
  results: { points: number; error?: WireErrorMessage | null }[];
}

export interface SearchMessage {
  shard: ShardRef;
  vectors: Uint8Array;
  count: number;
  limit: number;
  /** 0 = the collection's. */
  ef: number;
  exact: boolean;
  /** Empty = none. */
  filter: string;
  scoreThreshold?: number;
  fields: FieldsMessage;
}

export interface HitsMessage {
  offsets: Uint8Array;
  ids: Uint8Array;
  scores: Uint8Array;
  hasPayloads: boolean;
  payloads: string[];
  hasVectors: boolean;
  vectors: Uint8Array;
}

export interface ScrollMessage {
  shard: ShardRef;
  from: Uint8Array;
  limit: number;
  filter: string;
  fields: FieldsMessage;
  order?: { field: string; descending: boolean; startFrom?: number } | null;
}

export interface ShardStatsMessage {
  seqNo: number;
  term: number;
  points: number;
  indexedPoints: number;
  bytes: number;
  memoryBytes: number;
  deletedInGraph: number;
  logFromSeqNo: number;
}

export interface CopyRef {
  shard: ShardRef;
  allocationId: string;
  /** The sender's primaryTerm. */
  term: number;
  /** Set by locate and importBegin; other messages of another stream than the last are refused. */
  stream: number;
}

export interface ReplicateMessage {
  copy: CopyRef;
  entries: Uint8Array;
  checkpoint: number;
  trimBelow: number;
}

export interface PositionMessage {
  seqNo: number;
  term: number;
}

export interface LocatedMessage extends PositionMessage {
  whole: boolean;
  hasLastEntry: boolean;
}

export interface VerifyMessage {
  copy: CopyRef;
  seqNo: number;
  points: number;
  digest: string;
}

export interface VerifiedMessage {
  equal: boolean;
  seqNo: number;
  points: number;
  digest: string;
}

export interface ImportFromMessage {
  seqNo: number;
  entryTerm: number;
  totalPoints: number;
  /** Empty = none. */
  labels: string;
}

export interface ImportHalfMessage {
  from: ImportFromMessage;
  sourceSeqNo: number;
  sourceTerm: number;
  /** Empty = none. */
  lastKey: Uint8Array;
  points: number;
  complete: boolean;
}

export interface ImportBatchMessage {
  copy: CopyRef;
  session: string;
  batch: Uint8Array;
  afterKey: Uint8Array;
  lastKey: Uint8Array;
  seqNo: number;
  entryTerm: number;
}

export interface ImportGraphMessage {
  copy: CopyRef;
  session: string;
  /** JSON of a GraphOffer. */
  offer: string;
  offset: number;
  data: Uint8Array;
  dataCrc32: number;
}

export interface ImportFinishMessage {
  copy: CopyRef;
  session: string;
  seqNo: number;
  entryTerm: number;
}

/** A slot range of an old shard, as the primary of a new one reads it. */
export interface RangeSourceMessage {
  shard: ShardRef;
  term: number;
  fromSlot: number;
  toSlot: number;
  reader: string;
  needFrom: number;
}

export interface RangeBatchMessage {
  batch: Uint8Array;
  lastKey: Uint8Array;
  done: boolean;
  seqNo: number;
  points: number;
}

export interface RangeEntriesMessage {
  entries: Uint8Array;
  nextSeqNo: number;
  checkpoint: number;
  missing: boolean;
}

/** Body of a request by its kind (the name of its field in the oneof). */
export interface PeerRequests {
  getMap: Record<string, never>;
  write: WriteMessage;
  search: SearchMessage;
  retrieve: { shard: ShardRef; ids: Uint8Array; fields: FieldsMessage };
  scroll: ScrollMessage;
  count: { shard: ShardRef; filter: string };
  stats: { shard: ShardRef };
  replicate: ReplicateMessage;
  locate: { copy: CopyRef };
  verify: VerifyMessage;
  confirm: { copy: CopyRef };
  audit: { copy: CopyRef; seqNo: number; buckets: number };
  importBegin: { copy: CopyRef; session: string; from?: ImportFromMessage | null; labels: string };
  importBatch: ImportBatchMessage;
  importGraph: ImportGraphMessage;
  importFinish: ImportFinishMessage;
  rangeRead: { source: RangeSourceMessage; after: Uint8Array; limit: number };
  rangeLog: { source: RangeSourceMessage; from: number; upTo: number; maxBytes: number };
  rangeDigest: { source: RangeSourceMessage };
}

/** Body of the reply by the kind of its request. */
export interface PeerReplies {
  getMap: { json: Uint8Array };
  write: WrittenMessage;
  search: HitsMessage;
  retrieve: { points: PointColumns };
  scroll: { points: PointColumns; more: boolean };
  count: { count: number };
  stats: ShardStatsMessage;
  replicate: PositionMessage;
  locate: LocatedMessage;
  verify: VerifiedMessage;
  confirm: Record<string, never>;
  audit: { seqNo: number; digests: string[] };
  importBegin: { half?: ImportHalfMessage | null };
  importBatch: Record<string, never>;
  importGraph: { refused: string };
  importFinish: Record<string, never>;
  rangeRead: RangeBatchMessage;
  rangeLog: RangeEntriesMessage;
  rangeDigest: { seqNo: number; points: number; digest: string };
}

export type RequestKind = keyof PeerRequests;

/** One handler a kind; what it throws travels back as a wire error. `timeoutMs`: how long the caller still waits. */
export type PeerHandlers = {
  [K in RequestKind]: (body: PeerRequests[K], timeoutMs: number) => Promise<PeerReplies[K]>;
};

/** A framed request; `body` names the field that is set. */
export interface RequestFrame {
  id: number;
  timeoutMs: number;
  body?: RequestKind;
  [kind: string]: unknown;
}

export interface ReplyFrame {
  id: number;
  body?: RequestKind | 'error';
  error?: WireErrorMessage;
  [kind: string]: unknown;
}

export interface RequestsMessage {
  mapVersion: number;
  requests: RequestFrame[];
}

export interface RepliesMessage {
  mapVersion: number;
  replies: ReplyFrame[];
}
