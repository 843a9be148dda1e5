import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import type { KeyObject } from 'node:crypto';
import type { Logger } from 'pino';
import type { ClusterMap } from '#model/cluster-map.ts';
import { PORTS } from '#model/ports.ts';
import type { MemberReport } from '#proto/control-messages.ts';
import { PortInUse } from '../rpc/listen.ts';
import type { GossipMetrics } from './gossip-metrics.ts';
import { MAX_SUSPECTERS, type GossipMessage, type Vitals } from './messages.ts';
import type { MemberState } from './member.ts';
import { RateLimit } from './rate-limit.ts';
import { Seal } from './seal.ts';
import type { MembershipEvent } from './swim-options.ts';
import { Swim } from './swim.ts';
import { TICK_MS } from './timing.ts';

/** Datagrams a second, each way: checking a signature takes about 0.13 ms. */
const MAX_DATAGRAMS_PER_SECOND = 1_000;
const MAX_SOURCES = 1_000;
/** The node's own figures are looked at so often. */
const VITALS_MS = 1_000;
/** Longest wait for the last datagrams, in turns of 5 ms. */
const FAREWELL_TURNS = 100;

export interface GossipOptions {
  node: string;
  clusterUID: string;
  /** Address that the socket is bound to, and so the datagrams' source. */
  bind: string;
  key: KeyObject;
  map: ClusterMap;
  logger: Logger;
  vitals(): Omit<Vitals, 'zone'>;
  metrics: GossipMetrics;
  /** A member is believed otherwise than before. */
  onState(change: { node: string; from: MemberState; to: MemberState }): void;
  /** A member has a newer map. */
  onNewerMap(node: string, version: number): void;
}

/** The Swim machine on a UDP socket. */
export class Gossip {
  #options: GossipOptions;
  #swim: Swim;
  #seal: Seal;
  #socket: Socket;
  #addresses = new Map<string, string>();
  /** Where nodes that the map does not name spoke from. */
  #sources = new Map<string, string>();
  #inbound = new RateLimit(MAX_DATAGRAMS_PER_SECOND);
  #outbound = new RateLimit(MAX_DATAGRAMS_PER_SECOND);
  #timer: NodeJS.Timeout | null = null;
  #vitalsAt = 0;
  #sending = 0;
  #closed = false;

