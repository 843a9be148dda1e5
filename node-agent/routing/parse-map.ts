import {
  DEFAULT_SETTINGS,
  type ClusterMap,
  type MapCollection,
  type MapCopy,
  type MapNode,
  type MapShard,
} from '#model/cluster-map.ts';
import { SLOTS, type Slots } from '#model/slot.ts';

type Json = Record<string, unknown>;

/** Parses a cluster map's JSON text; throws an Error that names the first wrong field. Unknown fields (of a newer operator) are dropped. */
export function parseClusterMap(text: string): ClusterMap {
  const map = object(JSON.parse(text), 'map');
  return {
    cluster: string(map, 'cluster', 'map'),
    namespace: string(map, 'namespace', 'map'),
    clusterUID: string(map, 'clusterUID', 'map'),
    version: integer(map, 'version', 'map'),
    ...parseSettings(map),
    nodes: list(map, 'nodes', 'map', parseNode),
    collections: list(map, 'collections', 'map', parseCollection),
  };
}

/** A map kept on disk by an older node has none of these. */
function parseSettings(map: Json): Pick<ClusterMap, 'publicKey' | 'membership' | 'throttleMiBPerSecond'> {
  if (map['membership'] === undefined) return DEFAULT_SETTINGS;
  const membership = object(map['membership'], 'map.membership');
  const number = (key: string): number => integer(membership, key, 'map.membership');
  return {
    publicKey: string(map, 'publicKey', 'map'),
    membership: {
      probeIntervalMs: number('probeIntervalMs'),
      probeTimeoutMs: number('probeTimeoutMs'),
      indirectProbes: number('indirectProbes'),
      suspicionMultiplier: number('suspicionMultiplier'),
      fanout: number('fanout'),
    },
    throttleMiBPerSecond: integer(map, 'throttleMiBPerSecond', 'map'),
  };
}

function parseNode(node: Json, at: string): MapNode {
  return { name: string(node, 'name', at), address: string(node, 'address', at), zone: string(node, 'zone', at) };
}

function parseCollection(value: Json, at: string): MapCollection {
  const hnsw = object(value['hnsw'], `${at}.hnsw`);
  const collection: MapCollection = {
    name: string(value, 'name', at),
    object: string(value, 'object', at),
    uid: string(value, 'uid', at),
    cluster: string(value, 'cluster', at),
    dimension: integer(value, 'dimension', at),
    metric: oneOf(value, 'metric', at, ['Cosine', 'Euclid', 'Dot'] as const),
    hnsw: {
      m: integer(hnsw, 'm', `${at}.hnsw`),
      efConstruction: integer(hnsw, 'efConstruction', `${at}.hnsw`),
      efSearch: integer(hnsw, 'efSearch', `${at}.hnsw`),
    },
    payloadIndexes: list(value, 'payloadIndexes', at, (index, path) => ({
      field: string(index, 'field', path),
      type: oneOf(index, 'type', path, ['keyword', 'integer', 'float', 'bool', 'datetime', 'uuid', 'text'] as const),
    })),
    textFields: strings(value, 'textFields', at),
    replicationFactor: integer(value, 'replicationFactor', at),
    tableVersion: integer(value, 'tableVersion', at),
    routing: list(value, 'routing', at, (entry, path) => ({
      shard: string(entry, 'shard', path),
      slots: parseSlots(entry, path),
    })),
    shards: list(value, 'shards', at, parseShard),
  };
  if (collection.tableVersion > 0) checkRouting(collection, at);
  return collection;
}

/** Every slot has one owner, and the owner is in the map. */
function checkRouting(collection: MapCollection, at: string): void {
  let next = 0;
  for (const { shard, slots } of collection.routing) {
    if (slots.from !== next || slots.to < slots.from) throw new Error(`${at}.routing: slot ${next} has no one owner`);
    if (!collection.shards.some((known) => known.name === shard)) throw new Error(`${at}.routing: no shard ${shard}`);
    next = slots.to + 1;
  }
  if (next !== SLOTS) throw new Error(`${at}.routing: slot ${next} has no owner`);
}

function parseShard(value: Json, at: string): MapShard {
  const shard: MapShard = {
    name: string(value, 'name', at),
    uid: string(value, 'uid', at),
    collection: string(value, 'collection', at),
    slots: parseSlots(value, at),
    primaryTerm: integer(value, 'primaryTerm', at),
    configVersion: integer(value, 'configVersion', at),
    minInSync: integer(value, 'minInSync', at),
    copies: list(value, 'copies', at, parseCopy),
    ...(value['handoverTo'] === undefined ? {} : { handoverTo: string(value, 'handoverTo', at) }),
    ...(value['sealed'] === true ? { sealed: true as const } : {}),
    ...(value['sources'] === undefined ? {} : { sources: list(value, 'sources', at, parseSource) }),
  };
  const primaries = shard.copies.filter((copy) => copy.role === 'Primary').length;
  if (primaries > 1) throw new Error(`${at}.copies: ${primaries} primaries`);
  return shard;
}

function parseSource(value: Json, at: string): NonNullable<MapShard['sources']>[number] {
  return { shard: string(value, 'shard', at), slots: parseSlots(value, at) };
}

function parseCopy(value: Json, at: string): MapCopy {
  const inSync = value['inSync'];
  if (typeof inSync !== 'boolean') throw new Error(`${at}.inSync is not a boolean`);
  return {
    node: string(value, 'node', at),
    role: oneOf(value, 'role', at, ['Primary', 'Replica', 'Joining'] as const),
    inSync,
    allocationId: string(value, 'allocationId', at),
  };
}

function parseSlots(value: Json, at: string): Slots {
  const slots = object(value['slots'], `${at}.slots`);
  return { from: integer(slots, 'from', `${at}.slots`), to: integer(slots, 'to', `${at}.slots`) };
}

function object(value: unknown, at: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`${at} is not an object`);
  return value as Json;
}

function string(value: Json, key: string, at: string): string {
  const field = value[key];
  if (typeof field !== 'string') throw new Error(`${at}.${key} is not a string`);
  return field;
}

function integer(value: Json, key: string, at: string): number {
  const field = value[key];
  if (typeof field !== 'number' || !Number.isSafeInteger(field) || field < 0) {
    throw new Error(`${at}.${key} is not a whole number`);
  }
  return field;
}

function oneOf<T extends string>(value: Json, key: string, at: string, allowed: readonly T[]): T {
  const field = value[key];
  const found = allowed.find((candidate) => candidate === field);
  if (found === undefined) throw new Error(`${at}.${key} is none of ${allowed.join(', ')}`);
  return found;
}

function list<T>(value: Json, key: string, at: string, parse: (item: Json, at: string) => T): T[] {
  const field = value[key];
  if (!Array.isArray(field)) throw new Error(`${at}.${key} is not a list`);
  return field.map((item, i) => parse(object(item, `${at}.${key}[${i}]`), `${at}.${key}[${i}]`));
}

function strings(value: Json, key: string, at: string): string[] {
  const field = value[key];
  if (!Array.isArray(field) || !field.every((item) => typeof item === 'string')) {
    throw new Error(`${at}.${key} is not a list of strings`);
  }
  return field;
}
