import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** The operator's Prometheus metrics. */
export interface Metrics {
  registry: Registry;
  reconciles: Counter<'controller' | 'result'>;
  reconcileSeconds: Histogram<'controller'>;
  /** Blocked steps of plans, by their constant reason. */
  blocked: Counter<'controller' | 'reason'>;
  apiCalls: Counter<'verb' | 'kind' | 'code'>;
  mapPublishes: Counter<'cluster'>;
  failovers: Counter<'cluster'>;
  /** From the belief that a primary's node is dead to the written status with another primary. */
  failoverSeconds: Histogram<'cluster'>;
  leader: Gauge;
  /** Sampled when scraped. */
  sample: (read: () => Sample) => void;
}

/** Values that are read at scrape time. */
export interface Sample {
  queues: Record<string, number>;
  reflectorAges: Record<string, number>;
  nodesConnected: number;
}

/** Makes the metrics in a registry of their own. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  let read: () => Sample = () => ({ queues: {}, reflectorAges: {}, nodesConnected: 0 });
  addSampledGauges(registry, () => read());
  return {
    registry,
    reconciles: new Counter({
      name: 'annulus_operator_reconciles_total',
      help: 'Reconciliations by controller and result (ok, error).',
      labelNames: ['controller', 'result'],
      registers,
    }),
    reconcileSeconds: new Histogram({
      name: 'annulus_operator_reconcile_seconds',
      help: 'Duration of reconciliations.',
      labelNames: ['controller'],
      buckets: [0.001, 0.01, 0.1, 1, 10],
      registers,
    }),
    blocked: new Counter({
      name: 'annulus_operator_blocked_total',
      help: 'Steps that a plan wanted and could not take, by reason.',
      labelNames: ['controller', 'reason'],
      registers,
    }),
    apiCalls: new Counter({
      name: 'annulus_operator_api_calls_total',
      help: 'Calls of the Kubernetes API by verb, kind and HTTP status (0: no answer).',
      labelNames: ['verb', 'kind', 'code'],
      registers,
    }),
    mapPublishes: new Counter({
      name: 'annulus_operator_map_publishes_total',
      help: 'New versions of cluster maps.',
      labelNames: ['cluster'],
      registers,
    }),
    failovers: new Counter({
      name: 'annulus_operator_failovers_total',
      help: "Shards that got another primary because their primary's node died.",
      labelNames: ['cluster'],
      registers,
    }),
    failoverSeconds: new Histogram({
      name: 'annulus_operator_failover_seconds',
      help: "Time from the verdict that a primary's node is dead to the written status with another primary.",
      labelNames: ['cluster'],
      buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60],
      registers,
    }),
    leader: new Gauge({ name: 'annulus_operator_leader', help: '1 while this process leads.', registers }),
    sample: (next) => {
      read = next;
    },
  };
}

function addSampledGauges(registry: Registry, read: () => Sample): void {
  const registers = [registry];
  new Gauge({
    name: 'annulus_operator_queue_depth',
    help: 'Objects that wait to be reconciled.',
    labelNames: ['controller'],
    registers,
    collect() {
      for (const [controller, depth] of Object.entries(read().queues)) this.set({ controller }, depth);
    },
  });
  new Gauge({
    name: 'annulus_operator_reflector_age_seconds',
    help: 'Time since the API server last said anything on the watch of a kind.',
    labelNames: ['kind'],
    registers,
    collect() {
      for (const [kind, ms] of Object.entries(read().reflectorAges)) this.set({ kind }, ms / 1000);
    },
  });
  new Gauge({
    name: 'annulus_operator_nodes_connected',
    help: 'Nodes with an open control stream.',
    registers,
    collect() {
      this.set(read().nodesConnected);
    },
  });
  new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Resident memory of the process.',
    registers,
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
}
