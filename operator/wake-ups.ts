import type { Collection, Shard } from '#crds/v1alpha1/index.ts';
import { CLUSTER_LABEL } from './build/common.ts';
import type { Caches, CacheEvents } from './caches.ts';
import type { ChildKind } from './controllers/cluster/children.ts';
import { CORDON_ANNOTATION, DRAIN_ANNOTATION } from './controllers/shard/placement-nodes.ts';
import { deadNodes } from './failover/health.ts';
import type { HealthWatch } from './failover/health-watch.ts';
import { objectKey, splitKey } from './kube/object.ts';
import type { WorkQueue } from './kube/queue.ts';
import { isUnderWay } from './resharding/types.ts';

/** The queues, and what else wants to know of changes. */
export interface Sleepers {
  caches: Caches;
  clusters: WorkQueue;
  collections: WorkQueue;
  shards: WorkQueue;
  maps: WorkQueue;
  /** How long changes gather before they make a map, ms. */
  mapDelayMs: (clusterKey: string) => number;
  health: Pick<HealthWatch, 'look' | 'of'>;
  /** What placement follows from has changed. */
  placementChanged: (namespace: string, cluster: string) => void;
}

/** A cluster's status sums its shards up, and asks the planner: this often is enough while many of them change. */
const SUMMARY_DELAY_MS = 100;

/** Who must look again when something changes: turns events of caches and nodes into keys of queues, and nothing else. */
export class WakeUps implements CacheEvents {
  readonly #sleepers: Sleepers;
  /** Generation of each cluster's spec, and its annotations for placement, as last seen: changes of status wake nobody but the cluster itself. */
  readonly #generations = new Map<string, string>();
  /** Last seen primaryTerm of each shard. */
  readonly #terms = new Map<string, number>();
  /** False until the caches are filled: then everything is looked at anyway. */
  awake = false;

  constructor(sleepers: Sleepers) {
    this.#sleepers = sleepers;
  }

  /** Everything looks once. */
  wakeAll(): void {
    const { caches, collections, shards } = this.#sleepers;
    this.#generations.clear();
    this.onClusters(caches.clusters.all().map(({ metadata }) => objectKey(metadata.namespace, metadata.name)));
    for (const { metadata } of caches.collections.all()) collections.add(objectKey(metadata.namespace, metadata.name));
    for (const { metadata } of caches.shards.all()) shards.add(objectKey(metadata.namespace, metadata.name));
  }

