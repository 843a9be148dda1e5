import { randomUUID } from 'node:crypto';
import { Client, credentials, Metadata, type ClientDuplexStream } from '@grpc/grpc-js';
import {
  DEFAULT_SETTINGS,
  type ClusterMap,
  type MapCollection,
  type MapCopy,
  type MapShard,
} from '#model/cluster-map.ts';
import { PORTS } from '#model/ports.ts';
import { evenSlots } from '#model/slot.ts';
import { loadServiceClient } from '#proto/load-service.ts';
import type { CollectionRequest, CopyReply, CopyRequest, NodeReport } from '#proto/control-messages.ts';
import type { NodeMessage, OperatorMessage } from '../rpc/control-messages.ts';

const method = loadServiceClient('control.proto', 'Control').service['Session']!;
const REDIAL_MS = 100;

type Session = ClientDuplexStream<OperatorMessage, NodeMessage>;

/** Collection as tests ask for one. */
export interface TestCollection {
  name: string;
  shards: number;
  copies: number;
  dimension: number;
  metric?: MapCollection['metric'];
  minInSync?: number;
}

/** A stand-in for the operator with its status in memory: dials the nodes, pushes maps, grants changes of the in-sync set. For tests only. */
export class FakeOperator {
  map: ClusterMap;
  reports = new Map<string, NodeReport>();
  /** Every request for a change of an in-sync set, as it came. */
  requests: CopyRequest[] = [];
  /** Tests may let a request wait without an answer, or refuse it. */
  holds: (request: CopyRequest) => boolean = () => false;
  decide: (request: CopyRequest) => string | null = () => null;
  #token: string;
  #sessions = new Map<string, { client: Client; stream: Session }>();
  #timer: NodeJS.Timeout | null = null;
  #stopped = false;
  #muted = new Set<string>();

  constructor(options: { clusterUID: string; token: string; nodes: { name: string; address: string }[] }) {
    this.#token = options.token;
    this.map = {
      cluster: 'ring',
      namespace: 'default',
      clusterUID: options.clusterUID,
      version: 1,
      ...DEFAULT_SETTINGS,
      nodes: options.nodes.map((node) => ({ ...node, zone: '' })),
      collections: [],
    };
  }

  /** Dials every node, and again whenever a stream ends, until stop(). */
  start(): void {
    this.#stopped = false;
    this.#dialAll();
    this.#timer = setInterval(() => this.#dialAll(), REDIAL_MS);
  }

