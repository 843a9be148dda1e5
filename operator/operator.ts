import type { Logger } from 'pino';
import type { Collection, Shard } from '#crds/v1alpha1/index.ts';
import { CLUSTER_LABEL, type BuildConfig } from './build/common.ts';
import { Caches } from './caches.ts';
import { MapPublisher } from './cluster-map/publisher.ts';
import { CollectionRequests } from './control/collection-requests.ts';
import { ControlHub } from './control/hub.ts';
import { ClusterController } from './controllers/cluster/cluster.controller.ts';
import { CollectionController } from './controllers/collection/collection.controller.ts';
import { createController } from './controllers/controller.ts';
import { AdviceSource } from './controllers/shard/advice-source.ts';
import { ShardController } from './controllers/shard/shard.controller.ts';
import type { KubeApi } from './kube/api.ts';
import { EventRecorder } from './kube/events.ts';
import { Expectations } from './kube/expectations.ts';
import { objectKey, splitKey } from './kube/object.ts';
import type { WorkQueue } from './kube/queue.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import type { OperatorContext } from './operator-context.ts';

export interface OperatorOptions {
  api: KubeApi;
  /** '' for all namespaces. */
  namespace: string;
  /** Unique name of this process, told to nodes and in events. */
  identity: string;
  version: string;
  config: BuildConfig;
  /** True when the API server serves PodMonitor. */
  podMonitors: boolean;
  log: Logger;
  metrics?: Metrics;
}

const SHARD_WORKERS = 8;
const SYNC_POLL_MS = 20;
/** Changes that come together make one map. */
const MAP_DELAY_MS = 10;

/** The control plane of one API server: caches, controllers and control streams, wired. */
export class Operator {
  readonly metrics: Metrics;
  readonly #caches: Caches;
  readonly #hub: ControlHub;
  readonly #clusters: WorkQueue;
  readonly #collections: WorkQueue;
  readonly #shards: WorkQueue;
  readonly #maps: WorkQueue;
  #stopped = false;
  #running = false;

