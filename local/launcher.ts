import { mkdirSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { destination, pino } from 'pino';
import type { Logger } from 'pino';
import { PORTS } from '#model/ports.ts';
import { V8_FLAGS } from '#node-agent/v8-flags.ts';
import type { KubeStore } from './kube-api/api-types.ts';
import { ensureCredentials, writeKubeconfig } from './kube-api/credentials.ts';
import type { Credentials } from './kube-api/credentials.ts';
import { startKubeApi } from './kube-api/server.ts';
import { lockHome } from './home-lock.ts';
import { ContainerLog } from './kubelet/container-log.ts';
import type { Backoff } from './kubelet/container.machine.ts';
import { annulusImages } from './kubelet/image.ts';
import type { ImageTable } from './kubelet/image.ts';
import { Kubelet } from './kubelet/kubelet.ts';
import { LogStore } from './kubelet/log-store.ts';
import { endOrphans, stateMarker } from './kubelet/orphans.ts';
import type { PodNetwork } from './kubelet/pod-network.ts';
import { ServiceProxy } from './kubelet/service-proxy.ts';
import { PortInUse, Services } from './kubelet/services.ts';
import type { PublishedPort } from './kubelet/services.ts';
import { applyCRDs } from './manifests.ts';
import { SupervisedProcess } from './supervised-process.ts';

export const REPOSITORY = resolve(import.meta.dirname, '..');
const DEFAULT_API_PORT = 6443;
/** The launcher's own log starts anew over this size, bytes. */
const MAX_LOG_BYTES = 10 * 1024 * 1024;
const OPERATOR_GRACE_MS = 10_000;
/** Pods get at most this long to write their snapshots when the launcher ends, milliseconds. */
const POD_GRACE_MS = 30_000;

export interface LocalOptions {
  /** State folder: kubeconfig, volumes, logs, the API server's database. One launcher a folder. */
  readonly home: string;
  /** Port of the API server on 127.0.0.1; absent: 6443 if free, else any. 0: any. */
  readonly apiPort?: number;
  /** Services published on 127.0.0.1; absent: publishedPorts(process.env). */
  readonly ports?: readonly PublishedPort[];
  /** Pods get 127.(128 + n/256).(n mod 256).x; absent: derived from the folder. */
  readonly instance?: number;
  /** Run the operator; default true. */
  readonly operator?: boolean;
  readonly images?: ImageTable;
  /** Of pods and operator. */
  readonly backoff?: Backoff;
  /** Variables for pods and operator besides their own. */
  readonly env?: Readonly<Record<string, string>>;
  readonly logLevel?: string;
  /** A test's network for pods and operator, instead of loopback. */
  readonly network?: LocalNetwork;
  /** See KubeletOptions. */
  readonly mayStart?: (pod: string) => boolean;
}

/** The operator has a place of its own in it, so that it can be cut off from nodes. */
export interface LocalNetwork extends PodNetwork {
  /** This machine's IP in it: the operator reaches the API server there. */
  readonly hostIP: string;
  readonly operatorIP: string;
}

export interface Local {
  readonly store: KubeStore;
  readonly apiUrl: string;
  readonly kubeconfig: string;
  /** Local port of each published port, in their order. */
  readonly ports: readonly number[];
  readonly operator: SupervisedProcess | undefined;
  /** Stops operator, pods and API server in this order; bounded by the pods' grace (30 s). */
  close(): Promise<void>;
}

/** The client Service's ports on 127.0.0.1; ANNULUS_REST_PORT and ANNULUS_GRPC_PORT choose others. */
export function publishedPorts(env: NodeJS.ProcessEnv): PublishedPort[] {
  const port = (name: string, fallback: number): number => {
    const chosen = Number(env[name] || fallback);
    if (Number.isInteger(chosen) && chosen >= 0 && chosen < 65_536) return chosen;
    throw new Error(`${name} is "${env[name] ?? ''}", not a port number`);
  };
  return [
    { servicePort: PORTS.rest, localPort: port('ANNULUS_REST_PORT', PORTS.rest) },
    { servicePort: PORTS.grpc, localPort: port('ANNULUS_GRPC_PORT', PORTS.grpc) },
  ];
}

/**
 * Brings up the embedded mode: API server with the CRDs, kubelet, published Services, operator. What a folder held
 * before runs again. Throws HomeInUse, PortInUse, or what else keeps it from starting; nothing is left running then.
 */
export async function startLocal(options: LocalOptions): Promise<Local> {
  const home = resolve(options.home);
  const lock = lockHome(home);
  const cleanups: (() => Promise<void> | void)[] = [() => lock.release()];
  const close = async (): Promise<void> => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  };
  try {
    return await start(options, home, cleanups, close);
  } catch (error) {
    await close();
    throw error;
  }
}