  stop(): void {
    this.#stopped = true;
    if (this.#timer) clearInterval(this.#timer);
    for (const { client, stream } of this.#sessions.values()) {
      stream.cancel();
      client.close();
    }
    this.#sessions.clear();
  }

  /** Places a collection's copies round robin; its table appears when every copy was reported. */
  addCollection({ name, shards, copies, dimension, metric = 'Cosine', minInSync = 1 }: TestCollection): void {
    const nodes = this.map.nodes.map((node) => node.name);
    const slots = evenSlots(shards);
    this.map.collections.push({
      name,
      object: name,
      uid: randomUUID(),
      cluster: this.map.cluster,
      dimension,
      metric,
      hnsw: { m: 16, efConstruction: 100, efSearch: 128 },
      payloadIndexes: [],
      textFields: [],
      replicationFactor: copies,
      tableVersion: 0,
      routing: [],
      shards: slots.map((range, index) => ({
        name: `${name}-${index}`,
        uid: randomUUID(),
        collection: name,
        slots: range,
        primaryTerm: 0,
        configVersion: 1,
        minInSync,
        copies: Array.from({ length: copies }, (_, i) => ({
          node: nodes[(index + i) % nodes.length]!,
          role: i === 0 ? ('Primary' as const) : ('Replica' as const),
          inSync: true,
          allocationId: randomUUID(),
        })),
      })),
    });
    this.push();
  }

  shard(name: string): MapShard {
    const shard = this.map.collections.flatMap((collection) => collection.shards).find((known) => known.name === name);
    if (!shard) throw new Error(`no shard ${name}`);
    return shard;
  }

  /** Makes another copy the primary, in a new term; the old primary leaves the in-sync set. */
  promote(name: string, node: string): void {
    const shard = this.shard(name);
    shard.primaryTerm++;
    shard.configVersion++;
    for (const copy of shard.copies) {
      if (copy.role === 'Primary') Object.assign(copy, { role: 'Joining', inSync: false });
      if (copy.node === node) copy.role = 'Primary';
    }
    this.push();
  }

  /** Promises a planned change of primary: made when the primary says that it is sealed and drained. */
  handOver(name: string, node: string): void {
    this.shard(name).handoverTo = node;
    this.push();
  }

  /** No more maps for this node. */
  mute(node: string): void {
    this.#muted.add(node);
  }

  /** Sends the next version of the map to every connected node. */
  push(): void {
    this.map.version++;
    for (const [node, { stream }] of this.#sessions) if (!this.#muted.has(node)) this.#send(stream);
  }

  #send(stream: Session): void {
    stream.write({ map: { version: this.map.version, json: Buffer.from(JSON.stringify(this.map)) } });
  }

  #dialAll(): void {
    for (const { name, address } of this.map.nodes) if (!this.#sessions.has(name)) this.#dial(name, address);
  }

  #dial(node: string, address: string): void {
    const client = new Client(`${address}:${PORTS.node}`, credentials.createInsecure(), {
      'grpc.use_local_subchannel_pool': 1,
      'grpc.max_reconnect_backoff_ms': REDIAL_MS,
      'grpc.max_receive_message_length': -1,
    });
    const metadata = new Metadata();
    metadata.set('authorization', `Bearer ${this.#token}`);
    const stream: Session = client.makeBidiStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      metadata,
    );
    this.#sessions.set(node, { client, stream });
    const gone = (): void => {
      if (this.#sessions.get(node)?.stream !== stream) return;
      this.#sessions.delete(node);
      client.close();
    };
    stream.on('error', gone);
    stream.on('end', gone);
    stream.on('data', (message: NodeMessage) => this.#receive(node, stream, message));
    const { cluster, clusterUID } = this.map;
    stream.write({ hello: { cluster, clusterUid: clusterUID, operator: 'fake', version: '0' } });
  }

  #receive(node: string, stream: Session, message: NodeMessage): void {
    if (this.#stopped) return;
    if (message.hello) this.#send(stream);
    if (message.report) {
      this.reports.set(node, message.report);
      this.#activate();
    }
    if (message.copyRequest) this.#answer(stream, message.copyRequest);
    if (message.collectionRequest) this.#collection(stream, message.collectionRequest);
  }

  /** Gives the first term to shards whose copies all exist, and the table to collections whose shards all have one. */
  #activate(): void {
    let changed = false;
    for (const collection of this.map.collections) {
      for (const shard of collection.shards) {
        if (shard.primaryTerm > 0 || !shard.copies.every((copy) => this.#created(shard.name, copy))) continue;
        shard.primaryTerm = 1;
        changed = true;
      }
      if (collection.tableVersion > 0 || !collection.shards.every((shard) => shard.primaryTerm > 0)) continue;
      collection.tableVersion = 1;
      collection.routing = collection.shards.map(({ name, slots }) => ({ shard: name, slots }));
      changed = true;
    }
    if (changed) this.push();
  }

  #created(shard: string, copy: MapCopy): boolean {
    const report = this.reports.get(copy.node)?.copies.find((entry) => entry.shard === shard);
    return report?.allocationId === copy.allocationId && report.state === 'CREATED';
  }

  #answer(stream: Session, request: CopyRequest): void {
    this.requests.push(request);
    if (!this.holds(request)) stream.write({ copyReply: this.#change(request) });
  }

  #change(request: CopyRequest): CopyReply {
    const { requestId } = request;
    const shard = this.shard(request.shard);
    const copy = shard.copies.find((known) => known.allocationId === request.allocationId);
    const refusal =
      this.decide(request) ??
      (request.term === shard.primaryTerm ? null : 'stale term') ??
      (copy && copy.role !== 'Primary' ? null : 'no such replica');
    if (refusal !== null || !copy) {
      return { requestId, ok: false, reason: refusal ?? '', configVersion: shard.configVersion };
    }
    if (request.action === 'HAND_OVER') return this.#handOver(shard, copy, requestId);
    copy.inSync = request.action === 'ADD_TO_IN_SYNC';
    copy.role = copy.inSync ? 'Replica' : 'Joining';
    shard.configVersion++;
    this.push();
    return { requestId, ok: true, reason: '', configVersion: shard.configVersion };
  }

  #handOver(shard: MapShard, copy: MapCopy, requestId: number): CopyReply {
    if (shard.handoverTo !== copy.node || !copy.inSync) {
      return { requestId, ok: false, reason: 'not promised', configVersion: shard.configVersion };
    }
    for (const old of shard.copies) if (old.role === 'Primary') old.role = 'Replica';
    copy.role = 'Primary';
    delete shard.handoverTo;
    shard.primaryTerm++;
    shard.configVersion++;
    this.push();
    return { requestId, ok: true, reason: '', configVersion: shard.configVersion };
  }

  #collection(stream: Session, request: CollectionRequest): void {
    const collectionReply = { requestId: request.requestId, ok: true, code: '', message: '', field: '' };
    if (request.action === 'CREATE') {
      const spec: unknown = JSON.parse(Buffer.from(request.specJson).toString());
      const dimension = typeof spec === 'object' && spec && 'dimension' in spec ? Number(spec.dimension) : 4;
      this.addCollection({ name: request.name, shards: 2, copies: 1, dimension });
    } else if (request.action === 'DELETE') {
      this.map.collections = this.map.collections.filter((collection) => collection.name !== request.name);
      this.push();
    }
    stream.write({ collectionReply });
  }
}
