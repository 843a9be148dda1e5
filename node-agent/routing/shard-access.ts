import type { PointId } from '#model/point-id.ts';
import type { ShardRef } from '../rpc/messages.ts';
import type { Write } from '../shard/operations.ts';
import type {
  Appended,
  Fields,
  ShardHits,
  ShardPoint,
  ShardScroll,
  ShardScrollPage,
  ShardSearch,
  ShardStats,
} from '../shard/shard-host.ts';

/** What a coordinator may ask of a shard on one node, this one or another. */
export interface ShardAccess {
  /** Of the primary only: resolves when every in-sync copy has it on disk. */
  write(shard: ShardRef, writes: Write[], timeoutMs: number): Promise<WriteOutcome>;
  search(shard: ShardRef, search: ShardSearch, timeoutMs: number): Promise<ShardHits>;
  retrieve(shard: ShardRef, ids: PointId[], fields: Fields, timeoutMs: number): Promise<ShardPoint[]>;
  scroll(shard: ShardRef, scroll: ShardScroll, timeoutMs: number): Promise<ShardScrollPage>;
  count(shard: ShardRef, filter: string | null, timeoutMs: number): Promise<number>;
  stats(shard: ShardRef, timeoutMs: number): Promise<ShardStats>;
}

export interface WriteOutcome {
  seqNo: number;
  results: Appended['results'];
}
