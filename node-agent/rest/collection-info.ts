import type { MapCollection } from '#model/cluster-map.ts';
import type { CollectionStats } from '../routing/router.ts';

/** What clients of the dialect parse; our engine has no segments to optimise, so these are its fixed answers. */
export const OPTIMIZER_CONFIG = {
  deleted_threshold: 0.2,
  vacuum_min_vector_number: 1000,
  default_segment_number: 0,
  max_segment_size: null,
  memmap_threshold: null,
  indexing_threshold: 10_000,
  flush_interval_sec: 5,
  max_optimization_threads: null,
  prevent_unoptimized: null,
} as const;

export const WAL_CONFIG = { wal_capacity_mb: 32, wal_segments_ahead: 0, wal_retain_closed: 1 } as const;

/** GET /collections/{name}: the shape that clients parse, filled with what is true here. */
export function collectionInfo(collection: MapCollection, stats: CollectionStats): object {
  const schema: Record<string, object> = {};
  for (const { field, type } of collection.payloadIndexes) schema[field] = { data_type: type, points: stats.points };
  return {
    status: stats.status,
    optimizer_status: 'ok',
    indexed_vectors_count: stats.indexedPoints,
    points_count: stats.points,
    segments_count: stats.shards.length,
    config: {
      params: {
        vectors: { size: collection.dimension, distance: collection.metric },
        shard_number: collection.routing.length || collection.shards.length,
        replication_factor: collection.replicationFactor,
        write_consistency_factor: minInSync(collection),
        on_disk_payload: true,
      },
      hnsw_config: {
        m: collection.hnsw.m,
        ef_construct: collection.hnsw.efConstruction,
        full_scan_threshold: 10_000,
        max_indexing_threads: 0,
        on_disk: false,
      },
      optimizer_config: OPTIMIZER_CONFIG,
      wal_config: WAL_CONFIG,
      quantization_config: null,
    },
    payload_schema: schema,
  };
}

function minInSync(collection: MapCollection): number {
  return Math.max(1, ...collection.shards.map((shard) => shard.minInSync));
}
