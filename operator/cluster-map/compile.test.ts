import { describe, expect, test } from '@jest/globals';
import type { Collection, Shard } from '#crds/v1alpha1/index.ts';
import { makeCluster, makeCollection, makeShard, withStatus } from '../testing/fixtures.ts';
import { compileMap, mapHash, type MapInput } from './compile.ts';

const nodes = [
  { name: 'ring-1', address: '10.0.0.2', zone: 'b' },
  { name: 'ring-0', address: '', zone: 'a' },
];
const shards: Shard[] = [
  makeShard({ index: 1, slots: { from: 8192, to: 16_383 } }, { primaryTerm: 1, configVersion: 2 }),
  makeShard(
    { index: 0, slots: { from: 0, to: 8191 } },
    {
      primaryTerm: 3,
      configVersion: 7,
      points: 5,
      copies: [{ node: 'ring-0', role: 'Primary', inSync: true, allocationId: 'x', seqNo: 9, bytes: 8 }],
    },
  ),
];
const entries = shards.map((shard) => ({ shard: shard.metadata.name, slots: shard.spec.slots }));
const words = withStatus(makeCollection({ name: 'Words', payloadIndexes: [{ field: 'f', type: 'keyword' }] }), {
  routing: { version: 4, entries },
});
const input = (change: Partial<MapInput> = {}): MapInput => ({
  cluster: makeCluster(),
  nodes,
  shards,
  collections: [words],
  hosted: [],
  ...change,
});
const accepted = (collection: Collection): Collection =>
  withStatus(collection, {
    conditions: [
      { type: 'Accepted', status: 'True', reason: 'Accepted', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' },
    ],
  });

describe('the cluster map', () => {
  test('has everything that nodes route by, sorted', () => {
    const map = compileMap(input());
    expect(map).toMatchObject({ cluster: 'ring', namespace: 'test', clusterUID: 'uid-ring' });
    expect(map.nodes.map((node) => node.name)).toEqual(['ring-0', 'ring-1']);
    expect(map.collections).toMatchObject([
      {
        name: 'Words',
        object: 'words',
        uid: 'uid-words',
        dimension: 4,
        metric: 'Cosine',
        hnsw: { m: 16, efConstruction: 100, efSearch: 128 },
        payloadIndexes: [{ field: 'f', type: 'keyword' }],
        replicationFactor: 2,
        tableVersion: 4,
        routing: [{ shard: 'words-0' }, { shard: 'words-1' }],
      },
    ]);
    expect(map.collections[0]!.shards[0]).toEqual({
      name: 'words-0',
      uid: 'uid-words-0',
      collection: 'words',
      slots: { from: 0, to: 8191 },
      primaryTerm: 3,
      configVersion: 7,
      minInSync: 1,
      copies: [{ node: 'ring-0', role: 'Primary', inSync: true, allocationId: 'x' }],
    });
  });

  test('does not change with the order of its input nor with counters', () => {
    const hash = mapHash(compileMap(input()));
    const busy = withStatus(shards[1]!, {
      ...shards[1]!.status,
      points: 99,
      copies: [{ ...shards[1]!.status!.copies![0]!, seqNo: 50 }],
    });
    expect(mapHash(compileMap(input({ shards: [busy, shards[0]!], nodes: nodes.toReversed() })))).toBe(hash);
    const moved = withStatus(shards[1]!, { ...shards[1]!.status, configVersion: 8 });
    expect(mapHash(compileMap(input({ shards: [moved, shards[0]!] })))).not.toBe(hash);
  });

  test('has no table while a shard of it is missing', () => {
    expect(compileMap(input({ shards: [shards[0]!] })).collections[0]).toMatchObject({ tableVersion: 0, routing: [] });
  });

  test('keeps a former collection of the same name apart', () => {
    const former = structuredClone(shards);
    for (const shard of former) shard.metadata.ownerReferences![0]!.uid = 'uid-of-the-former';
    expect(compileMap(input({ shards: former, collections: [accepted(makeCollection())] })).collections).toMatchObject([
      { shards: [] },
    ]);
  });

  test('knows a collection that is being created, but none that is refused, elsewhere or being deleted', () => {
    const names = (collection: Collection, hosted: string[] = []): string[] =>
      compileMap(input({ shards: [], collections: [collection], hosted })).collections.map((one) => one.name);
    expect(names(accepted(makeCollection()))).toEqual(['words']);
    expect(names(makeCollection())).toEqual([]);
    expect(names(accepted(makeCollection({ cluster: 'other' })))).toEqual([]);
    expect(names(accepted(makeCollection({ cluster: 'other' })), ['other'])).toEqual(['words']);
    const leaving = accepted(makeCollection());
    leaving.metadata.deletionTimestamp = '2026-01-01T00:00:00Z';
    expect(names(leaving)).toEqual([]);
  });

  test('keeps a collection whose cluster is gone while its shards are here', () => {
    const orphan = withStatus(makeCollection({ cluster: undefined }), words.status);
    expect(compileMap(input({ collections: [orphan] })).collections).toMatchObject([{ cluster: '', tableVersion: 4 }]);
  });
});
