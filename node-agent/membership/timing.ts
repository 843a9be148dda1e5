import type { MembershipSettings } from '#model/cluster-map.ts';

/** The machine is to be ticked so often. */
export const TICK_MS = 50;
/** A tick so late means that this process stood still: that time counts against nobody else. */
export const STANDSTILL_MS = 250;
/** Worst local health; the paper's S. */
export const MAX_LOCAL_HEALTH = 8;
/** A suspicion that nobody confirms lasts so many times as long as one that enough others do. */
export const UNCONFIRMED_FACTOR = 3;
/** Confirmations that shorten a suspicion to its minimum, at most. */
const MAX_CONFIRMATIONS = 3;
/** The paper's lambda: a rumour is sent so many times the logarithm of the cluster's size. */
const RETRANSMIT_FACTOR = 4;
/** Rounds of gossip in one probe interval. */
const GOSSIP_ROUNDS = 5;
/** A node probes so many times `fanout` members in one interval: in clusters up to 7 nodes everyone, by the defaults. */
const PROBES_PER_FANOUT = 2;

/** Settings that the machine can live with, whatever the resource says. */
export function withinReason(settings: MembershipSettings): MembershipSettings {
  return {
    probeIntervalMs: Math.max(2 * TICK_MS, settings.probeIntervalMs),
    probeTimeoutMs: Math.max(TICK_MS, settings.probeTimeoutMs),
    indirectProbes: Math.max(0, settings.indirectProbes),
    suspicionMultiplier: Math.max(1, settings.suspicionMultiplier),
    fanout: Math.max(1, settings.fanout),
  };
}

/** Time between one node's probes of two members, ms. `others`: members beside itself. */
export function turnMs({ probeIntervalMs, fanout }: MembershipSettings, others: number): number {
  return probeIntervalMs / Math.max(1, Math.min(others, PROBES_PER_FANOUT * fanout));
}

/** Time in which a node probes every member once, ms. */
export function cycleMs(settings: MembershipSettings, others: number): number {
  return turnMs(settings, others) * others;
}

/** Most members told at once of what can wait: at the start, or when one comes back. */
export function burst({ fanout }: MembershipSettings): number {
  return PROBES_PER_FANOUT * fanout;
}

export function gossipMs({ probeIntervalMs }: MembershipSettings): number {
  return Math.max(TICK_MS, probeIntervalMs / GOSSIP_ROUNDS);
}

/** How often one rumour is sent by one node. */
export function transmissions(nodes: number): number {
  return RETRANSMIT_FACTOR * Math.ceil(Math.log10(nodes + 1));
}

/** Confirmations by others that shorten a suspicion to its minimum: with the first suspecter they are a majority of a small cluster. */
export function confirmationsWanted(nodes: number): number {
  return Math.max(0, Math.min(MAX_CONFIRMATIONS, Math.floor(nodes / 2), nodes - 2));
}

/** How long a member stays Suspect before it is Dead, ms. */
export function suspicionMs(settings: MembershipSettings, nodes: number, confirmations: number): number {
  const least = settings.suspicionMultiplier * Math.max(1, Math.log10(nodes)) * settings.probeIntervalMs;
  const wanted = confirmationsWanted(nodes);
  if (wanted === 0) return least;
  const most = UNCONFIRMED_FACTOR * least;
  return Math.max(least, most - ((most - least) * Math.log(confirmations + 1)) / Math.log(wanted + 1));
}

export interface DetectionTime {
  /** From death to the first probe of the dead node by anyone, on average. */
  firstProbeMs: number;
  expectedMs: number;
  /** Without loss of datagrams, and with an unstretched local health. */
  worstMs: number;
}

/**
 * Time from one node's death until every other knows it, by formula (docs/membership.md): first probe + direct and indirect timeout +
 * confirmed suspicion + one turn of ticks. Others are up and one network.
 */
export function detectionTime(settings: MembershipSettings, nodes: number): DetectionTime {
  const cycle = cycleMs(settings, nodes - 1);
  // The survivors' probes of one member fall anywhere in the cycle, each on its own.
  const firstProbeMs = cycle / nodes;
  const after = 2 * settings.probeTimeoutMs + suspicionMs(settings, nodes, confirmationsWanted(nodes)) + 3 * TICK_MS;
  return { firstProbeMs, expectedMs: firstProbeMs + after, worstMs: cycle + after };
}