  onClusters = (keys: string[]): void => {
    if (this.awake) keys.forEach((key) => this.#onCluster(key));
  };

  onCollections = (keys: string[]): void => {
    if (this.awake) keys.forEach((key) => this.#onCollection(key));
  };

  onShards = (keys: string[]): void => {
    if (this.awake) keys.forEach((key) => this.#onShard(key));
  };

  onPods = (keys: string[]): void => {
    if (!this.awake) return;
    for (const key of keys) {
      const { namespace, name } = splitKey(key);
      const cluster = this.#sleepers.caches.pods.get(namespace, name)?.cluster ?? name.replace(/-\d+$/, '');
      this.#sleepers.health.look(objectKey(namespace, cluster));
      this.onNode(objectKey(namespace, cluster));
      this.#addMap(objectKey(namespace, cluster));
    }
  };

  onNodes = (): void => {
    if (this.awake) this.wakeAll();
  };

  onChildren = (kind: ChildKind, keys: string[]): void => {
    if (!this.awake) return;
    const { caches, clusters } = this.#sleepers;
    for (const key of keys) {
      const { namespace, name } = splitKey(key);
      const owner = caches.children.get(kind)?.get(namespace, name)?.metadata.labels?.[CLUSTER_LABEL];
      for (const cluster of owner === undefined ? this.#clusterNames(namespace) : [owner]) {
        clusters.add(objectKey(namespace, cluster));
        if (kind === 'Secret') this.#addMap(objectKey(namespace, cluster));
      }
    }
  };

  /** A node said something, or its stream opened or ended. */
  onHeard(clusterKey: string): void {
    if (this.awake) this.#sleepers.health.look(clusterKey);
  }

  /** Nodes are believed otherwise than before: shards that may need another primary come first. */
  onHealth(clusterKey: string): void {
    if (!this.awake) return;
    const { caches, health } = this.#sleepers;
    const { namespace, name } = splitKey(clusterKey);
    const dead = new Set(deadNodes(health.of(clusterKey)));
    const orphaned = caches.shardsOf(namespace, name).filter((shard) => dead.has(shard.status?.primary ?? ''));
    this.#addShards(orphaned);
    this.onNode(clusterKey);
  }

  /** A node of the cluster came, went, is ready or not, or is believed otherwise. */
  onNode(clusterKey: string): void {
    if (!this.awake) return;
    const { namespace, name } = splitKey(clusterKey);
    this.#sleepers.placementChanged(namespace, name);
    this.#sleepers.clusters.add(clusterKey);
    this.#addShards(this.#sleepers.caches.shardsOf(namespace, name));
  }

  /** The planner says something new of these shards. */
  onAdvice(shardKeys: string[]): void {
    if (this.awake) for (const key of shardKeys) this.#sleepers.shards.add(key);
  }

  /** Nodes reported these shards differently, or ask for something. */
  onReports(clusterKey: string, names: string[]): void {
    if (!this.awake) return;
    const { namespace } = splitKey(clusterKey);
    for (const name of names) {
      const shard = this.#sleepers.caches.shards.get(namespace, name);
      if (shard === undefined) continue;
      this.#sleepers.shards.add(objectKey(namespace, name));
      const collection = this.#sleepers.caches.collections.get(namespace, shard.spec.collection);
      if (isUnderWay(collection?.status?.resharding)) {
        this.#sleepers.collections.add(objectKey(namespace, shard.spec.collection));
      }
    }
  }

  #onCluster(key: string): void {
    const { caches, clusters, collections } = this.#sleepers;
    const { namespace, name } = splitKey(key);
    const cluster = caches.clusters.get(namespace, name);
    const { uid, generation: spec, annotations } = cluster?.metadata ?? {};
    const generation = `${uid}/${spec}/${annotations?.[CORDON_ANNOTATION]}/${annotations?.[DRAIN_ANNOTATION]}`;
    const sameSpec = this.#generations.get(key) === generation;
    clusters.add(key, sameSpec ? SUMMARY_DELAY_MS : 0);
    for (const other of caches.clusters.in(namespace)) {
      if (other.spec.host === name) clusters.add(objectKey(namespace, other.metadata.name));
    }
    if (sameSpec) return;
    if (cluster === undefined) this.#generations.delete(key);
    else this.#generations.set(key, generation);
    this.#sleepers.health.look(key);
    this.#addMap(key);
    if (cluster?.spec.host !== undefined) this.#addMap(objectKey(namespace, cluster.spec.host));
    const logical = caches.clusters.in(namespace).filter((other) => other.spec.host === name);
    const names = new Set([name, ...logical.map((other) => other.metadata.name)]);
    for (const { spec, metadata } of caches.collections.in(namespace)) {
      if (names.has(spec.cluster ?? '')) collections.add(objectKey(namespace, metadata.name));
    }
    this.#sleepers.placementChanged(namespace, name);
    this.#addShards(caches.shardsOf(namespace, name));
  }

  #onCollection(key: string): void {
    const { caches, collections } = this.#sleepers;
    const { namespace, name } = splitKey(key);
    collections.add(key);
    const collection = caches.collections.get(namespace, name);
    // Others may wait for the name that this one has or had.
    for (const other of caches.collections.in(namespace)) {
      if (isRefusedForName(other, collection)) collections.add(objectKey(namespace, other.metadata.name));
    }
    for (const cluster of this.#clusterNames(namespace)) this.#addMap(objectKey(namespace, cluster));
  }

  #onShard(key: string): void {
    const { caches, clusters, collections, shards } = this.#sleepers;
    const { namespace, name } = splitKey(key);
    shards.add(key);
    const shard = caches.shards.get(namespace, name);
    const urgent = this.#hasNewPrimary(key, shard);
    for (const cluster of shard === undefined ? this.#clusterNames(namespace) : [shard.spec.cluster]) {
      if (urgent) this.#sleepers.maps.add(objectKey(namespace, cluster));
      else this.#addMap(objectKey(namespace, cluster));
      clusters.add(objectKey(namespace, cluster), SUMMARY_DELAY_MS);
      this.#sleepers.placementChanged(namespace, cluster);
    }
    const owners =
      shard === undefined ? caches.collections.in(namespace).map((one) => one.metadata.name) : [shard.spec.collection];
    for (const owner of owners) collections.add(objectKey(namespace, owner));
  }

  /** Writes wait for the map that names the new primary: it gathers no other changes first. */
  #hasNewPrimary(key: string, shard: Shard | undefined): boolean {
    const before = this.#terms.get(key) ?? 0;
    const term = shard?.status?.primaryTerm ?? 0;
    if (term > 0) this.#terms.set(key, term);
    else this.#terms.delete(key);
    return before > 0 && term > before;
  }

  #clusterNames(namespace: string): string[] {
    return this.#sleepers.caches.clusters.in(namespace).map((cluster) => cluster.metadata.name);
  }

  #addMap(clusterKey: string): void {
    this.#sleepers.maps.add(clusterKey, this.#sleepers.mapDelayMs(clusterKey));
  }

  #addShards(shards: Shard[]): void {
    for (const { metadata } of shards) this.#sleepers.shards.add(objectKey(metadata.namespace, metadata.name));
  }
}

function isRefusedForName(other: Collection, changed: Collection | undefined): boolean {
  const refusal = other.status?.conditions?.find((condition) => condition.type === 'Accepted');
  return refusal?.reason === 'NameTaken' && (changed === undefined || changed.spec.cluster === other.spec.cluster);
}
