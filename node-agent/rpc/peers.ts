import type { ClusterMap } from '#model/cluster-map.ts';
import { PORTS } from '#model/ports.ts';
import { PeerClient, PeerUnreachable, type PeerClientOptions } from './peer-client.ts';

const HEARTBEAT_MS = 2_000;
const MAP_FETCH_TIMEOUT_MS = 5_000;
const CAUGHT_UP_POLL_MS = 10;

export interface PeersOptions extends Omit<PeerClientOptions, 'node' | 'target' | 'onMapVersion'> {
  map(): ClusterMap;
  /** A peer's newer map, as JSON text, to be checked and taken. */
  onMap(json: string, from: string): void;
}

/** The streams to this cluster's other nodes, by node name; addresses come from the map. */
export class Peers {
  #options: PeersOptions;
  #clients = new Map<string, PeerClient>();
  /** Newest map version that each node has said. */
  #versions = new Map<string, number>();
  /** Nodes that are being asked for their map. */
  #fetching = new Set<string>();
  #timer: NodeJS.Timeout;

  constructor(options: PeersOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#heartbeat(), HEARTBEAT_MS);
    this.#timer.unref();
  }

  /** Throws PeerUnreachable when the map has no address of that node. */
  get(node: string): PeerClient {
    const address = this.#options.map().nodes.find((entry) => entry.name === node)?.address;
    if (!address) throw new PeerUnreachable(`node ${node} has no address in map ${this.#options.map().version}`, false);
    const target = `${address.includes(':') ? `[${address}]` : address}:${PORTS.node}`;
    const known = this.#clients.get(node);
    if (known?.options.target === target) return known;
    known?.close();
    const client = new PeerClient({
      ...this.#options,
      node,
      target,
      onMapVersion: (from, version) => this.seen(from, version),
    });
    this.#clients.set(node, client);
    return client;
  }

  /** A node is believed dead: calls to it fail at once. */
  lost(node: string): void {
    this.#clients.get(node)?.lost();
  }

  /** A node is alive again: it is dialled at once. */
  back(node: string): void {
    this.#clients.get(node)?.back();
  }

  /** Requests under way to a node. */
  outstanding(node: string): number {
    return this.#clients.get(node)?.outstanding ?? 0;
  }

  /** A node said its map's version: a newer one is fetched from it. */
  seen(node: string, version: number): void {
    this.#versions.set(node, version);
    if (version > this.#options.mapVersion() && !this.#fetching.has(node)) void this.fetchMap(node);
  }

  /** Waits until every other node of the map has said that it has this version, at most so long. Never rejects: a dead node must not hold others up. */
  async caughtUp(version: number, timeoutMs: number): Promise<void> {
    const deadline = this.#options.now() + timeoutMs;
    const behind = ({ name, address }: ClusterMap['nodes'][number]): boolean =>
      name !== this.#options.self && address !== '' && (this.#versions.get(name) ?? 0) < version;
    while (this.#options.map().nodes.some(behind) && this.#options.now() < deadline) {
      this.#heartbeat();
      await new Promise((resolve) => setTimeout(resolve, CAUGHT_UP_POLL_MS));
    }
  }

  /** Asks a node for its map. Never rejects. */
  async fetchMap(node: string): Promise<void> {
    this.#fetching.add(node);
    try {
      const { json } = await this.get(node).call('getMap', {}, MAP_FETCH_TIMEOUT_MS);
      this.#options.onMap(Buffer.from(json).toString(), node);
    } catch {
      // The next heartbeat or refusal tries again.
    } finally {
      this.#fetching.delete(node);
    }
  }

  close(): void {
    clearInterval(this.#timer);
    for (const client of this.#clients.values()) client.close();
    this.#clients.clear();
  }

  #heartbeat(): void {
    const nodes = new Map(this.#options.map().nodes.map((node) => [node.name, node.address]));
    for (const [node, client] of this.#clients) {
      if (nodes.get(node)) continue;
      client.close();
      this.#clients.delete(node);
      this.#versions.delete(node);
    }
    for (const [node, address] of nodes) {
      if (node !== this.#options.self && address !== '') this.get(node).heartbeat();
    }
  }
}
