import type { Collection, CollectionStatus, Shard, VectorCluster } from '#crds/v1alpha1/index.ts';
import type { ClusterMap, MapCollection, MapNode, MapShard } from '#model/cluster-map.ts';
import { clientName, isOwnedBy } from '../collections.ts';
import { isTrue } from '../conditions.ts';
import { contentHash } from '../kube/json.ts';
import { mapSettings } from './map-settings.ts';

/** Everything that a cluster map follows from, all of one namespace. */
export interface MapInput {
  /** A cluster with nodes of its own. */
  cluster: VectorCluster;
  nodes: MapNode[];
  /** Shards on this cluster's nodes. */
  shards: Shard[];
  /** Any collections: those with a shard here get in, and those accepted for this cluster or one hosted here. */
  collections: Collection[];
  /** Logical clusters that this one hosts. */
  hosted: string[];
}

/** Content of a map, which its version counts. */
export type MapContent = Omit<ClusterMap, 'version'>;

/** Compiles the map's content; pure, and independent of the order of its input. */
export function compileMap(input: MapInput): MapContent {
  const { cluster, shards, collections } = input;
  const here = new Set([cluster.metadata.name, ...input.hosted]);
  const mapped = collections
    .filter((collection) => collection.metadata.deletionTimestamp === undefined)
    .map((collection) => ({ compiled: compileCollection(collection, cluster, shards), collection }))
    .filter(({ compiled, collection }) => compiled.shards.length > 0 || isAcceptedIn(collection, here))
    .map(({ compiled }) => compiled);
  return {
    cluster: cluster.metadata.name,
    namespace: cluster.metadata.namespace ?? '',
    clusterUID: cluster.metadata.uid ?? '',
    ...mapSettings(cluster),
    nodes: [...input.nodes].sort((a, b) => compare(a.name, b.name)),
    collections: mapped.sort((a, b) => compare(a.object, b.object)),
  };
}

/** Hex SHA-256 of a map's content. */
export function mapHash(content: MapContent): string {
  return contentHash(content);
}

/** A collection that is being created: its name is known before its shards are. */
function isAcceptedIn(collection: Collection, clusters: Set<string>): boolean {
  return clusters.has(collection.spec.cluster ?? '') && isTrue(collection.status?.conditions, 'Accepted');
}

function compileCollection(collection: Collection, cluster: VectorCluster, all: Shard[]): MapCollection {
  const { spec, status, metadata } = collection;
  // A shard whose collection was deleted and made again under the same name belongs to the old one.
  const mine = all.filter((shard) => shard.spec.collection === metadata.name && isOwnedBy(shard, metadata.uid));
  const shards = mine
    .map((shard) => ({ ...compileShard(shard), ...reshardingOf(shard, status, mine) }))
    .sort((a, b) => a.slots.from - b.slots.from || compare(a.name, b.name));
  const known = new Set(shards.map((shard) => shard.name));
  const entries = status?.routing?.entries ?? [];
  const complete = entries.length > 0 && entries.every((entry) => known.has(entry.shard));
  return {
    name: clientName(collection),
    object: metadata.name,
    uid: metadata.uid ?? '',
    cluster: spec.cluster ?? '',
    dimension: spec.dimension,
    metric: spec.metric ?? 'Cosine',
    hnsw: {
      m: spec.hnsw?.m ?? 16,
      efConstruction: spec.hnsw?.efConstruction ?? 100,
      efSearch: spec.hnsw?.efSearch ?? 128,
    },
    payloadIndexes: spec.payloadIndexes ?? [],
    textFields: spec.textFields ?? [],
    replicationFactor: spec.replicationFactor ?? cluster.spec.replicationFactor ?? 2,
    tableVersion: complete ? (status?.routing?.version ?? 0) : 0,
    routing: complete ? [...entries].sort((a, b) => a.slots.from - b.slots.from) : [],
    shards,
  };
}

function compileShard(shard: Shard): MapShard {
  return {
    name: shard.metadata.name,
    uid: shard.metadata.uid ?? '',
    collection: shard.spec.collection,
    slots: shard.spec.slots,
    primaryTerm: shard.status?.primaryTerm ?? 0,
    configVersion: shard.status?.configVersion ?? 0,
    minInSync: shard.spec.minInSync,
    copies: (shard.status?.copies ?? []).map(({ node, role, inSync, allocationId }) => ({
      node,
      role,
      inSync,
      allocationId,
    })),
    ...(shard.status?.handoverTo === undefined ? {} : { handoverTo: shard.status.handoverTo }),
  };
}

/** Old shards are sealed from the switch on, for ever; new ones are filled until they are in the table. */
function reshardingOf(
  { metadata, spec }: Shard,
  { resharding, routing }: CollectionStatus = {},
  all: Shard[],
): Pick<MapShard, 'sources' | 'sealed'> {
  const { name } = metadata;
  if (resharding === undefined || resharding.phase === 'Failed') return {};
  const routed = routing?.entries.some((entry) => entry.shard === name) ?? false;
  if (resharding.sources.includes(name)) {
    return resharding.phase === 'Switching' || !routed ? { sealed: true } : {};
  }
  if (routed || !resharding.targets.includes(name)) return {};
  const sources = all
    .filter((other) => spec.sources?.includes(other.metadata.name))
    .map((other) => ({
      shard: other.metadata.name,
      slots: {
        from: Math.max(spec.slots.from, other.spec.slots.from),
        to: Math.min(spec.slots.to, other.spec.slots.to),
      },
    }))
    .sort((a, b) => a.slots.from - b.slots.from);
  return { sources };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
