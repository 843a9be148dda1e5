import type { CollectionSpec, HnswSpec } from '#crds/v1alpha1/index.ts';
import { at, flag, integer, object, oneOf, refuse, required, type Fields } from './read.ts';
import { malformed, unsupported } from './refusals.ts';
import { OPTIMIZER_CONFIG, WAL_CONFIG } from './collection-info.ts';

const CREATE = [
  'vectors',
  'shard_number',
  'sharding_method',
  'replication_factor',
  'write_consistency_factor',
  'on_disk_payload',
  'payload',
  'hnsw_config',
  'wal_config',
  'optimizers_config',
  'quantization_config',
  'sparse_vectors',
  'strict_mode_config',
  'metadata',
];
const VECTORS = [
  'size',
  'distance',
  'hnsw_config',
  'quantization_config',
  'on_disk',
  'memory',
  'datatype',
  'multivector_config',
];
const HNSW = [
  'm',
  'ef_construct',
  'full_scan_threshold',
  'max_indexing_threads',
  'on_disk',
  'memory',
  'payload_m',
  'inline_storage',
];

/** Reads the body of PUT /collections/{name}. Settings that we have no counterpart of are accepted only where they change nothing. */
export function parseCreate(value: unknown): Partial<CollectionSpec> {
  const fields = object(value, '', CREATE);
  refuse(fields, '', ['quantization_config', 'payload']);
  refuseSettings(fields, '');
  if (fields['sharding_method'] != null && fields['sharding_method'] !== 'auto')
    throw unsupported('sharding_method', 'only auto is supported');
  const vectors = parseVectors(required(fields, '', 'vectors'));
  const shards = integer(fields['shard_number'], 'shard_number', 1, 256);
  const copies = integer(fields['replication_factor'], 'replication_factor', 1, 7);
  // A write is acknowledged when every in-sync copy has it, which satisfies any factor.
  integer(fields['write_consistency_factor'], 'write_consistency_factor', 1, 7);
  const hnsw = { ...parseHnsw(fields['hnsw_config'], 'hnsw_config'), ...vectors.hnsw };
  return {
    dimension: vectors.dimension,
    metric: vectors.metric,
    ...(shards === undefined ? {} : { sharding: { shards } }),
    ...(copies === undefined ? {} : { replicationFactor: copies }),
    ...(Object.keys(hnsw).length === 0 ? {} : { hnsw }),
  };
}

function parseVectors(value: unknown): { dimension: number; metric: 'Cosine' | 'Euclid' | 'Dot'; hnsw: HnswSpec } {
  const path = 'vectors';
  if (typeof value === 'object' && value !== null && !('size' in value)) {
    const name = Object.keys(value)[0];
    if (name === undefined)
      throw unsupported(path, 'must give size and distance: collections without vectors are not supported');
    if (!VECTORS.includes(name))
      throw unsupported(at(path, name), 'names a vector; a collection has one unnamed vector');
  }
  const fields = object(value, path, VECTORS);
  refuse(fields, path, ['quantization_config', 'multivector_config']);
  if (fields['datatype'] != null && fields['datatype'] !== 'float32')
    throw unsupported('vectors.datatype', 'only float32 is supported');
  if (flag(fields['on_disk'], 'vectors.on_disk', false))
    throw unsupported('vectors.on_disk', 'is not supported: vectors are searched in memory');
  if (fields['memory'] != null && fields['memory'] !== 'pinned' && fields['memory'] !== 'cached') {
    throw unsupported('vectors.memory', 'is not supported: vectors are searched in memory');
  }
  const dimension = integer(required(fields, path, 'size'), 'vectors.size', 1, 65_535);
  if (dimension === undefined) throw malformed('vectors.size', 'expected a number, got null');
  const distance = oneOf(required(fields, path, 'distance'), 'vectors.distance', [
    'Cosine',
    'Euclid',
    'Dot',
    'Manhattan',
  ]);
  if (distance === 'Manhattan')
    throw unsupported('vectors.distance', 'Manhattan is not supported; use Cosine, Euclid or Dot');
  return { dimension, metric: distance, hnsw: parseHnsw(fields['hnsw_config'], 'vectors.hnsw_config') };
}

