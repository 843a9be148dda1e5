import { join } from 'node:path';
import type { KubeObject, KubeStore } from '../kube-api/api-types.ts';
import { ClaimsController } from './claims-controller.ts';
import { LOCAL_BACKOFF } from './container.machine.ts';
import type { Backoff } from './container.machine.ts';
import { EventRecorder } from './event-recorder.ts';
import type { ImageTable } from './image.ts';
import { KeyQueue } from './key-queue.ts';
import type { LogStore } from './log-store.ts';
import { NODE_LABELS, registerNode } from './node-object.ts';
import { PodIPs, loopbackSubnet } from './pod-ips.ts';
import type { PodNetwork } from './pod-network.ts';
import { parsePodSpec } from './pod-spec.ts';
import { PodWorker } from './pod-worker.ts';
import { endOrphans, stateMarker } from './orphans.ts';
import { CLAIMS, CONFIG_MAPS, NODE_NAME, PODS, SECRETS, STATEFUL_SETS, controllerOf, keyOf } from './resources.ts';
import { StatefulSetController } from './statefulset-controller.ts';
import { WatchCache } from './watch-cache.ts';

/** The part of pino that the kubelet uses. */
export interface KubeletLogger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface KubeletOptions {
  readonly store: KubeStore;
  /** Holds volumes/, pods/, processes/ and pod-ips.json. One kubelet a folder: the launcher's lock sees to it. */
  readonly stateDir: string;
  readonly images: ImageTable;
  readonly logs: LogStore;
  readonly logger: KubeletLogger;
  /** Working folder of the containers' processes. */
  readonly cwd: string;
  /** `127.a.b`; by default derived from the state folder. */
  readonly subnet?: string;
  /** Instead of loopback IPs. */
  readonly network?: PodNetwork;
  /** False keeps the containers of `namespace/pod` from starting: a test holds them down. Asked again every 300 ms. */
  readonly mayStart?: (pod: string) => boolean;
  readonly backoff?: Backoff;
  /** Variables that every container gets besides its own. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Runs the API server's Pods and StatefulSets as processes of this machine. Claims are folders, pods have loopback
 * IPs of their own, and processes that an earlier, killed launcher left are ended before anything starts.
 */
export class Kubelet {
  /** The pods as the kubelet sees them; the service proxies choose their backends from here. */
  readonly pods: WatchCache;
  readonly events: EventRecorder;
  private readonly options: KubeletOptions;
  private readonly sets: WatchCache;
  private readonly claims: WatchCache;
  private readonly secrets: WatchCache;
  private readonly configMaps: WatchCache;
  private readonly podIPs: PodIPs;
  private readonly workers = new Map<string, PodWorker>();
  private readonly podQueue: KeyQueue;
  private readonly setQueue: KeyQueue;
  private readonly claimQueue: KeyQueue;
  private readonly podListeners = new Set<() => void>();
  private readonly abort = new AbortController();
  private closing = false;

  constructor(options: KubeletOptions) {
    const { store, stateDir } = options;
    this.options = options;
    this.events = new EventRecorder(store, 'kubelet');
    this.podIPs = new PodIPs(
      join(stateDir, 'pod-ips.json'),
      options.network?.subnet ?? options.subnet ?? loopbackSubnet(stateDir),
    );
    this.pods = new WatchCache(store, PODS, (key, now, before) => this.onPod(key, now ?? before));
    this.sets = new WatchCache(store, STATEFUL_SETS, (key) => this.setQueue.add(key));
    this.claims = new WatchCache(store, CLAIMS, (key, now, before) => this.onClaim(key, now ?? before));
    this.secrets = new WatchCache(store, SECRETS, (key) => this.refreshFiles(key));
    this.configMaps = new WatchCache(store, CONFIG_MAPS, (key) => this.refreshFiles(key));
    const failed = (key: string, error: unknown): void =>
      options.logger.error({ err: error, object: key }, 'reconciling failed; trying again');
    const caches = { sets: this.sets, pods: this.pods, claims: this.claims };
    const sets = new StatefulSetController(store, caches, this.events);
    const claims = new ClaimsController(store, stateDir, this.events);
    this.setQueue = new KeyQueue((key) => sets.reconcile(key), failed);
    this.podQueue = new KeyQueue((key) => this.reconcilePod(key), failed);
    this.claimQueue = new KeyQueue(async (key) => {
      const claim = this.claims.get(key);
      if (claim !== undefined) await claims.reconcile(claim, this.pods.inNamespace(claim.metadata.namespace));
    }, failed);
  }

