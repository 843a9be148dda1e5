import { describe, expect, test } from '@jest/globals';
import { parseCreate, parseUpdate } from './collection-config.ts';
import { OPTIMIZER_CONFIG, WAL_CONFIG } from './collection-info.ts';
import { parseIndex } from './index-config.ts';

const vectors = { size: 3, distance: 'Cosine' };

describe('parseCreate', () => {
  test('gives the spec of a Collection', () => {
    expect(parseCreate({ vectors })).toEqual({ dimension: 3, metric: 'Cosine' });
    expect(
      parseCreate({
        vectors: { ...vectors, distance: 'Euclid', hnsw_config: { m: 24 } },
        shard_number: 5,
        replication_factor: 3,
        write_consistency_factor: 2,
        hnsw_config: { m: 8, ef_construct: 50 },
      }),
    ).toEqual({
      dimension: 3,
      metric: 'Euclid',
      sharding: { shards: 5 },
      replicationFactor: 3,
      hnsw: { m: 24, efConstruction: 50 },
    });
  });

  test('accepts settings of another engine only where they change nothing', () => {
    const harmless = {
      vectors: { ...vectors, on_disk: false, datatype: 'float32', quantization_config: null, multivector_config: null },
      sharding_method: 'auto',
      on_disk_payload: true,
      optimizers_config: { ...OPTIMIZER_CONFIG },
      wal_config: { ...WAL_CONFIG },
      quantization_config: null,
      sparse_vectors: {},
      strict_mode_config: { enabled: false },
      metadata: null,
    };
    expect(parseCreate(harmless)).toEqual({ dimension: 3, metric: 'Cosine' });
    for (const [field, change] of Object.entries({
      'vectors.on_disk': { vectors: { ...vectors, on_disk: true } },
      'vectors.datatype': { vectors: { ...vectors, datatype: 'uint8' } },
      'vectors.multivector_config': { vectors: { ...vectors, multivector_config: { comparator: 'max_sim' } } },
      'hnsw_config.payload_m': { hnsw_config: { payload_m: 8 } },
      'hnsw_config.on_disk': { hnsw_config: { on_disk: true } },
      'wal_config.wal_capacity_mb': { wal_config: { wal_capacity_mb: 1 } },
      sharding_method: { sharding_method: 'custom' },
      on_disk_payload: { on_disk_payload: false },
      strict_mode_config: { strict_mode_config: { enabled: true } },
      metadata: { metadata: { owner: 'x' } },
    })) {
      const create = (): unknown => parseCreate({ ...harmless, ...change });
      expect(create).toThrow(expect.objectContaining({ code: 'ANN_UNSUPPORTED', field }));
    }
  });
});

test('parseUpdate gives a merge patch, empty when nothing changes', () => {
  expect(parseUpdate({ optimizers_config: {}, params: { on_disk_payload: true } })).toEqual({});
  expect(parseUpdate({ hnsw_config: { m: 32 }, params: { replication_factor: 3 } })).toEqual({
    hnsw: { m: 32 },
    replicationFactor: 3,
  });
  expect(parseUpdate({ vectors: { '': { hnsw_config: { ef_construct: 77 } } } })).toEqual({
    hnsw: { efConstruction: 77 },
  });
  expect(() => parseUpdate({ vectors: { image: {} } })).toThrow(expect.objectContaining({ field: 'vectors.image' }));
});

test('parseIndex knows the short and the long form', () => {
  expect(parseIndex({ field_name: 'a.b[].c', field_schema: 'keyword' })).toEqual({ field: 'a.b[].c', type: 'keyword' });
  const long = { type: 'integer', lookup: true, range: true, on_disk: null };
  expect(parseIndex({ field_name: 'n', field_schema: long })).toEqual({ field: 'n', type: 'integer' });
  expect(() => parseIndex({ field_name: 'n', field_schema: { ...long, lookup: false } })).toThrow(
    expect.objectContaining({ code: 'ANN_UNSUPPORTED', field: 'field_schema.lookup' }),
  );
  expect(() => parseIndex({ field_name: 'n' })).toThrow(expect.objectContaining({ field: 'field_schema' }));
});
