import type { Logger } from 'pino';
import type { PendingCopyRequest } from '../controllers/shard/copy-requests.ts';
import type { CollectionReply, CollectionRequest, CopyReply, CopyRequest } from '#proto/control-messages.ts';
import type { NodeMessage } from './messages.ts';
import { NodeSession, type NodeAddress } from './session.ts';
import { changedShards, isDiskFull, type NodeSight } from './sights.ts';

/** A compiled map, ready to be sent. */
export interface PublishedMap {
  version: number;
  json: Buffer;
}

export interface HubEvents {
  /** A node of the cluster came, went, was refused, or its disk became full or had room again. */
  onNodeChanged: (clusterKey: string) => void;
  /** A report came, a stream opened or ended: what is believed of the nodes may change. */
  onHeard: (clusterKey: string) => void;
  /** These shards (metadata.names) were reported differently or have requests waiting. */
  onShardsChanged: (clusterKey: string, shards: string[]) => void;
  /** Must resolve; what it resolves to is sent back. */
  onCollectionRequest: (clusterKey: string, request: CollectionRequest) => Promise<CollectionReply>;
}

/** Requests of primaries that wait for the shard controller; beyond it a request is dropped and the node asks again. */
const MAX_WAITING_PER_SHARD = 64;
const MAX_COLLECTION_REQUESTS = 32;

interface Cluster {
  sessions: Map<string, NodeSession>;
  sights: Map<string, NodeSight>;
  map: PublishedMap | undefined;
  /** Waiting copy requests by shard. */
  requests: Map<string, PendingCopyRequest[]>;
}

/** All control streams: keeps the nodes' reports in memory, sends maps, hands requests on. Keys are namespace/name of clusters. */
export class ControlHub {
  readonly #clusters = new Map<string, Cluster>();
  readonly #identity: { operator: string; version: string };
  readonly #events: HubEvents;
  readonly #log: Logger;
  readonly #mayAct: () => boolean;
  #underWay = 0;

  /** `mayAct`: false once this operator can't prove any more that it leads; then nothing is sent and nobody is dialled. */
  constructor(
    identity: { operator: string; version: string },
    events: HubEvents,
    log: Logger,
    mayAct: () => boolean = () => true,
  ) {
    this.#identity = identity;
    this.#events = events;
    this.#log = log;
    this.#mayAct = mayAct;
  }

