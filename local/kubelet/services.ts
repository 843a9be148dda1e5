import { ApiError } from '../kube-api/api-types.ts';
import type { KubeObject, KubeStore } from '../kube-api/api-types.ts';
import { canonicalJson, asObject, asString } from '../kube-api/json.ts';
import type { Json } from '../kube-api/json.ts';
import { planBudgetStatus } from './disruption-budget.plan.ts';
import { backendsOf, planEndpointSlice, servicePorts } from './endpoints.plan.ts';
import type { EventRecorder } from './event-recorder.ts';
import { KeyQueue } from './key-queue.ts';
import type { Kubelet, KubeletLogger } from './kubelet.ts';
import { DISRUPTION_BUDGETS, ENDPOINT_SLICES, SERVICES } from './resources.ts';
import { ServiceProxy } from './service-proxy.ts';
import { WatchCache } from './watch-cache.ts';

/** A Service's port on this machine's 127.0.0.1. */
export interface PublishedPort {
  /** `namespace/name` of the Service; absent: the first one with a ClusterIP and that port, by name. */
  readonly service?: string;
  readonly servicePort: number;
  /** 0: any free one. */
  readonly localPort: number;
}

export interface ServicesOptions {
  readonly store: KubeStore;
  readonly kubelet: Kubelet;
  readonly events: EventRecorder;
  readonly logger: KubeletLogger;
  readonly ports: readonly PublishedPort[];
}

/** Port in use, said in one line. */
export class PortInUse extends Error {
  readonly port: number;
  constructor(port: number, servicePort: number) {
    super(
      `port ${port} of 127.0.0.1 is in use by another program, so the clusters' client Service (port ${servicePort}) ` +
        'cannot be reached there: end that program, or choose another port (ANNULUS_REST_PORT, ANNULUS_GRPC_PORT)',
    );
    this.name = 'PortInUse';
    this.port = port;
  }
}

/** Publishes Services on 127.0.0.1, and keeps EndpointSlices and PodDisruptionBudgets' status true. */
export class Services {
  private readonly options: ServicesOptions;
  private readonly services: WatchCache;
  private readonly budgets: WatchCache;
  private readonly queue: KeyQueue;
  private readonly proxies: ServiceProxy[] = [];
  private readonly written = new Map<string, string>();
  private readonly abort = new AbortController();

  constructor(options: ServicesOptions) {
    this.options = options;
    const { store, logger, kubelet } = options;
    this.services = new WatchCache(store, SERVICES, () => this.queue.add('services'));
    this.budgets = new WatchCache(store, DISRUPTION_BUDGETS, () => this.queue.add('budgets'));
    this.queue = new KeyQueue(
      (key) => (key === 'services' ? this.syncSlices() : this.syncBudgets()),
      (key, error) => logger.error({ err: error, object: key }, 'reconciling failed; trying again'),
    );
    kubelet.onPodChange(() => {
      this.queue.add('services');
      this.queue.add('budgets');
    });
  }

  /** Listens on every published port; rejects with PortInUse. Gives the local port of each, in order. */
  async start(): Promise<number[]> {
    const local: number[] = [];
    for (const wanted of this.options.ports) {
      const proxy = new ServiceProxy(() => this.backends(wanted));
      try {
        local.push(await proxy.listen('127.0.0.1', wanted.localPort));
      } catch (error) {
        if (typeof error === 'object' && error !== null && 'code' in error && error.code === 'EADDRINUSE') {
          throw new PortInUse(wanted.localPort, wanted.servicePort);
        }
        throw error;
      }
      this.proxies.push(proxy);
    }
    await this.services.start(this.abort.signal);
    await this.budgets.start(this.abort.signal);
    return local;
  }

  async close(): Promise<void> {
    this.abort.abort();
    await this.queue.close();
    await Promise.all(this.proxies.map((proxy) => proxy.close()));
  }

  private backends(wanted: PublishedPort) {
    const service = this.serviceFor(wanted);
    const port = service && servicePorts(service).find((each) => each.port === wanted.servicePort);
    return service && port ? backendsOf(service, port, this.options.kubelet.pods.all()) : [];
  }

  private serviceFor(wanted: PublishedPort): KubeObject | undefined {
    if (wanted.service !== undefined) return this.services.get(wanted.service);
    const has = (service: KubeObject): boolean =>
      asString(service.spec?.['clusterIP']) !== 'None' &&
      servicePorts(service).some((port) => port.port === wanted.servicePort);
    const name = (service: KubeObject): string => `${service.metadata.namespace ?? ''}/${service.metadata.name}`;
    return this.services
      .all()
      .filter(has)
      .sort((a, b) => (name(a) < name(b) ? -1 : 1))[0];
  }

  private async syncSlices(): Promise<void> {
    const pods = this.options.kubelet.pods.all();
    for (const service of this.services.all()) {
      const slice = planEndpointSlice(service, pods);
      if (slice === undefined || service.metadata.deletionTimestamp !== undefined) continue;
      const key = service.metadata.uid;
      const text = canonicalJson(slice as unknown as Json);
      if (this.written.get(key) === text) continue;
      await this.options.store.apply(ENDPOINT_SLICES, slice, { fieldManager: 'endpointslice-controller', force: true });
      this.written.set(key, text);
    }
    const present = new Set(this.services.all().map((service) => service.metadata.uid));
    for (const uid of this.written.keys()) if (!present.has(uid)) this.written.delete(uid);
  }

  private async syncBudgets(): Promise<void> {
    const pods = this.options.kubelet.pods.all();
    for (const budget of this.budgets.all()) {
      const status = planBudgetStatus(budget, pods);
      const now = asObject(budget.status);
      if (Object.entries(status).every(([field, value]) => now[field] === value)) continue;
      const { namespace = '', name } = budget.metadata;
      try {
        const options = { subresource: 'status' } as const;
        this.budgets.learn(await this.options.store.patch(DISRUPTION_BUDGETS, namespace, name, { status }, options));
      } catch (error) {
        if (!(error instanceof ApiError) || error.code !== 404) throw error;
      }
    }
  }
}
