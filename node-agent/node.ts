import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import { PORTS } from '#model/ports.ts';
import type { NodeConfig } from './config.ts';
import { CopyManager } from './copies/copy-manager.ts';
import { LocalCopies, type LocalCopy } from './copies/local-copies.ts';
import { nodeReport } from './copies/report.ts';
import { NO_MEMBERSHIP, startMembership, type Membership } from './membership/membership.ts';
import { createMetrics, type NodeMetrics } from './metrics.ts';
import { DEFAULT_ANTI_ENTROPY_SECONDS, startAntiEntropy } from './replication/anti-entropy.ts';
import { PrimaryRoles } from './replication/primary-roles.ts';
import { replicaHandlers } from './replication/replica-handlers.ts';
import { TrackedStore } from './replication/tracked-store.ts';
import { createPace } from './resharding/pace.ts';
import { Feeds } from './resharding/feeds.ts';
import { rangeHandlers } from './resharding/source.ts';
import { recoverCopy } from './recovery/source.ts';
import { recoveryHandlers } from './recovery/target.ts';
import { Throttle } from './recovery/throttle.ts';
import { ClusterRouter } from './routing/cluster-router.ts';
import { collectionAdmin } from './routing/collection-admin.ts';
import { localShards } from './routing/local-shards.ts';
import { MapStore } from './routing/map-store.ts';
import type { CollectionAdmin, Router } from './routing/router.ts';
import { ShardCalls } from './routing/shard-calls.ts';
import { ControlServer, controlService } from './rpc/control-server.ts';
import { listen } from './rpc/listen.ts';
import { peerServer, peerService } from './rpc/peer-server.ts';
import { Peers } from './rpc/peers.ts';
import type { MemberReport } from '#proto/control-messages.ts';
import { MAX_MESSAGE_BYTES } from '#proto/load-service.ts';
import { shardHandlers } from './rpc/shard-handlers.ts';
import type { ShardHost } from './shard/shard-host.ts';
import { Standstill } from './standstill.ts';
import { claimVolume } from './volume.ts';

export const NODE_VERSION = '0.1.0';
const REPORT_MS = 5_000;
/** Changes of state within this time go out as one report. */
const REPORT_SOON_MS = 20;

/** A running node without its client interfaces. */
export interface AnnulusNode {
  router: Router;
  admin: CollectionAdmin;
  metrics: NodeMetrics;
  maps: MapStore;
  copies: LocalCopies;
  standstill: Standstill;
  /** Its own copies are open: never about its peers or the operator. */
  ready(): { ok: boolean; text: string };
  /** From now on not ready. */
  drain(): void;
  /** Ends streams, then the shards (index snapshots are written). */
  stop(): Promise<void>;
}