  /** The nodes that a cluster has now: missing ones are dialled, others hung up. */
  setNodes(clusterKey: string, addresses: NodeAddress[]): void {
    const cluster = this.#cluster(clusterKey);
    const wanted = new Map(addresses.map((address) => [address.node, address]));
    for (const [node, session] of cluster.sessions) {
      const address = wanted.get(node);
      if (address !== undefined && sameAddress(address, session.address)) continue;
      session.close();
      cluster.sessions.delete(node);
      this.#onDisconnected(clusterKey, node, undefined);
    }
    for (const node of cluster.sights.keys()) if (!wanted.has(node)) cluster.sights.delete(node);
    for (const address of addresses) {
      if (!cluster.sessions.has(address.node)) cluster.sessions.set(address.node, this.#open(clusterKey, address));
    }
    if (addresses.length === 0 && cluster.map === undefined) this.#clusters.delete(clusterKey);
  }

  /** Forgets a deleted cluster. */
  forget(clusterKey: string): void {
    this.setNodes(clusterKey, []);
    this.#clusters.delete(clusterKey);
  }

  /** Sends a map to every connected node, and to each node that connects later. The map must be in the API already. */
  publish(clusterKey: string, map: PublishedMap): void {
    const cluster = this.#cluster(clusterKey);
    cluster.map = map;
    for (const session of cluster.sessions.values()) session.send({ map });
  }

  /** The map that nodes are sent now. */
  published(clusterKey: string): PublishedMap | undefined {
    return this.#clusters.get(clusterKey)?.map;
  }

  sights(clusterKey: string): Map<string, NodeSight> {
    return this.#clusters.get(clusterKey)?.sights ?? new Map();
  }

  /** Requests that wait for a shard; they stay until `reply`. */
  requests(clusterKey: string, shard: string): PendingCopyRequest[] {
    return [...(this.#clusters.get(clusterKey)?.requests.get(shard) ?? [])];
  }

  /** A request was judged and waits: what it waits for has to happen before it is judged again. */
  hold(clusterKey: string, pending: PendingCopyRequest): void {
    const { requests } = this.#cluster(clusterKey);
    const { shard } = pending.request;
    const all = requests.get(shard) ?? [];
    requests.set(
      shard,
      all.map((other) => (other === pending ? { ...pending, held: true } : other)),
    );
  }

  /** Answers a primary's request. */
  reply(clusterKey: string, pending: PendingCopyRequest, copyReply: CopyReply): void {
    const cluster = this.#cluster(clusterKey);
    const { shard } = pending.request;
    const left = (cluster.requests.get(shard) ?? []).filter((other) => other !== pending);
    if (left.length > 0) cluster.requests.set(shard, left);
    else cluster.requests.delete(shard);
    cluster.sessions.get(pending.from)?.send({ copyReply });
  }

  /** Connected nodes of all clusters, for metrics. */
  get connected(): number {
    let count = 0;
    for (const { sessions } of this.#clusters.values()) {
      for (const session of sessions.values()) if (session.connected) count += 1;
    }
    return count;
  }

  close(): void {
    for (const { sessions } of this.#clusters.values()) for (const session of sessions.values()) session.close();
    this.#clusters.clear();
  }

  #cluster(key: string): Cluster {
    const known = this.#clusters.get(key);
    if (known !== undefined) return known;
    const made: Cluster = { sessions: new Map(), sights: new Map(), map: undefined, requests: new Map() };
    this.#clusters.set(key, made);
    return made;
  }

  #open(clusterKey: string, address: NodeAddress): NodeSession {
    const { node } = address;
    const cluster = this.#cluster(clusterKey);
    if (!cluster.sights.has(node)) cluster.sights.set(node, { node, connected: false, since: Date.now() });
    const session: NodeSession = new NodeSession(
      address,
      this.#identity,
      {
        onConnected: () => {
          cluster.sights.set(node, { node, connected: true, since: Date.now() });
          if (cluster.map !== undefined) cluster.sessions.get(node)?.send({ map: cluster.map });
          this.#events.onHeard(clusterKey);
          this.#events.onNodeChanged(clusterKey);
        },
        onMessage: (message) => this.#onMessage(clusterKey, session, message),
        onDisconnected: (refused) => this.#onDisconnected(clusterKey, node, refused),
      },
      this.#log,
      this.#mayAct,
    );
    return session;
  }

  #onDisconnected(clusterKey: string, node: string, refused: string | undefined): void {
    const cluster = this.#cluster(clusterKey);
    const before = cluster.sights.get(node);
    for (const [shard, waiting] of cluster.requests) {
      const left = waiting.filter((pending) => pending.from !== node);
      if (left.length > 0) cluster.requests.set(shard, left);
      else cluster.requests.delete(shard);
    }
    if (before !== undefined && !before.connected && before.refused === refused) return;
    const since = before === undefined || before.connected ? Date.now() : before.since;
    cluster.sights.set(node, { node, connected: false, since, ...(refused === undefined ? {} : { refused }) });
    this.#events.onHeard(clusterKey);
    this.#events.onNodeChanged(clusterKey);
    const shards = before?.report?.copies.map((copy) => copy.shard) ?? [];
    if (shards.length > 0) this.#events.onShardsChanged(clusterKey, shards);
  }

  #onMessage(clusterKey: string, session: NodeSession, message: NodeMessage): void {
    const cluster = this.#cluster(clusterKey);
    const { node } = session.address;
    switch (message.body) {
      case 'report': {
        const sight = cluster.sights.get(node);
        if (sight === undefined || !sight.connected) return;
        const shards = changedShards(sight.report, message.report);
        const diskChanged = isDiskFull(sight.report) !== isDiskFull(message.report);
        sight.report = message.report;
        sight.reportAt = Date.now();
        this.#events.onHeard(clusterKey);
        if (diskChanged) this.#events.onNodeChanged(clusterKey);
        if (shards.length > 0) this.#events.onShardsChanged(clusterKey, shards);
        return;
      }
      case 'copyRequest': {
        const { shard } = message.copyRequest;
        const waiting = addRequest(cluster.requests.get(shard) ?? [], node, message.copyRequest, Date.now());
        cluster.requests.set(shard, waiting);
        this.#events.onShardsChanged(clusterKey, [shard]);
        return;
      }
      case 'collectionRequest':
        void this.#onCollectionRequest(clusterKey, session, message.collectionRequest);
        return;
      case 'hello':
      case undefined:
        return;
    }
  }

  async #onCollectionRequest(clusterKey: string, session: NodeSession, request: CollectionRequest): Promise<void> {
    const { requestId } = request;
    if (this.#underWay >= MAX_COLLECTION_REQUESTS) {
      const message = `${MAX_COLLECTION_REQUESTS} collection requests are under way already: try again`;
      session.send({ collectionReply: { requestId, ok: false, code: 'ANN_OVERLOADED', message, field: '' } });
      return;
    }
    this.#underWay += 1;
    try {
      session.send({ collectionReply: await this.#events.onCollectionRequest(clusterKey, request) });
    } finally {
      this.#underWay -= 1;
    }
  }
}

/** A primary that asks again has given up waiting for the answer to its earlier request: that one goes, and its age stays. */
export function addRequest(
  waiting: readonly PendingCopyRequest[],
  from: string,
  request: CopyRequest,
  now: number,
): PendingCopyRequest[] {
  const same = (other: PendingCopyRequest): boolean =>
    other.from === from &&
    other.request.action === request.action &&
    other.request.allocationId === request.allocationId &&
    other.request.term === request.term;
  const earlier = waiting.find(same);
  const others = waiting.filter((other) => !same(other));
  if (others.length >= MAX_WAITING_PER_SHARD) return others;
  return [...others, { from, request, since: Math.min(earlier?.since ?? now, now), at: now }];
}

function sameAddress(a: NodeAddress, b: NodeAddress): boolean {
  return a.ip === b.ip && a.token === b.token && a.clusterUID === b.clusterUID;
}
