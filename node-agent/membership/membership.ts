import type { Logger } from 'pino';
import type { MemberReport } from '#proto/control-messages.ts';
import type { NodeConfig } from '../config.ts';
import type { LocalCopies } from '../copies/local-copies.ts';
import type { NodeMetrics } from '../metrics.ts';
import type { MapStore } from '../routing/map-store.ts';
import type { Peers } from '../rpc/peers.ts';
import { createGossipMetrics } from './gossip-metrics.ts';
import { Gossip } from './gossip.ts';
import type { MemberState } from './member.ts';
import { processVitals } from './vitals.ts';

/** What the node's other parts see of membership. */
export interface Membership {
  /** What this node believes of another one; Alive of one that it knows nothing of. */
  state(node: string): MemberState;
  report(): MemberReport[];
  /** The connection to a node broke or was refused: it is probed at once. */
  hint(node: string): void;
  /** Says goodbye. */
  close(): Promise<void>;
}

/** Of a node that does not gossip (yet). */
export const NO_MEMBERSHIP: Membership = {
  state: () => 'Alive',
  report: () => [],
  hint: () => undefined,
  close: () => Promise.resolve(),
};

export interface MembershipParts {
  config: NodeConfig;
  maps: MapStore;
  peers: Peers;
  copies: LocalCopies;
  metrics: NodeMetrics;
  logger: Logger;
  /** A member is alive, after it was doubted or dead. */
  onAlive(node: string): void;
  /** A member's state changed. */
  onChange(): void;
}

/** Starts gossip by the map in force and those to come; throws PortInUse. Without the cluster's key there is none. */
export async function startMembership(parts: MembershipParts): Promise<Membership> {
  const { config, maps, peers, copies, metrics, logger, onAlive, onChange } = parts;
  const { node, clusterUID, bind, gossipKey } = config;
  if (gossipKey === null) {
    logger.warn('no ed25519.key in ANNULUS_KEYS_DIR: this node does not gossip, and nobody learns from it who is dead');
    return NO_MEMBERSHIP;
  }
  const own = processVitals();
  const gossip: Gossip = await Gossip.start({
    node,
    clusterUID,
    bind,
    key: gossipKey,
    map: maps.map,
    logger,
    vitals: () => ({ ...own(), shards: copies.all().length, mapVersion: maps.map.version }),
    metrics: createGossipMetrics(metrics.registry, {
      states: () => gossip.states(),
      localHealth: () => gossip.localHealth,
    }),
    onState({ node: member, to }) {
      if (to === 'Dead') peers.lost(member);
      if (to === 'Alive') {
        peers.back(member);
        onAlive(member);
      }
      onChange();
    },
    onNewerMap: (from, version) => peers.seen(from, version),
  });
  const unsubscribe = maps.subscribe((map) => gossip.configure(map));
  return {
    state: (member) => gossip.state(member),
    report: () => gossip.report(),
    hint: (member) => gossip.hint(member),
    close() {
      unsubscribe();
      return gossip.close();
    },
  };
}
