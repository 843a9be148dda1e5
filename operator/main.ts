import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { pino, type Logger } from 'pino';
import { startHealthServer, type HealthOptions } from './health-server.ts';
import { createKubeApi, type KubeApi, type OnCall } from './kube/api.ts';
import { loadConnection } from './kube/credentials.ts';
import { errorText, isForbidden } from './kube/errors.ts';
import { LeaderLease } from './kube/lease.ts';
import { RESOURCES } from './kube/resources.ts';
import { createTransport } from './kube/transport.ts';
import { createMetrics } from './metrics.ts';
import { Operator } from './operator.ts';
import { DEFAULT_METRICS_PORT, readSettings, SettingsError, USAGE, type Settings } from './settings.ts';

const VERSION = '0.1.0';
const CRD_RETRY_MS = 3_000;
const STOP_TIMEOUT_MS = 10_000;
const EXIT = { ok: 0, failed: 1, usage: 2, lostLease: 3 } as const;

async function main(): Promise<void> {
  const settings = settingsOrExit();
  const log = pino({ level: settings.logLevel, base: { app: 'annulus-operator' } });
  process.on('uncaughtException', (error) => die(log, error, 'uncaught exception'));
  process.on('unhandledRejection', (error) => die(log, error, 'unhandled rejection'));
  try {
    await run(settings, log);
  } catch (error) {
    log.fatal({ err: errorText(error) }, 'the operator cannot run');
    process.exit(EXIT.failed);
  }
}

async function run(settings: Settings, log: Logger): Promise<void> {
  const stopping = new AbortController();
  const shutdown = new AbortController();
  const connection = await loadConnection(settings.kubeconfig, process.env);
  const metrics = createMetrics();
  const transport = createTransport(connection);
  const onCall: OnCall = (verb, kind, code) => metrics.apiCalls.inc({ verb, kind, code: String(code) });
  const leaseApi = createKubeApi(transport, shutdown.signal, { onCall });
  const identity = `${hostname()}_${randomUUID().slice(0, 8)}`;
  const operatorNamespace =
    settings.operatorNamespace ?? (settings.kubeconfig === undefined ? connection.namespace : undefined);
  const running: { operator?: Operator; lease?: LeaderLease } = {};
  const leads = (): boolean => !settings.lease || running.lease?.proven === true;
  // One place for all writes: a process that was stopped and wakes up writes nothing, whatever it was about to do.
  const permitWrite = (): void => {
    if (!leads()) lost(log);
  };
  const api = createKubeApi(transport, shutdown.signal, { onCall, permitWrite });
  let standby = 'starting';
  const health = await startHealth(settings, log, {
    registry: metrics.registry,
    // A standby is ready: it only waits for its turn.
    whyNotReady: () => (running.operator?.ready || standby === '' ? null : standby),
  });
  const stop = async (): Promise<void> => {
    stopping.abort();
    setTimeout(() => process.exit(EXIT.failed), STOP_TIMEOUT_MS).unref();
    await running.operator?.stop();
    await running.lease?.release();
    shutdown.abort();
    transport.close();
    health.close();
    log.info('the operator has stopped');
    process.exit(EXIT.ok);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop());

  log.info({ server: connection.server, namespace: settings.namespace || 'all', identity }, 'the operator starts');
  await waitForCrds(api, log, stopping.signal, (why) => (standby = why));
  if (settings.lease) {
    standby = '';
    running.lease = new LeaderLease({
      api: leaseApi,
      namespace: operatorNamespace ?? connection.namespace,
      name: 'annulus-operator',
      identity,
      log,
      onLost: () => lost(log),
    });
    await running.lease.acquire();
  }
  if (stopping.signal.aborted) return;
  metrics.leader.set(1);
  standby = 'the caches are being filled';
  running.operator = new Operator({
    api,
    namespace: settings.namespace,
    identity,
    version: VERSION,
    config: operatorNamespace === undefined ? {} : { operatorNamespace },
    podMonitors: await api.serves(RESOURCES.PodMonitor),
    log,
    metrics,
    mayAct: leads,
  });
  await running.operator.start();
  log.info('the operator leads and works');
}

/** A port that nobody asked for may be taken by anything on a developer's machine: then any free one does. */
async function startHealth(
  settings: Settings,
  log: Logger,
  options: Pick<HealthOptions, 'registry' | 'whyNotReady'>,
): Promise<Server> {
  const { metricsAddress: address, metricsPort: port } = settings;
  try {
    return await startHealthServer({ ...options, address, port: port ?? DEFAULT_METRICS_PORT });
  } catch (error) {
    if (port !== undefined) throw error;
    const server = await startHealthServer({ ...options, address, port: 0 });
    log.warn({ address: server.address() }, `port ${DEFAULT_METRICS_PORT} is taken: metrics are on another one`);
    return server;
  }
}

/** Waits until the API server answers and knows our kinds, saying what is missing. */
async function waitForCrds(api: KubeApi, log: Logger, signal: AbortSignal, told: (why: string) => void): Promise<void> {
  for (let said = ''; !signal.aborted;) {
    const why = await whatIsMissing(api);
    if (why === '') return;
    if (why !== said) log.warn(why);
    said = why;
    told(why);
    await delay(CRD_RETRY_MS, undefined, { signal }).catch(() => undefined);
  }
}

async function whatIsMissing(api: KubeApi): Promise<string> {
  try {
    for (const resource of [RESOURCES.VectorCluster, RESOURCES.Collection, RESOURCES.Shard]) {
      if (!(await api.serves(resource))) {
        return `the API server does not know ${resource.kind}: install the CRDs (kubectl apply -f crds/); waiting for them`;
      }
    }
    return '';
  } catch (error) {
    const what = isForbidden(error) ? 'the API server does not let the operator in' : 'the API server does not answer';
    return `${what}: ${errorText(error)}; trying again`;
  }
}

function settingsOrExit(): Settings {
  try {
    const settings = readSettings(process.argv.slice(2), process.env);
    if (settings !== 'help') return settings;
    process.stdout.write(USAGE);
    process.exit(EXIT.ok);
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    process.stderr.write(`operator: ${error.message}\n\n${USAGE}`);
    process.exit(EXIT.usage);
  }
}

function lost(log: Logger): never {
  log.fatal('lost the leader lease: another operator may lead now');
  process.exit(EXIT.lostLease);
}

function die(log: Logger, error: unknown, what: string): void {
  log.fatal({ err: error }, what);
  process.exit(EXIT.failed);
}

await main();