async function start(
  options: LocalOptions,
  home: string,
  cleanups: (() => Promise<void> | void)[],
  close: () => Promise<void>,
): Promise<Local> {
  const logger = openLogger(home, options.logLevel ?? 'info');
  // Before the API server: a child of a killed launcher must not talk to the new one.
  await endOrphans(home);
  const logs = new LogStore(join(home, 'logs'));
  const credentials = await ensureCredentials(join(home, 'pki'));
  const api = await startKubeApi({
    dataDir: join(home, 'api'),
    host: '127.0.0.1',
    port: await apiPort(options.apiPort),
    token: credentials.token,
    tls: credentials.tls,
    logger,
    podLogs: logs.podLogs,
  });
  cleanups.push(() => api.close());
  await applyCRDs(api.store, join(REPOSITORY, 'crds'));
  const kubeconfig = join(home, 'kubeconfig');
  await writeKubeconfig(kubeconfig, api.url, credentials);
  const kubelet = new Kubelet({
    store: api.store,
    stateDir: home,
    images: options.images ?? repositoryImages(),
    logs,
    logger,
    cwd: REPOSITORY,
    ...(options.instance === undefined ? {} : { subnet: subnetOf(options.instance) }),
    ...(options.backoff === undefined ? {} : { backoff: options.backoff }),
    ...(options.network === undefined ? {} : { network: options.network }),
    ...(options.mayStart === undefined ? {} : { mayStart: options.mayStart }),
    env: programEnv(home, options),
  });
  const published = options.ports ?? publishedPorts(process.env);
  const services = new Services({ store: api.store, kubelet, events: kubelet.events, logger, ports: published });
  cleanups.push(() => services.close());
  const ports = await services.start();
  cleanups.push(() => kubelet.close(POD_GRACE_MS));
  await kubelet.start();
  let operator: SupervisedProcess | undefined;
  if (options.operator !== false) {
    const place = await operatorPlace(home, kubeconfig, api.url, credentials, options.network, cleanups);
    const started = startOperator(home, place, options, logger);
    operator = started;
    cleanups.push(() => started.stop(OPERATOR_GRACE_MS));
  }
  return { store: api.store, apiUrl: api.url, kubeconfig, ports, operator, close };
}

/** What `annulus:<version>` runs here: the checked-out code. */
export function repositoryImages(): ImageTable {
  const program = (path: string, flags: readonly string[] = []): string[] => [
    process.execPath,
    ...flags,
    join(REPOSITORY, path),
  ];
  return annulusImages({
    'node-agent': program('node-agent/main.ts', V8_FLAGS),
    operator: program('operator/main.ts'),
  });
}

/** Programs start from stripped and compiled code of an earlier start: less time, and 40 MB less memory for the type stripper. */
function programEnv(home: string, { env }: LocalOptions): Readonly<Record<string, string>> {
  return { NODE_COMPILE_CACHE: join(home, 'compile-cache'), ...env };
}

/** How the operator is run, and how it reaches the API server. */
interface OperatorPlace {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

async function operatorPlace(
  home: string,
  kubeconfig: string,
  apiUrl: string,
  credentials: Credentials,
  network: LocalNetwork | undefined,
  cleanups: (() => Promise<void> | void)[],
): Promise<OperatorPlace> {
  if (network === undefined) return { command: [], env: { KUBECONFIG: kubeconfig } };
  const command = await network.enter(network.operatorIP);
  // The API server listens on this machine's loopback, which is not the operator's.
  const api = { host: '127.0.0.1', port: Number(new URL(apiUrl).port) };
  const relay = new ServiceProxy(() => [api]);
  cleanups.push(() => relay.close());
  const port = await relay.listen(network.hostIP, 0);
  const own = join(home, 'operator.kubeconfig');
  await writeKubeconfig(own, `https://${network.hostIP}:${port}`, credentials, 'localhost');
  return { command, env: { KUBECONFIG: own, ANNULUS_METRICS_ADDRESS: network.operatorIP } };
}

function startOperator(home: string, place: OperatorPlace, options: LocalOptions, logger: Logger): SupervisedProcess {
  const spec = {
    command: [...place.command, process.execPath, join(REPOSITORY, 'operator', 'main.ts'), '--no-lease'],
    env: {
      PATH: process.env['PATH'] ?? '/usr/bin:/bin',
      HOME: process.env['HOME'] ?? '/',
      ...programEnv(home, options),
      ...stateMarker(home),
      ...place.env,
    },
    cwd: REPOSITORY,
    log: new ContainerLog(join(home, 'logs', 'operator')),
    records: [join(home, 'processes', 'operator.json')],
  };
  return new SupervisedProcess('operator', spec, logger, options.backoff);
}

function subnetOf(instance: number): string {
  if (!Number.isInteger(instance) || instance < 0 || instance >= 64 * 256) {
    throw new Error(`instance ${instance} is not in 0..${64 * 256 - 1}`);
  }
  return `127.${128 + Math.floor(instance / 256)}.${instance % 256}`;
}

function openLogger(home: string, level: string): Logger {
  const file = join(home, 'logs', 'launcher.log');
  mkdirSync(join(home, 'logs'), { recursive: true, mode: 0o700 });
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size > MAX_LOG_BYTES) rmSync(file);
  return pino({ level }, destination({ dest: file, sync: true }));
}

async function apiPort(wanted: number | undefined): Promise<number> {
  if (wanted !== undefined) return wanted;
  return (await isFree(DEFAULT_API_PORT)) ? DEFAULT_API_PORT : 0;
}

/** Whether a port of 127.0.0.1 can be listened on now. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((answer) => {
    const server = createServer();
    server.once('error', () => answer(false));
    server.listen({ host: '127.0.0.1', port }, () => server.close(() => answer(true)));
  });
}

export { PortInUse };
