import type { Logger } from 'pino';
import type { LocalCopies, LocalCopy } from '../copies/local-copies.ts';
import type { MapStore } from '../routing/map-store.ts';
import type { ControlServer } from '../rpc/control-server.ts';
import type { Peers } from '../rpc/peers.ts';
import type { ShardHost } from '../shard/shard-host.ts';
import type { ChangeAnswer, ShardConfig } from './messages.ts';
import { Replicator, type ReplicatorOptions } from './replicator.ts';
import type { TrackedStore } from './tracked-store.ts';

/** The operator may let a request wait, or answer never: asking again changes nothing twice. */
/** Should the operator be away: the copies may have changed meanwhile. */
const DAMAGED_RETRY_MS = 10_000;
const CHANGE_TIMEOUT_MS = 2_000;
const ACTIONS = {
  add: 'ADD_TO_IN_SYNC',
  remove: 'REMOVE_FROM_IN_SYNC',
  handOver: 'HAND_OVER',
} as const;

export interface PrimaryRolesOptions {
  maps: MapStore;
  copies: LocalCopies;
  host: ShardHost;
  peers: Peers;
  control: ControlServer;
  tracked: TrackedStore;
  logger: Logger;
  recover: ReplicatorOptions['recover'];
  onAppended(seconds: number): void;
  onDivergence(shard: string): void;
  /** Called when a report would say something new. */
  onState(): void;
}

/** Starts, configures and ends this node's primaries as the map says. */
export class PrimaryRoles {
  #options: PrimaryRolesOptions;

  constructor(options: PrimaryRolesOptions) {
    this.#options = options;
  }

  /** Brings an open copy's role in line with the map; called after every change of either, one call at a time for one copy. */
  async update(copy: LocalCopy): Promise<void> {
    const config = this.#configOf(copy);
    if (config) copy.highestTerm = Math.max(copy.highestTerm, config.term);
    if (!config?.primary) {
      this.end(copy);
      return;
    }
    if (copy.replicator?.term === config.term) {
      copy.replicator.configure(config);
      return;
    }
    this.end(copy);
    // Served after all that an earlier term has still under way here.
    const { seqNo, term } = await this.#options.host.stats(copy.shard);
    const { host, peers, logger, tracked, recover, onAppended, onDivergence, onState } = this.#options;
    copy.replicator = new Replicator({
      uid: copy.uid,
      config,
      end: { seqNo, term },
      tracked: tracked.of(copy.uid),
      host,
      peers,
      logger,
      recover,
      onAppended,
      onDamaged: (message) => this.#damaged(copy, message),
      onDivergence,
      onState,
      saveTracked: (ids) => tracked.save(copy.uid, ids),
      requestChange: (change) => this.#requestChange(config, change),
    });
    logger.info({ shard: copy.shard, term: config.term, seqNo }, 'primary');
  }

  /** The node is heard of again: streams to it go on at once. */
  nodeAlive(node: string): void {
    for (const copy of this.#options.copies.all()) copy.replicator?.nodeAlive(node);
  }

  /** The operator makes another copy the primary, and this one anew. */
  #damaged(copy: LocalCopy, message: string): void {
    this.#options.logger.error({ shard: copy.shard, error: message }, 'this copy has lost entries: not served');
    this.end(copy);
    copy.state = { kind: 'failed', message, retryAt: Date.now() + DAMAGED_RETRY_MS };
    this.#options.onState();
  }

  end(copy: LocalCopy): void {
    if (!copy.replicator) return;
    copy.replicator.stop();
    this.#options.logger.info({ shard: copy.shard, term: copy.replicator.term }, 'primary no longer');
    copy.replicator = null;
  }

  /** What the map says of the copy's shard; null when it does not place this copy here. */
  #configOf(copy: LocalCopy): (ShardConfig & { primary: boolean }) | null {
    const shard = this.#options.maps.shard(copy.shard)?.shard;
    const own = shard?.copies.find((placed) => placed.node === this.#options.copies.node);
    if (!shard || shard.uid !== copy.uid || own?.allocationId !== copy.allocationId) return null;
    return {
      shard: shard.name,
      term: shard.primaryTerm,
      configVersion: shard.configVersion,
      minInSync: shard.minInSync,
      copies: shard.copies.filter((placed) => placed !== own),
      primary: own.role === 'Primary' && own.inSync && shard.primaryTerm > 0,
      ...(shard.handoverTo === undefined || shard.handoverTo === own.node ? {} : { handoverTo: shard.handoverTo }),
      ...(shard.sealed ? { sealed: true } : {}),
    };
  }

  async #requestChange(
    { shard, term }: ShardConfig,
    change: Parameters<ReplicatorOptions['requestChange']>[0],
  ): Promise<ChangeAnswer> {
    try {
      const { copy: allocationId, node, reason, configVersion } = change;
      const action = ACTIONS[change.action];
      const reply = await this.#options.control.copy(
        { shard, term, configVersion, node, allocationId, action, reason },
        CHANGE_TIMEOUT_MS,
      );
      if (reply.ok) return { result: 'done', configVersion: reply.configVersion };
      return { result: 'refused', reason: reply.reason };
    } catch (error) {
      return { result: 'unknown', reason: error instanceof Error ? error.message : String(error) };
    }
  }
}
