import { DEFAULT_SETTINGS, type ClusterMap, type MapCollection } from '#model/cluster-map.ts';
import { evenSlots } from '#model/slot.ts';

/** A collection with one copy of each shard on node ring-0. For tests only. */
export function testCollection(name: string, shards: number): MapCollection {
  const slots = evenSlots(shards);
  return {
    name,
    object: name,
    uid: `${name}-uid`,
    cluster: 'ring',
    dimension: 4,
    metric: 'Cosine',
    hnsw: { m: 16, efConstruction: 100, efSearch: 128 },
    payloadIndexes: [],
    textFields: [],
    replicationFactor: 1,
    tableVersion: 1,
    routing: slots.map((range, i) => ({ shard: `${name}-${i}`, slots: range })),
    shards: slots.map((range, i) => ({
      name: `${name}-${i}`,
      uid: `${name}-${i}-uid`,
      collection: name,
      slots: range,
      primaryTerm: 1,
      configVersion: 1,
      minInSync: 1,
      copies: [{ node: 'ring-0', role: 'Primary', inSync: true, allocationId: `${name}-${i}-a` }],
    })),
  };
}

/** A map of one node. For tests only. */
export function testMap(version: number, collections: MapCollection[]): ClusterMap {
  const nodes = [{ name: 'ring-0', address: '127.0.0.1', zone: '' }];
  return { cluster: 'ring', namespace: 'default', clusterUID: 'uid', version, ...DEFAULT_SETTINGS, nodes, collections };
}