  private constructor(options: GossipOptions) {
    this.#options = options;
    this.#seal = new Seal(options.clusterUID, options.key);
    this.#socket = createSocket(options.bind.includes(':') ? 'udp6' : 'udp4');
    this.#swim = new Swim({
      self: options.node,
      incarnation: Date.now(),
      settings: options.map.membership,
      random: Math.random,
      now: performance.now(),
    });
  }

  /** Binds the port and begins; throws PortInUse. */
  static async start(options: GossipOptions): Promise<Gossip> {
    const gossip = new Gossip(options);
    await gossip.#bind();
    gossip.configure(options.map);
    return gossip;
  }

  /** The map's nodes are the members, by its settings. */
  configure(map: ClusterMap): void {
    this.#seal.accept(map.publicKey);
    this.#addresses = new Map(map.nodes.map(({ name, address }) => [name, address]));
    this.#measure(performance.now());
    const members = map.nodes.map(({ name, zone }) => ({ node: name, zone }));
    this.#act((now) => this.#swim.configure(members, map.membership, now));
  }

  /** The connection to a node broke or was refused. */
  hint(node: string): void {
    this.#act((now) => this.#swim.hint(node, now));
  }

  /** What this node believes of a member; Alive of one that is none. */
  state(node: string): MemberState {
    return this.#swim.member(node)?.state ?? 'Alive';
  }

  get localHealth(): number {
    return this.#swim.localHealth;
  }

  states(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>([
      ['Alive', 0],
      ['Suspect', 0],
      ['Dead', 0],
    ]);
    for (const { state } of this.#swim.members()) counts.set(state, counts.get(state)! + 1);
    return counts;
  }

  /** For the operator. A member that nothing was heard of yet is left out until it is found missing: nobody should count on it. */
  report(): MemberReport[] {
    const now = performance.now();
    return [...this.#swim.members()]
      .filter(({ heard, state }) => heard || state === 'Dead')
      .map(({ node, state, incarnation, since }) => ({
        node,
        state: REPORTED[state],
        incarnation,
        forMs: Math.max(0, Math.round(now - since)),
      }));
  }

  /** Says goodbye, so that nobody has to find out. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#act(() => this.#swim.leave());
    this.#closed = true;
    if (this.#timer) clearInterval(this.#timer);
    // A socket that closes drops what it has not sent yet.
    for (let i = 0; i < FAREWELL_TURNS && this.#sending > 0; i++)
      await new Promise((resolve) => setTimeout(resolve, 5));
    await new Promise<void>((resolve) => this.#socket.close(() => resolve()));
  }

  #bind(): Promise<void> {
    const { bind, logger } = this.#options;
    return new Promise((resolve, reject) => {
      this.#socket.once('error', (error: NodeJS.ErrnoException) => {
        reject(error.code === 'EADDRINUSE' ? new PortInUse(bind, PORTS.gossip) : error);
      });
      this.#socket.bind({ address: bind, port: PORTS.gossip, exclusive: true }, () => {
        this.#socket.removeAllListeners('error');
        this.#socket.on('error', (error) => logger.warn({ error: error.message }, 'gossip socket'));
        this.#socket.on('message', (datagram, from) => this.#receive(datagram, from));
        this.#timer = setInterval(() => this.#tick(), TICK_MS);
        this.#timer.unref();
        resolve();
      });
    });
  }

  #tick(): void {
    const now = performance.now();
    if (now >= this.#vitalsAt) this.#measure(now);
    this.#act(() => this.#swim.tick(now));
  }

  #measure(now: number): void {
    this.#vitalsAt = now + VITALS_MS;
    this.#swim.setVitals(this.#options.vitals());
  }

  #receive(datagram: Buffer, from: RemoteInfo): void {
    const { metrics } = this.#options;
    const now = performance.now();
    if (this.#closed) return;
    if (!this.#inbound.allows(now)) {
      metrics.datagram('in', 'over_rate');
      return;
    }
    const message = this.#seal.open(datagram);
    if (typeof message === 'string') {
      metrics.datagram('in', message);
      return;
    }
    metrics.datagram('in', 'ok');
    const { node } = message.sender;
    if (!this.#addresses.has(node) && this.#sources.size < MAX_SOURCES) this.#sources.set(node, from.address);
    this.#act(() => this.#swim.receive(message, now));
  }

  #act(step: (now: number) => void): void {
    if (this.#closed) return;
    step(performance.now());
    const { sends, events } = this.#swim.takeReady();
    for (const { to, message } of sends) this.#send(to, message);
    for (const event of events) this.#happened(event);
  }

  #send(to: string, message: GossipMessage): void {
    const { metrics } = this.#options;
    const address = this.#addresses.get(to) ?? this.#sources.get(to) ?? '';
    if (address === '') return metrics.datagram('out', 'no_address');
    if (!this.#outbound.allows(performance.now())) return metrics.datagram('out', 'over_rate');
    this.#sending++;
    this.#socket.send(this.#seal.seal(message), PORTS.gossip, address, (error) => {
      this.#sending--;
      metrics.datagram('out', error ? 'failed' : 'ok');
    });
  }

  #happened(event: MembershipEvent): void {
    const { logger, metrics, onState, onNewerMap } = this.#options;
    switch (event.type) {
      case 'state': {
        const { node, from, to, left } = event;
        const by = [...(this.#swim.member(node)?.suspecters ?? [])].slice(0, MAX_SUSPECTERS);
        const level = to === 'Alive' ? 'info' : 'warn';
        logger[level](
          { member: node, from, to, ...(left ? { left } : {}), ...(by.length > 0 ? { by } : {}) },
          'member',
        );
        onState({ node, from, to });
        break;
      }
      case 'newerMap':
        onNewerMap(event.node, event.version);
        break;
      case 'refuted':
        metrics.refuted();
        logger.warn({ by: event.by, incarnation: event.incarnation }, 'others doubted that this node lives; refuted');
        break;
      case 'answered':
        metrics.answered(event.milliseconds / 1_000);
        break;
    }
  }
}

const REPORTED = { Alive: 'ALIVE', Suspect: 'SUSPECT', Dead: 'DEAD' } as const;
