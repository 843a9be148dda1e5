import { ServerCredentials, type Server } from '@grpc/grpc-js';
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
  const stopped = waitForSignal();
  const { node, rest, grpc } = await start(config, logger);
  logger.info({ bind: config.bind, ports: PORTS }, 'node started');
  const signal = await stopped;
  logger.info({ signal }, 'stopping');
  node.drain();
  await new Promise((resolve) => setTimeout(resolve, NOT_READY_MS));
  const drained = new Promise((resolve) => setTimeout(resolve, DRAIN_MS).unref());
  const grpcClosed = new Promise<void>((resolve) => grpc.tryShutdown(() => resolve()));
  await Promise.race([Promise.all([rest.close(), grpcClosed]), drained]);
  await node.stop();
  logger.info('stopped');
  process.exit(EXIT.ok);
}

async function start(
  config: NodeConfig,
  logger: Logger,
): Promise<{ node: AnnulusNode; rest: ReturnType<typeof createRestServer>; grpc: Server }> {
  const host = await createShardHost({ dataDir: config.dataDir, workers: config.workers, logger });
  const node = await startNode(config, host, logger);
  const rest = createRestServer({
    router: node.router,
    admin: node.admin,
    health: createHealth(node),
    logger,
    onRequestMetrics: node.metrics.http,
  });
  try {
    await rest.listen({ host: config.bind, port: PORTS.rest });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
      throw new PortInUse(config.bind, PORTS.rest);
    }
    throw error;
  }
  const grpc = createClientGrpcServer({ router: node.router, logger });
  await listen(grpc, config.bind, PORTS.grpc, ServerCredentials.createInsecure());
  return { node, rest, grpc };
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
