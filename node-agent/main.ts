import { setTimeout as sleep } from 'node:timers/promises';
import { logVerbosity, ServerCredentials, setLogVerbosity } from '@grpc/grpc-js';
import { pino, type Logger } from 'pino';
import { PORTS } from '#model/ports.ts';
import { ConfigError, readConfig, type NodeConfig } from './config.ts';
import { createHealth } from './health.ts';
import { startNode, type AnnulusNode } from './node.ts';
import { createRestServer } from './rest/server.ts';
import { createClientGrpcServer } from './rpc/client-service.ts';
import { listen, PortInUse } from './rpc/listen.ts';
import { createShardHost } from './shard/host.ts';
import { VolumeRefused } from './volume.ts';

/** How the process ends: scripts and the kubelet tell causes apart by these. */
export const EXIT = { ok: 0, crash: 1, config: 2, volume: 3, portInUse: 98 } as const;

/** Longest wait for requests under way after SIGTERM. */
const DRAIN_MS = 10_000;
/** Time for endpoints and peers to see that this node is not ready. */
const NOT_READY_MS = 250;

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const logger = pino({
    level: config.logLevel,
    base: { cluster: config.cluster, node: config.node },
    timestamp: pino.stdTimeFunctions.isoTime,
  });
  process.on('unhandledRejection', (error) => {
    logger.fatal({ error: error instanceof Error ? error.stack : String(error) }, 'unhandled rejection');
    process.exit(EXIT.crash);
  });
  // What it would say on stderr is said in our own words.
  setLogVerbosity(logVerbosity.NONE);
  const stopped = waitForSignal();
  const host = await createShardHost({
    dataDir: config.dataDir,
    node: config.node,
    workers: config.workers,
    logger,
  });
  const node = await startNode(config, host, logger);
  const clients = await listenForClients(node, config, logger);
  logger.info({ bind: config.bind, ports: PORTS }, 'node started');
  const signal = await stopped;
  logger.info({ signal }, 'stopping');
  node.drain();
  await sleep(NOT_READY_MS);
  await Promise.race([clients.close(), sleep(DRAIN_MS, undefined, { ref: false })]);
  await node.stop();
  logger.info('stopped');
  process.exit(EXIT.ok);
}

/** Serves clients: REST (with probes and metrics) and gRPC. */
async function listenForClients(
  node: AnnulusNode,
  config: NodeConfig,
  logger: Logger,
): Promise<{ close(): Promise<unknown> }> {
  const { router, admin, metrics, standstill } = node;
  const rest = createRestServer({
    router,
    admin,
    standstill,
    health: createHealth(node),
    logger,
    onRequestMetrics: metrics.http,
  });
  try {
    await rest.listen({ host: config.bind, port: PORTS.rest });
  } catch (error) {
    if (errorToCode(error) === 'EADDRINUSE') throw new PortInUse(config.bind, PORTS.rest);
    throw error;
  }
  const grpc = createClientGrpcServer({ router, logger, onRequestMetrics: metrics.grpc });
  await listen(grpc, config.bind, PORTS.grpc, ServerCredentials.createInsecure());
  const grpcClosed = (): Promise<void> => new Promise((resolve) => grpc.tryShutdown(() => resolve()));
  return { close: () => Promise.all([rest.close(), grpcClosed()]) };
}

function errorToCode(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}

function waitForSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
  });
}

/** One line that says what is wrong; the stack only for what nobody foresaw. */
function exitCodeOf(error: unknown): number {
  if (error instanceof ConfigError) return EXIT.config;
  if (error instanceof VolumeRefused) return EXIT.volume;
  return error instanceof PortInUse ? EXIT.portInUse : EXIT.crash;
}

main().catch((error: unknown) => {
  const code = exitCodeOf(error);
  const text = error instanceof Error ? (code === EXIT.crash ? error.stack : error.message) : String(error);
  process.stderr.write(`node-agent: ${text}\n`);
  process.exit(code);
});