/** Starts a node: claims its volume, serves by the map kept there, listens for operator and peers on the node port. */
export async function startNode(config: NodeConfig, host: ShardHost, logger: Logger): Promise<AnnulusNode> {
  const { cluster, namespace, clusterUID, node, dataDir, token } = config;
  const { formerShards } = await claimVolume(dataDir, { cluster, namespace, clusterUID, node });
  const maps = await MapStore.open(dataDir, { cluster, namespace, clusterUID }, logger);
  const tracked = await TrackedStore.open(dataDir);
  const copies = new LocalCopies(node, maps);
  const mapVersion = (): number => maps.map.version;
  const offer = (json: string, from: string): void => void maps.offer(json, from);
  let membership: Membership = NO_MEMBERSHIP;
  const peers = new Peers({
    self: node,
    clusterUID,
    token,
    mapVersion,
    map: () => maps.map,
    onMap: offer,
    onBroken: (peer) => membership.hint(peer),
    now: () => performance.now(),
  });
  const members = (): MemberReport[] => membership.report();
  const reporter = createReporter(
    async () => control.report(await nodeReport(dataDir, maps, copies, host, members)),
    logger,
  );
  const control: ControlServer = new ControlServer({
    node,
    clusterUID,
    version: NODE_VERSION,
    token,
    logger,
    mapVersion,
    onMap: (json) => offer(json, 'operator'),
    onSession: reporter.soon,
  });
  const metrics = createMetrics({ copies, host, mapVersion, operatorConnected: () => control.connected });
  const standstill = new Standstill(() => performance.now());
  const local = localShards(copies, host, maps);
  // One for everything that fills copies and shards elsewhere from this node.
  const throttle = new Throttle(() => config.recoveryMibPerSecond ?? maps.map.throttleMiBPerSecond);
  const source = { host, peers, logger, throttle };
  const roles = new PrimaryRoles({
    maps,
    copies,
    host,
    peers,
    control,
    tracked,
    logger,
    recover: (ref, target, exporting) => recoverCopy(source, ref, target, exporting),
    onAppended: metrics.appended,
    onDivergence: metrics.diverged,
    onState: reporter.soon,
  });
  const ranges = rangeHandlers({ copies, host, pace: createPace(throttle) });
  const feeds = new Feeds({ node, maps, copies, host, peers, handlers: ranges, logger, onState: reporter.soon });
  const manager = new CopyManager({
    dataDir,
    formerShards,
    node,
    host,
    maps,
    copies,
    logger,
    onCopy: async (copy: LocalCopy) => {
      await roles.update(copy);
      feeds.update(copy);
    },
    onGone: (copy) => {
      feeds.gone(copy);
      roles.end(copy);
    },
    onState: reporter.soon,
  });
  maps.subscribe(reporter.soon);
  const server = new Server({
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
    'grpc.keepalive_time_ms': 10_000,
    'grpc.keepalive_timeout_ms': 5_000,
  });
  const handlers = {
    ...shardHandlers(local, standstill),
    ...replicaHandlers(copies, host),
    ...recoveryHandlers(copies, host, reporter.soon),
    ...ranges,
    getMap: () => Promise.resolve({ json: Buffer.from(JSON.stringify(maps.map)) }),
  };
  const onMapVersion = (from: string, version: number): void => peers.seen(from, version);
  server.addService(peerService, peerServer({ token, clusterUID, handlers, mapVersion, onMapVersion }));
  server.addService(controlService, control.implementation());
  await listen(server, config.bind, PORTS.node, ServerCredentials.createInsecure());
  membership = await startMembership({
    config,
    maps,
    peers,
    copies,
    metrics,
    logger,
    onAlive: (member) => roles.nodeAlive(member),
    onChange: reporter.soon,
  });
  const antiEntropyMs = (config.antiEntropySeconds ?? DEFAULT_ANTI_ENTROPY_SECONDS) * 1000;
  const stopAntiEntropy = startAntiEntropy(copies, antiEntropyMs, Math.random);
  manager.reconcileAll();
  let draining = false;
  const calls = new ShardCalls({ maps, peers, self: node, local, state: (peer) => membership.state(peer) });
  return {
    router: new ClusterRouter(maps, calls, metrics),
    admin: collectionAdmin(control, maps, calls, peers),
    metrics,
    maps,
    copies,
    standstill,
    ready: () => readiness(draining, manager, maps),
    drain: () => {
      draining = true;
    },
    async stop() {
      draining = true;
      reporter.stop();
      stopAntiEntropy();
      manager.stop();
      feeds.stop();
      for (const copy of copies.all()) roles.end(copy);
      control.close();
      await membership.close();
      standstill.stop();
      peers.close();
      server.forceShutdown();
      await host.shutdown();
    },
  };
}

function readiness(draining: boolean, manager: CopyManager, maps: MapStore): { ok: boolean; text: string } {
  if (draining) return { ok: false, text: 'stopping' };
  // It would answer that collections are not there.
  if (maps.map.version === 0) return { ok: false, text: 'no cluster map yet: waiting for the operator' };
  if (!manager.ready) return { ok: false, text: 'copies are still being opened' };
  return { ok: true, text: `ready, map ${maps.map.version}` };
}

/** Sends a report now and then, and soon after something changed. */
function createReporter(send: () => Promise<void>, logger: Logger): { soon: () => void; stop: () => void } {
  let scheduled: NodeJS.Timeout | null = null;
  let stopped = false;
  const run = (): void => {
    scheduled = null;
    if (stopped) return;
    send().catch((error: unknown) => logger.warn({ error: String(error) }, 'report to the operator failed'));
  };
  const timer = setInterval(run, REPORT_MS);
  timer.unref();
  return {
    soon: () => {
      if (!stopped) scheduled ??= setTimeout(run, REPORT_SOON_MS);
    },
    stop: () => {
      stopped = true;
      clearInterval(timer);
      if (scheduled) clearTimeout(scheduled);
    },
  };
}
