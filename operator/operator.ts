import type { Logger } from 'pino';
import type { BuildConfig } from './build/common.ts';
import { Caches } from './caches.ts';
import { MapPublisher } from './cluster-map/publisher.ts';
import { CollectionRequests } from './control/collection-requests.ts';
import { ControlHub } from './control/hub.ts';
import { ClusterController } from './controllers/cluster/cluster.controller.ts';
import { CollectionController } from './controllers/collection/collection.controller.ts';
import { createController } from './controllers/controller.ts';
import { AdviceSource } from './controllers/shard/advice-source.ts';
import { ShardController } from './controllers/shard/shard.controller.ts';
import { HealthWatch } from './failover/health-watch.ts';
import type { KubeApi } from './kube/api.ts';
import { EventRecorder } from './kube/events.ts';
import { Expectations } from './kube/expectations.ts';
import type { WorkQueue } from './kube/queue.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { MapFacts } from './resharding/map-facts.ts';
import type { OperatorContext } from './operator-context.ts';
import { WakeUps } from './wake-ups.ts';

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
  /** False once this process can't prove any more that it leads: then it says nothing to nodes. Writes are refused by `api` itself. */
  mayAct?: () => boolean;
}

const SHARD_WORKERS = 8;
const SYNC_POLL_MS = 20;

/** The control plane of one API server: caches, controllers and control streams, wired. */
export class Operator {
  readonly metrics: Metrics;
  readonly #caches: Caches;
  readonly #hub: ControlHub;
  readonly #health: HealthWatch;
  readonly #clusters: WorkQueue;
  readonly #collections: WorkQueue;
  readonly #shards: WorkQueue;
  readonly #maps: WorkQueue;
  readonly #wakeUps: WakeUps;
  #stopped = false;

  constructor(options: OperatorOptions) {
    const { api, log, namespace, podMonitors } = options;
    this.metrics = options.metrics ?? createMetrics();
    this.#caches = new Caches(
      api,
      namespace,
      {
        onClusters: (keys) => this.#wakeUps.onClusters(keys),
        onCollections: (keys) => this.#wakeUps.onCollections(keys),
        onShards: (keys) => this.#wakeUps.onShards(keys),
        onPods: (keys) => this.#wakeUps.onPods(keys),
        onNodes: () => this.#wakeUps.onNodes(),
        onChildren: (kind, keys) => this.#wakeUps.onChildren(kind, keys),
      },
      log,
      podMonitors,
    );
    const requests = new CollectionRequests(api, this.#caches.collections);
    this.#hub = new ControlHub(
      { operator: options.identity, version: options.version },
      {
        onNodeChanged: (key) => this.#wakeUps.onNode(key),
        onHeard: (key) => this.#wakeUps.onHeard(key),
        onShardsChanged: (key, shards) => this.#wakeUps.onReports(key, shards),
        onCollectionRequest: (key, request) => requests.handle(key, request),
      },
      log,
      options.mayAct,
    );
    this.#health = new HealthWatch({
      caches: this.#caches,
      hub: this.#hub,
      onChanged: (key) => this.#wakeUps.onHealth(key),
      log,
    });
    const context: OperatorContext = {
      api,
      caches: this.#caches,
      hub: this.#hub,
      mapFacts: new MapFacts(),
      health: this.#health,
      events: new EventRecorder(api, log, options.identity),
      expectations: new Expectations(),
      metrics: this.metrics,
      config: options.config,
      podMonitors,
      log,
      startedAt: Date.now(),
    };
    const advice = new AdviceSource(context, (shards) => this.#wakeUps.onAdvice(shards));
    const make = (name: string, workers: number, reconcile: MapPublisher['reconcile']): WorkQueue =>
      createController({ name, workers, reconcile, metrics: this.metrics, log });
    this.#clusters = make('cluster', 2, new ClusterController(context, advice).reconcile);
    this.#collections = make('collection', 2, new CollectionController(context).reconcile);
    this.#shards = make('shard', SHARD_WORKERS, new ShardController(context, advice).reconcile);
    const publisher = new MapPublisher(context);
    this.#maps = make('map', 2, publisher.reconcile);
    this.#wakeUps = new WakeUps({
      caches: this.#caches,
      clusters: this.#clusters,
      collections: this.#collections,
      shards: this.#shards,
      maps: this.#maps,
      mapDelayMs: (key) => publisher.delayMs(key),
      health: this.#health,
      placementChanged: (namespace, cluster) => advice.changed(namespace, cluster),
    });
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
    return this.#wakeUps.awake && this.#caches.synced;
  }

  /** Fills the caches, then works until stopped. Resolves when the caches are filled. */
  async start(): Promise<void> {
    this.#caches.start();
    while (!this.#caches.synced && !this.#stopped) await new Promise((resolve) => setTimeout(resolve, SYNC_POLL_MS));
    this.#wakeUps.awake = true;
    this.#wakeUps.wakeAll();
  }

  /** Ends the work under way, then lets go of nodes and API. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#wakeUps.awake = false;
    await Promise.all([this.#clusters, this.#collections, this.#shards, this.#maps].map((queue) => queue.stop()));
    this.#health.stop();
    this.#hub.close();
    this.#caches.stop();
  }
}