  /** Ends orphans, registers the node and starts to work. */
  async start(): Promise<void> {
    const ended = await endOrphans(this.options.stateDir);
    if (ended > 0) this.options.logger.warn({ processes: ended }, 'ended processes of an earlier launcher');
    await registerNode(this.options.store);
    for (const cache of [this.secrets, this.configMaps, this.claims, this.pods, this.sets]) {
      await cache.start(this.abort.signal);
    }
  }

  /** Called after every change of a pod. */
  onPodChange(listener: () => void): void {
    this.podListeners.add(listener);
  }

  /** Stops every pod's processes (objects stay, to run again at the next start) within `limitMs`. */
  async close(limitMs: number): Promise<void> {
    this.closing = true;
    await Promise.all([this.setQueue.close(), this.podQueue.close(), this.claimQueue.close()]);
    await Promise.all([...this.workers.values()].map((worker) => worker.shutdown(limitMs)));
    await this.events.drained();
    this.abort.abort();
  }

  private onPod(key: string, pod: KubeObject | undefined): void {
    this.podQueue.add(key);
    const owner = pod === undefined ? undefined : controllerOf(pod);
    if (owner?.kind === 'StatefulSet') this.setQueue.add(`${pod?.metadata.namespace ?? ''}/${owner.name}`);
    if (this.pods.get(key) === undefined) for (const claim of this.claims.all()) this.claimQueue.add(keyOf(claim));
    for (const listener of this.podListeners) listener();
  }

  private onClaim(key: string, claim: KubeObject | undefined): void {
    this.claimQueue.add(key);
    for (const set of this.sets.inNamespace(claim?.metadata.namespace)) this.setQueue.add(keyOf(set));
  }

  private refreshFiles(key: string): void {
    const namespace = key.slice(0, key.indexOf('/') + 1);
    for (const [pod, worker] of this.workers) if (pod.startsWith(namespace)) worker.refreshFiles();
  }

  private async reconcilePod(key: string): Promise<void> {
    const pod = this.pods.get(key);
    const worker = this.workers.get(key);
    if (worker !== undefined) {
      if (pod?.metadata.uid === worker.uid) worker.update(pod);
      else worker.removed();
      return;
    }
    if (pod === undefined || this.closing) return;
    if (await this.schedule(pod)) this.work(key, pod);
  }

  /** Assigns an unassigned pod to this machine, if its selector allows it. False: not ours to run (yet). */
  private async schedule(pod: KubeObject): Promise<boolean> {
    const { nodeName, nodeSelector } = parsePodSpec(pod.spec);
    if (nodeName !== '') return nodeName === NODE_NAME;
    const unmet = Object.entries(nodeSelector).find(([label, value]) => NODE_LABELS[label] !== value);
    if (unmet !== undefined) {
      const message = `0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.`;
      this.events.record(pod, 'Warning', 'FailedScheduling', message);
      return false;
    }
    const { namespace = '', name } = pod.metadata;
    const bound = await this.options.store.patch(PODS, namespace, name, { spec: { nodeName: NODE_NAME } });
    this.pods.learn(bound);
    return false;
  }

  private work(key: string, pod: KubeObject): void {
    const { store, stateDir, images, logs, logger, cwd, env, backoff, network, mayStart } = this.options;
    const podIP = this.podIPs.ipOf(key, (other) => this.workers.has(other));
    const find = (cache: WatchCache) => (namespace: string, name: string) => cache.get(`${namespace}/${name}`);
    const worker = new PodWorker(pod, {
      store,
      stateDir,
      images,
      logs,
      logger,
      cwd,
      podIP,
      network,
      mayStart: mayStart === undefined ? () => true : () => mayStart(key),
      backoff: backoff ?? LOCAL_BACKOFF,
      events: this.events,
      sources: { secret: find(this.secrets), configMap: find(this.configMaps), claim: find(this.claims) },
      baseEnv: { ...env, ...stateMarker(stateDir) },
    });
    this.workers.set(key, worker);
    void worker.done.then(() => {
      this.workers.delete(key);
      // A pod of the same name may have come meanwhile: it starts only now, when nothing of the old one is left.
      this.podQueue.add(key);
    });
  }
}
