import type { CollectionSpec, HnswSpec, PayloadIndex, ShardCopy } from '#crds/v1alpha1/index.ts';
import type { Slots } from './slot.ts';

/**
 * Versioned, compiled view by which nodes route. The operator compiles it from the custom resources and pushes it; a node
 * keeps the last one on disk. A map of another clusterUID, or of a lower version, is refused.
 */
export interface ClusterMap {
  cluster: string;
  namespace: string;
  /** metadata.uid of the VectorCluster: a node belongs to one cluster for ever. */
  clusterUID: string;
  /** +1 at every change of content. */
  version: number;
  /** Ed25519 public key of the cluster, base64 of 32 bytes; empty while there is none. Gossip is signed with its private half. */
  publicKey: string;
  membership: MembershipSettings;
  /** Bytes that one node may send for recoveries and resharding together, in MiB/s. */
  throttleMiBPerSecond: number;
  nodes: MapNode[];
  collections: MapCollection[];
}

/** VectorCluster.spec.membership with defaults filled in, in milliseconds. */
export interface MembershipSettings {
  probeIntervalMs: number;
  probeTimeoutMs: number;
  indirectProbes: number;
  suspicionMultiplier: number;
  fanout: number;
}

/** Settings of a cluster whose spec says nothing. */
export const DEFAULT_SETTINGS: Pick<ClusterMap, 'publicKey' | 'membership' | 'throttleMiBPerSecond'> = {
  publicKey: '',
  membership: {
    probeIntervalMs: 1_000,
    probeTimeoutMs: 500,
    indirectProbes: 3,
    suspicionMultiplier: 2,
    fanout: 3,
  },
  throttleMiBPerSecond: 100,
};

/** A data pod. */
export interface MapNode {
  /** Pod name, `<cluster>-<ordinal>`. */
  name: string;
  /** IP or DNS name without port; empty while the pod has none. */
  address: string;
  zone: string;
}

/** A collection with its routing table and its shards. */
export interface MapCollection {
  /** Name as clients say it. */
  name: string;
  /** metadata.name of the Collection. */
  object: string;
  uid: string;
  /** VectorCluster named by the Collection: this one, or a Logical one hosted here; empty when unassigned. */
  cluster: string;
  dimension: number;
  metric: Metric;
  hnsw: Required<HnswSpec>;
  payloadIndexes: PayloadIndex[];
  textFields: string[];
  replicationFactor: number;
  /** Version of the routing table; 0 while there is none (the collection is being created). */
  tableVersion: number;
  /** Covers 0..16383 without gap or overlap when tableVersion > 0. Sorted by slots.from. */
  routing: { shard: string; slots: Slots }[];
  /** Every Shard of the collection, in the routing table or not (yet). */
  shards: MapShard[];
}

export type Metric = NonNullable<CollectionSpec['metric']>;

/** A shard and its copies, as in Shard.status. */
export interface MapShard {
  /** metadata.name of the Shard. */
  name: string;
  /** metadata.uid: data of another uid is never served under this name. */
  uid: string;
  collection: string;
  slots: Slots;
  /** 0 until every first copy was reported as created; then >= 1. */
  primaryTerm: number;
  configVersion: number;
  minInSync: number;
  copies: MapCopy[];
  /** Node whose in-sync copy is to become the primary: the present primary seals itself and says when it is drained. */
  handoverTo?: string;
  /** Set while the shard is not in the routing table yet: the shards, and their slots, that it is filled from. */
  sources?: { shard: string; slots: Slots }[];
  /** The routing table is about to switch away from this shard: its primary seals itself and says when it is drained. */
  sealed?: true;
}

export type MapCopy = Pick<ShardCopy, 'node' | 'role' | 'inSync' | 'allocationId'>;

/** The shard's primary copy, if it has one. */
export function primaryOf(shard: MapShard): MapCopy | undefined {
  return shard.copies.find((copy) => copy.role === 'Primary');
}

/** Copies that may answer reads and be promoted. */
export function inSyncCopies(shard: MapShard): MapCopy[] {
  return shard.copies.filter((copy) => copy.inSync);
}

/** Shard that owns a slot by the routing table; undefined while the collection has none. */
export function shardForSlot(collection: MapCollection, slot: number): string | undefined {
  let low = 0;
  let high = collection.routing.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const entry = collection.routing[middle]!;
    if (slot < entry.slots.from) high = middle - 1;
    else if (slot > entry.slots.to) low = middle + 1;
    else return entry.shard;
  }
  return undefined;
}

/** True when the routing table leads to the shard: before that it is filled, after that it is about to be removed. */
export function isRouted(collection: MapCollection, { name, slots }: Pick<MapShard, 'name' | 'slots'>): boolean {
  return shardForSlot(collection, slots.from) === name;
}
