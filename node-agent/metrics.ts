import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { LocalCopies } from './copies/local-copies.ts';
import type { RouterMetrics } from './routing/cluster-router.ts';
import type { ShardHost } from './shard/shard-host.ts';

const LATENCY_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];
/** Shards that get gauges of their own; a node with more says only totals of the rest. */
const MAX_SHARD_LABELS = 500;

export interface NodeMetrics extends RouterMetrics {
  registry: Registry;
  /** One HTTP answer; `route` is a pattern, so it has few values. */
  http(method: string, route: string, status: number, seconds: number): void;
  /** One gRPC answer. */
  grpc(method: string, status: number, seconds: number): void;
  /** One durable append on a primary. */
  appended(seconds: number): void;
  /** A copy that anti-entropy found different from its primary on this node. */
  diverged(shard: string): void;
  /** Prometheus text. */
  text(): Promise<string>;
}

export interface MetricsSources {
  copies: LocalCopies;
  host: ShardHost;
  mapVersion(): number;
  operatorConnected(): boolean;
}

/** The node's metrics: names `annulus_*`, base units, bounded labels. */
export function createMetrics(sources: MetricsSources): NodeMetrics {
  const registry = new Registry();
  // Event-loop lag, heap and resident memory, garbage collection.
  collectDefaultMetrics({ register: registry, prefix: 'annulus_' });
  const registers = [registry];
  const requests = new Histogram({
    name: 'annulus_request_seconds',
    help: 'Requests that this node coordinated, by operation',
    labelNames: ['op', 'ok'],
    buckets: LATENCY_BUCKETS,
    registers,
  });
  const fanOut = new Histogram({
    name: 'annulus_scatter_shards',
    help: 'Shards that a request was scattered to',
    labelNames: ['op'],
    buckets: [1, 2, 4, 8, 16, 64, 256],
    registers,
  });
  const httpAnswers = new Histogram({
    name: 'annulus_http_request_seconds',
    help: 'HTTP answers by route and status',
    labelNames: ['method', 'route', 'status'],
    buckets: LATENCY_BUCKETS,
    registers,
  });
  const grpcAnswers = new Histogram({
    name: 'annulus_grpc_request_seconds',
    help: 'gRPC answers by method and status',
    labelNames: ['method', 'status'],
    buckets: LATENCY_BUCKETS,
    registers,
  });
  const commits = new Histogram({
    name: 'annulus_log_commit_seconds',
    help: 'Time from a write reaching its primary until it is on that disk',
    buckets: LATENCY_BUCKETS,
    registers,
  });
  const divergences = new Counter({
    name: 'annulus_shard_divergences_total',
    help: 'Copies that anti-entropy found different from their primary on this node',
    labelNames: ['shard'],
    registers,
  });
  new Gauge({
    name: 'annulus_map_version',
    help: 'Version of the cluster map in force',
    registers,
    collect() {
      this.set(sources.mapVersion());
    },
  });
  new Gauge({
    name: 'annulus_operator_connected',
    help: '1 while the operator is connected to this node',
    registers,
    collect() {
      this.set(sources.operatorConnected() ? 1 : 0);
    },
  });
  registerShardGauges(registry, sources);
  // Label objects are looked up by hash each time: the few children are kept instead.
  const children = new Map<string, { observe(value: number): void }>();
  const child = (
    histogram: Histogram<string>,
    key: string,
    labels: Record<string, string>,
  ): { observe(v: number): void } => {
    let known = children.get(key);
    if (!known) children.set(key, (known = histogram.labels(labels)));
    return known;
  };
  return {
    registry,
    request(op, seconds, shards, ok) {
      child(requests, `r/${op}/${ok}`, { op, ok: String(ok) }).observe(seconds);
      child(fanOut, `f/${op}`, { op }).observe(shards);
    },
    http(method, route, status, seconds) {
      const labels = { method, route, status: String(status) };
      child(httpAnswers, `h/${method}/${route}/${status}`, labels).observe(seconds);
    },
    grpc(method, status, seconds) {
      child(grpcAnswers, `g/${method}/${status}`, { method, status: String(status) }).observe(seconds);
    },
    diverged: (shard) => divergences.inc({ shard }),
    appended: (seconds) => commits.observe(seconds),
    text: () => registry.metrics(),
  };
}

function registerShardGauges(registry: Registry, { copies, host }: MetricsSources): void {
  const gauge = (name: string, help: string): Gauge<'shard'> =>
    new Gauge({ name, help, labelNames: ['shard'], registers: [registry] });
  const points = gauge('annulus_shard_points', 'Points of a copy on this node');
  const indexBytes = gauge('annulus_shard_index_bytes', 'Index memory of a copy on this node');
  const diskBytes = gauge('annulus_shard_disk_bytes', 'Files of a copy on this node');
  const lag = gauge('annulus_replication_lag_entries', 'Log entries that the furthest awaited copy of a shard lacks');
  const pending = gauge('annulus_copies_not_in_sync', 'Copies of a shard, primary here, that are not in sync');
  new Gauge({
    name: 'annulus_copies',
    help: 'Copies on this node by state',
    labelNames: ['state'],
    registers: [registry],
    async collect() {
      this.reset();
      for (const metric of [points, indexBytes, diskBytes, lag, pending]) metric.reset();
      const all = copies.all();
      for (const copy of all) this.inc({ state: copy.state.kind });
      await Promise.all(
        all.slice(0, MAX_SHARD_LABELS).map(async ({ shard, state, replicator }) => {
          if (state.kind !== 'open') return;
          const stats = await host.stats(shard).catch(() => null);
          if (!stats) return;
          points.set({ shard }, stats.points);
          indexBytes.set({ shard }, stats.memoryBytes);
          diskBytes.set({ shard }, stats.bytes);
          if (!replicator) return;
          lag.set({ shard }, replicator.machine.lastSeqNo - replicator.machine.checkpoint);
          pending.set({ shard }, replicator.machine.copies().filter((copy) => !copy.inSync).length);
        }),
      );
    },
  });
}