  constructor(options: OperatorOptions) {
    const { api, log, namespace, podMonitors } = options;
    this.metrics = options.metrics ?? createMetrics();
    this.#caches = new Caches(
      api,
      namespace,
      {
        onClusters: (keys) => keys.forEach((key) => this.#onCluster(key)),
        onCollections: (keys) => keys.forEach((key) => this.#onCollection(key)),
        onShards: (keys) => keys.forEach((key) => this.#onShard(key)),
        onPods: (keys) => keys.forEach((key) => this.#onPod(key)),
        onNodes: () => this.#enqueueAll(),
        onChildren: (kind, keys) => keys.forEach((key) => this.#onChild(kind, key)),
      },
      log,
      podMonitors,
    );
    const requests = new CollectionRequests(api, this.#caches.collections);
    this.#hub = new ControlHub(
      { operator: options.identity, version: options.version },
      {
        onNodeChanged: (key) => this.#onNodeChanged(key),
        onShardsChanged: (key, shards) => this.#onShardsReported(key, shards),
        onCollectionRequest: (key, request) => requests.handle(key, request),
      },
      log,
    );
    const context: OperatorContext = {
      api,
      caches: this.#caches,
      hub: this.#hub,
      events: new EventRecorder(api, log, options.identity),
      expectations: new Expectations(),
      metrics: this.metrics,
      config: options.config,
      podMonitors,
      log,
      startedAt: Date.now(),
    };
    const advice = new AdviceSource(context);
    const make = (name: string, workers: number, reconcile: MapPublisher['reconcile']): WorkQueue =>
      createController({ name, workers, reconcile, metrics: this.metrics, log });
    this.#clusters = make('cluster', 2, new ClusterController(context, advice).reconcile);
    this.#collections = make('collection', 2, new CollectionController(context).reconcile);
    this.#shards = make('shard', SHARD_WORKERS, new ShardController(context, advice).reconcile);
    this.#maps = make('map', 2, new MapPublisher(context).reconcile);
    this.metrics.sample(() => ({
      queues: {
        cluster: this.#clusters.depth,
        collection: this.#collections.depth,
        shard: this.#shards.depth,
        map: this.#maps.depth,
      },
      reflectorAges: Object.fromEntries(this.#caches.all.map((reflector) => [reflector.kind, reflector.ageMs])),
      nodesConnected: this.#hub.connected,
    }));
  }

  /** True while the caches are filled and work goes on. */
  get ready(): boolean {
    return this.#running && this.#caches.synced;
  }

  /** Fills the caches, then works until stopped. Resolves when the caches are filled. */
  async start(): Promise<void> {
    this.#caches.start();
    while (!this.#caches.synced && !this.#stopped) await new Promise((resolve) => setTimeout(resolve, SYNC_POLL_MS));
    this.#running = true;
    this.#enqueueAll();
  }

  /** Ends the work under way, then lets go of nodes and API. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#running = false;
    await Promise.all([this.#clusters, this.#collections, this.#shards, this.#maps].map((queue) => queue.stop()));
    this.#hub.close();
    this.#caches.stop();
  }

  #enqueueAll(): void {
    if (!this.#running) return;
    for (const { metadata } of this.#caches.clusters.all())
      this.#onCluster(objectKey(metadata.namespace, metadata.name));
    for (const { metadata } of this.#caches.collections.all())
      this.#collections.add(objectKey(metadata.namespace, metadata.name));
    for (const { metadata } of this.#caches.shards.all())
      this.#shards.add(objectKey(metadata.namespace, metadata.name));
  }

  /** A cluster's change may matter to everything that names it. */
  #onCluster(key: string): void {
    if (!this.#running) return;
    const { namespace, name } = splitKey(key);
    this.#clusters.add(key);
    this.#maps.add(key, MAP_DELAY_MS);
    for (const other of this.#caches.clusters.in(namespace)) {
      if (other.spec.host === name) this.#clusters.add(objectKey(namespace, other.metadata.name));
    }
    for (const { spec, metadata } of this.#caches.collections.in(namespace)) {
      if (spec.cluster === name) this.#collections.add(objectKey(namespace, metadata.name));
    }
    this.#addShards(this.#caches.shardsOf(namespace, name));
  }

  #onCollection(key: string): void {
    if (!this.#running) return;
    const { namespace, name } = splitKey(key);
    this.#collections.add(key);
    const collection = this.#caches.collections.get(namespace, name);
    // Others may wait for the name that this one has or had.
    for (const other of this.#caches.collections.in(namespace)) {
      if (isRefusedForName(other, collection)) this.#collections.add(objectKey(namespace, other.metadata.name));
    }
    for (const cluster of this.#caches.clusters.in(namespace))
      this.#maps.add(objectKey(namespace, cluster.metadata.name), MAP_DELAY_MS);
  }

  #onShard(key: string): void {
    if (!this.#running) return;
    const { namespace, name } = splitKey(key);
    this.#shards.add(key);
    const shard = this.#caches.shards.get(namespace, name);
    const clusters =
      shard === undefined ? this.#caches.clusters.in(namespace).map((c) => c.metadata.name) : [shard.spec.cluster];
    for (const cluster of clusters) {
      this.#maps.add(objectKey(namespace, cluster), MAP_DELAY_MS);
      this.#clusters.add(objectKey(namespace, cluster), MAP_DELAY_MS);
    }
    const collections =
      shard === undefined
        ? this.#caches.collections.in(namespace).map((c) => c.metadata.name)
        : [shard.spec.collection];
    for (const collection of collections) this.#collections.add(objectKey(namespace, collection));
  }

  #onPod(key: string): void {
    if (!this.#running) return;
    const { namespace, name } = splitKey(key);
    const cluster = this.#caches.pods.get(namespace, name)?.cluster ?? name.replace(/-\d+$/, '');
    this.#onNodeChanged(objectKey(namespace, cluster));
    this.#maps.add(objectKey(namespace, cluster), MAP_DELAY_MS);
  }

  #onChild(kind: string, key: string): void {
    if (!this.#running) return;
    const { namespace, name } = splitKey(key);
    const cluster = [...this.#caches.children.entries()].find(([known]) => known === kind)?.[1].get(namespace, name)
      ?.metadata.labels?.[CLUSTER_LABEL];
    const clusters =
      cluster === undefined ? this.#caches.clusters.in(namespace).map((c) => c.metadata.name) : [cluster];
    for (const name of clusters) {
      this.#clusters.add(objectKey(namespace, name));
      if (kind === 'Secret') this.#maps.add(objectKey(namespace, name), MAP_DELAY_MS);
    }
  }

  #onNodeChanged(key: string): void {
    if (!this.#running) return;
    const { namespace, name } = splitKey(key);
    this.#clusters.add(key);
    this.#addShards(this.#caches.shardsOf(namespace, name));
  }

  #onShardsReported(key: string, shards: string[]): void {
    if (!this.#running) return;
    const { namespace } = splitKey(key);
    for (const shard of shards)
      if (this.#caches.shards.get(namespace, shard)) this.#shards.add(objectKey(namespace, shard));
  }

  #addShards(shards: Shard[]): void {
    for (const { metadata } of shards) this.#shards.add(objectKey(metadata.namespace, metadata.name));
  }
}

function isRefusedForName(other: Collection, changed: Collection | undefined): boolean {
  const refusal = other.status?.conditions?.find((condition) => condition.type === 'Accepted');
  return refusal?.reason === 'NameTaken' && (changed === undefined || changed.spec.cluster === other.spec.cluster);
}
