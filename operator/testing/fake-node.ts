import { Server, ServerCredentials, status, type ServerDuplexStream } from '@grpc/grpc-js';
import type { ClusterMap } from '#model/cluster-map.ts';
import { PORTS } from '#model/ports.ts';
import { loadServiceClient, MAX_MESSAGE_BYTES } from '#proto/load-service.ts';
import type { CollectionReply, CopyReply, CopyReport, CopyRequest, MemberReport } from '#proto/control-messages.ts';

type Stream = ServerDuplexStream<Received, object>;
interface Received {
  body?: string;
  hello?: { cluster: string; clusterUid: string; operator: string };
  map?: { version: number; json: Buffer };
  collectionReply?: CollectionReply;
  copyReply?: CopyReply;
}

export interface FakeNodeOptions {
  node: string;
  /** A loopback address of its own: the port is the real one. */
  ip: string;
  token: string;
  clusterUID: string;
  /** Reports every copy that a map gives it as made, as a node with a fresh volume does. */
  obedient?: boolean;
}

/** The node's side of the control stream, without a node behind it. */
export class FakeNode {
  readonly options: FakeNodeOptions;
  /** Maps in the order in which they came. */
  readonly maps: ClusterMap[] = [];
  readonly copyReplies: CopyReply[] = [];
  readonly collectionReplies: CollectionReply[] = [];
  /** Operators that said hello. */
  readonly hellos: string[] = [];
  readonly #server = new Server({ 'grpc.max_receive_message_length': MAX_MESSAGE_BYTES });
  #stream: Stream | undefined;
  /** What gossip says of other nodes, where it is not that they are alive. */
  #beliefs: Record<string, MemberReport['state']> = {};
  #copies: Partial<CopyReport>[] = [];

  constructor(options: FakeNodeOptions) {
    this.options = options;
  }

  async start(): Promise<void> {
    this.#server.addService(loadServiceClient('control.proto', 'Control').service, {
      Session: (stream: Stream) => this.#session(stream),
    });
    await new Promise<void>((resolve, reject) => {
      const address = `${this.options.ip}:${PORTS.node}`;
      this.#server.bindAsync(address, ServerCredentials.createInsecure(), (error) =>
        error ? reject(error) : resolve(),
      );
    });
  }

  stop(): void {
    this.#server.forceShutdown();
  }

  get connected(): boolean {
    return this.#stream !== undefined;
  }

  get map(): ClusterMap | undefined {
    return this.maps.at(-1);
  }

  /** Cuts the stream, as a lost connection does. */
  cut(): void {
    this.#stream?.end();
    this.#stream = undefined;
  }

  report(...copies: Partial<CopyReport>[]): void {
    this.#copies = copies;
    const members = (this.map?.nodes ?? [])
      .filter(({ name }) => name !== this.options.node)
      .map(({ name }) => ({ node: name, state: this.#beliefs[name] ?? 'ALIVE' }));
    this.#stream?.write({ report: { mapVersion: this.map?.version ?? 0, copies, members } });
  }

  /** Reports the same copies again, and these beliefs of other nodes. */
  believe(beliefs: Record<string, MemberReport['state']>): void {
    this.#beliefs = beliefs;
    this.report(...this.#copies);
  }

  requestCopy(copyRequest: CopyRequest): void {
    this.#stream?.write({ copyRequest });
  }

  requestCollection(requestId: number, action: 'CREATE' | 'UPDATE' | 'DELETE', name: string, spec: object = {}): void {
    const collectionRequest = { requestId, action, name, specJson: Buffer.from(JSON.stringify(spec)) };
    this.#stream?.write({ collectionRequest });
  }

  #session(stream: Stream): void {
    const { token, node, clusterUID } = this.options;
    stream.on('error', () => undefined);
    if (stream.metadata.get('authorization')[0] !== `Bearer ${token}`) {
      stream.emit('error', { code: status.UNAUTHENTICATED, details: 'wrong token' });
      return;
    }
    stream.on('data', (message: Received) => {
      if (message.hello) {
        if (message.hello.clusterUid !== clusterUID) {
          stream.emit('error', {
            code: status.FAILED_PRECONDITION,
            details: `this volume is of cluster uid ${clusterUID}`,
          });
          return;
        }
        this.hellos.push(message.hello.operator);
        this.#stream = stream;
        stream.write({ hello: { node, clusterUid: clusterUID, mapVersion: this.map?.version ?? 0, version: 'fake' } });
      }
      if (message.map) this.#onMap(JSON.parse(message.map.json.toString()) as ClusterMap);
      if (message.copyReply) this.copyReplies.push(message.copyReply);
      if (message.collectionReply) this.collectionReplies.push(message.collectionReply);
    });
  }

  #onMap(map: ClusterMap): void {
    this.maps.push(map);
    if (this.options.obedient !== true) return;
    const copies = map.collections
      .flatMap((collection) => collection.shards)
      .flatMap((shard) =>
        shard.copies
          .filter((copy) => copy.node === this.options.node)
          .map((copy) => ({
            shard: shard.name,
            allocationId: copy.allocationId,
            state: shard.primaryTerm === 0 ? ('CREATED' as const) : ('READY' as const),
            term: shard.primaryTerm,
          })),
      );
    this.report(...copies);
  }
}
