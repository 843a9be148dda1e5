import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Refusal } from './seal.ts';

const PROBE_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

/** What became of a datagram. */
export type DatagramResult = 'ok' | Refusal | 'over_rate' | 'no_address' | 'failed';

export interface GossipMetrics {
  datagram(direction: 'in' | 'out', result: DatagramResult): void;
  /** A member answered a direct probe. */
  answered(seconds: number): void;
  refuted(): void;
}

export interface GossipSources {
  /** Members by state. */
  states(): ReadonlyMap<string, number>;
  localHealth(): number;
}

/** Metrics of membership, into the node's registry. */
export function createGossipMetrics(registry: Registry, sources: GossipSources): GossipMetrics {
  const registers = [registry];
  new Gauge({
    name: 'annulus_members',
    help: 'Other nodes of the cluster as this node sees them, by state',
    labelNames: ['state'],
    registers,
    collect() {
      this.reset();
      for (const [state, count] of sources.states()) this.set({ state }, count);
    },
  });
  new Gauge({
    name: 'annulus_gossip_local_health',
    help: 'Local health multiplier: 0 is well, 8 is worst; probes are given this + 1 times the time',
    registers,
    collect() {
      this.set(sources.localHealth());
    },
  });
  const datagrams = new Counter({
    name: 'annulus_gossip_datagrams_total',
    help: 'Gossip datagrams by direction and what became of them',
    labelNames: ['direction', 'result'],
    registers,
  });
  const probes = new Histogram({
    name: 'annulus_gossip_probe_seconds',
    help: 'Time in which a member answered a direct probe',
    buckets: PROBE_BUCKETS,
    registers,
  });
  const refutations = new Counter({
    name: 'annulus_gossip_refutations_total',
    help: 'Times that others doubted this node and it said no',
    registers,
  });
  return {
    datagram: (direction, result) => datagrams.inc({ direction, result }),
    answered: (seconds) => probes.observe(seconds),
    refuted: () => refutations.inc(),
  };
}
