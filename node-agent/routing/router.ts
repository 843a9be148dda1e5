import type { CollectionSpec } from '#crds/v1alpha1/index.ts';
import type { ClusterMap, MapCollection } from '#model/cluster-map.ts';
import type { PointId } from '#model/point-id.ts';
import type { Write } from '../shard/operations.ts';
import type { Fields, ShardPoint } from '../shard/shard-host.ts';

/** What REST and gRPC call: any node coordinates any request. Unknown collections throw ANN_COLLECTION_NOT_FOUND. */
export interface Router {
  map(): ClusterMap;
  collection(name: string): MapCollection;
  /**
   * Splits the writes by shard (order kept within a shard) and resolves when every in-sync copy of each has them on disk. Named ids that must exist
   * (payload and vector updates) are checked on all shards before the first write. On failure the error says which part failed; upserts may be repeated.
   */
  write(collection: string, writes: Write[], options: RequestOptions): Promise<{ seqNo: number }>;
  search(collection: string, queries: SearchQuery[], options: ReadOptions): Promise<Hit[][]>;
  retrieve(collection: string, ids: PointId[], fields: Fields, options: ReadOptions): Promise<ShardPoint[]>;
  scroll(
    collection: string,
    request: ScrollRequest,
    options: ReadOptions,
  ): Promise<{ points: ShardPoint[]; next: PointId | null }>;
  count(collection: string, filter: string | null, options: ReadOptions): Promise<number>;
  stats(collection: string, options: ReadOptions): Promise<CollectionStats>;
}

/** Collections as objects: carried to the Kubernetes API by the operator; resolves when this node's map shows the result (ready to use for create). */
export interface CollectionAdmin {
  create(name: string, spec: Partial<CollectionSpec>, options: RequestOptions): Promise<void>;
  /** A merge patch of the spec. */
  update(name: string, patch: Partial<CollectionSpec>, options: RequestOptions): Promise<void>;
  delete(name: string, options: RequestOptions): Promise<void>;
}

export interface RequestOptions {
  /** Milliseconds from now after which the request fails with ANN_TIMEOUT. */
  timeoutMs: number;
  /** True once nobody waits for the answer: a write that was not sent to its shard yet is dropped then. */
  callerGone?: (() => boolean) | undefined;
}

export interface ReadOptions extends RequestOptions {
  /** one (default): any in-sync copy; primary: the primary; quorum/all: answered by a majority/all of the in-sync copies. */
  consistency: 'one' | 'primary' | 'quorum' | 'all';
}

export interface SearchQuery {
  vector: Float32Array;
  limit: number;
  offset: number;
  ef?: number;
  exact: boolean;
  filter: string | null;
  scoreThreshold?: number;
  fields: Fields;
}

export interface Hit {
  id: PointId;
  score: number;
  /** JSON text, when asked for. */
  payload: string | null;
  vector: Float32Array | null;
}

export interface ScrollRequest {
  from: PointId | null;
  limit: number;
  filter: string | null;
  fields: Fields;
  order?: { field: string; direction: 'asc' | 'desc'; startFrom?: number };
}

export interface CollectionStats {
  points: number;
  indexedPoints: number;
  /** green: every copy of every shard in sync; yellow: readable and writable, some copy missing; red: some shard cannot be served. */
  status: 'green' | 'yellow' | 'red';
  shards: { name: string; points: number; primary: string | null; inSync: number; copies: number }[];
}