function parseHnsw(value: unknown, path: string): HnswSpec {
  if (value === undefined || value === null) return {};
  const fields = object(value, path, HNSW);
  refuse(fields, path, ['full_scan_threshold', 'max_indexing_threads', 'memory', 'payload_m']);
  for (const key of ['on_disk', 'inline_storage']) {
    if (flag(fields[key], at(path, key), false))
      throw unsupported(at(path, key), 'is not supported: the graph is held in memory');
  }
  const m = integer(fields['m'], at(path, 'm'), 2, 128);
  const efConstruction = integer(fields['ef_construct'], at(path, 'ef_construct'), 4, 4096);
  return { ...(m === undefined ? {} : { m }), ...(efConstruction === undefined ? {} : { efConstruction }) };
}

/** Settings of another engine: null, or what collection info reports anyway. */
function refuseSettings(fields: Fields, path: string): void {
  onlyAsReported(fields['optimizers_config'], at(path, 'optimizers_config'), OPTIMIZER_CONFIG);
  onlyAsReported(fields['wal_config'], at(path, 'wal_config'), WAL_CONFIG);
  if (!flag(fields['on_disk_payload'], at(path, 'on_disk_payload'), true)) {
    throw unsupported(at(path, 'on_disk_payload'), 'false is not supported: payloads are stored on disk');
  }
  const sparse = fields['sparse_vectors'];
  if (sparse != null && Object.keys(object(sparse, at(path, 'sparse_vectors'), Object.keys(sparse))).length > 0) {
    throw unsupported(at(path, 'sparse_vectors'));
  }
  const strict = fields['strict_mode_config'];
  if (strict != null && !sameFlag(strict, 'enabled', false)) throw unsupported(at(path, 'strict_mode_config'));
  const metadata = fields['metadata'];
  if (metadata != null && Object.keys(object(metadata, at(path, 'metadata'), Object.keys(metadata))).length > 0) {
    throw unsupported(at(path, 'metadata'));
  }
}

function sameFlag(value: unknown, key: string, expected: boolean): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.entries(value).every(([name, part]) => part == null || (name === key && part === expected))
  );
}

function onlyAsReported(value: unknown, path: string, reported: Readonly<Record<string, unknown>>): void {
  if (value === undefined || value === null) return;
  const fields = object(value, path, Object.keys(reported));
  for (const key in fields) {
    if (fields[key] != null && fields[key] !== reported[key])
      throw unsupported(at(path, key), 'has no counterpart here and cannot be set');
  }
}

/** Reads the body of PATCH /collections/{name}: a merge patch of the spec, empty when nothing changes. */
export function parseUpdate(value: unknown): Partial<CollectionSpec> {
  const fields = object(value, '', [
    'vectors',
    'optimizers_config',
    'params',
    'hnsw_config',
    'quantization_config',
    'sparse_vectors',
    'strict_mode_config',
    'metadata',
  ]);
  if (fields['quantization_config'] !== 'Disabled') refuse(fields, '', ['quantization_config']);
  refuseSettings(fields, '');
  const patch: Partial<CollectionSpec> = {};
  let hnsw = parseHnsw(fields['hnsw_config'], 'hnsw_config');
  if (fields['vectors'] != null) {
    const named = object(fields['vectors'], 'vectors', ['']);
    const inner = object(named[''] ?? {}, 'vectors.""', ['hnsw_config', 'quantization_config', 'on_disk', 'memory']);
    refuse(inner, 'vectors.""', ['quantization_config', 'on_disk', 'memory']);
    hnsw = { ...hnsw, ...parseHnsw(inner['hnsw_config'], 'vectors."".hnsw_config') };
  }
  if (Object.keys(hnsw).length > 0) patch.hnsw = hnsw;
  if (fields['params'] != null) {
    const known = [
      'replication_factor',
      'write_consistency_factor',
      'read_fan_out_factor',
      'read_fan_out_delay_ms',
      'on_disk_payload',
      'payload',
    ];
    const params = object(fields['params'], 'params', known);
    refuse(params, 'params', ['read_fan_out_factor', 'read_fan_out_delay_ms', 'payload']);
    if (!flag(params['on_disk_payload'], 'params.on_disk_payload', true))
      throw unsupported('params.on_disk_payload', 'false is not supported');
    integer(params['write_consistency_factor'], 'params.write_consistency_factor', 1, 7);
    const copies = integer(params['replication_factor'], 'params.replication_factor', 1, 7);
    if (copies !== undefined) patch.replicationFactor = copies;
  }
  return patch;
}
