import { credentials, Metadata, status, type ClientDuplexStream, type ServiceError } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import { loadServiceClient, MAX_MESSAGE_BYTES } from '#proto/load-service.ts';
import { PORTS } from '#model/ports.ts';
import { backoffMs } from '../kube/backoff.ts';
import type { NodeMessage, OperatorMessage } from './messages.ts';

/** Where a node is and how to be let in. */
export interface NodeAddress {
  node: string;
  /** Pod IP. */
  ip: string;
  cluster: string;
  clusterUID: string;
  token: string;
}

export interface SessionEvents {
  /** The stream is up and the node has said hello. */
  onConnected: () => void;
  onMessage: (message: NodeMessage) => void;
  /** The stream ended; it is dialled again. `refused` is the node's sentence when it will not have us. */
  onDisconnected: (refused: string | undefined) => void;
}

const BACKOFF = { firstMs: 100, maxMs: 5_000 };
const HELLO_TIMEOUT_MS = 5_000;
/** Messages that wait for a slow node; beyond it the stream is cut and dialled anew. */
const MAX_UNSENT = 1_000;
const REFUSALS = new Set<number>([status.FAILED_PRECONDITION, status.UNAUTHENTICATED, status.PERMISSION_DENIED]);

type ControlStream = ClientDuplexStream<OperatorMessage, NodeMessage>;

/** One node's control stream: dials, says hello, and dials again for as long as it is not closed. */
export class NodeSession {
  readonly address: NodeAddress;
  readonly #events: SessionEvents;
  readonly #identity: { operator: string; version: string };
  readonly #log: Logger;
  readonly #mayAct: () => boolean;
  readonly #client: InstanceType<ReturnType<typeof loadServiceClient>>;
  #stream: ControlStream | undefined;
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;
  #greeted = false;
  #closed = false;
  #unsent = 0;

  constructor(
    address: NodeAddress,
    identity: { operator: string; version: string },
    events: SessionEvents,
    log: Logger,
    mayAct: () => boolean = () => true,
  ) {
    this.#mayAct = mayAct;
    this.address = address;
    this.#events = events;
    this.#identity = identity;
    this.#log = log.child({ cluster: address.cluster, node: address.node });
    const host = address.ip.includes(':') ? `[${address.ip}]` : address.ip;
    const Client = controlClient();
    this.#client = new Client(`${host}:${PORTS.node}`, credentials.createInsecure(), {
      'grpc.keepalive_time_ms': 10_000,
      'grpc.keepalive_timeout_ms': 5_000,
      'grpc.keepalive_permit_without_calls': 0,
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 2_000,
      'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
      'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
      'grpc.enable_http_proxy': 0,
    });
    this.#dial();
  }

  /** True after the node's hello. */
  get connected(): boolean {
    return this.#greeted;
  }

  /** Sends a message; dropped when the node is away, since everything is sent again after the next hello. */
  send(message: OperatorMessage): void {
    // A node hears the operator that greeted it last: one that may no longer lead must not say anything.
    if (this.#stream === undefined || !this.#greeted || !this.#mayAct()) return;
    this.#write(message);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#stream?.cancel();
    this.#client.close();
  }

  #dial(): void {
    if (!this.#mayAct()) {
      this.#timer = setTimeout(() => this.#dial(), BACKOFF.maxMs);
      return;
    }
    const metadata = new Metadata();
    metadata.set('authorization', `Bearer ${this.address.token}`);
    const stream = this.#client['Session']!(metadata) as unknown as ControlStream;
    this.#stream = stream;
    this.#greeted = false;
    this.#unsent = 0;
    const deadline = setTimeout(() => stream.cancel(), HELLO_TIMEOUT_MS);
    stream.on('data', (message: NodeMessage) => {
      if (message.body === 'hello') {
        clearTimeout(deadline);
        this.#onHello(stream, message.hello.clusterUid);
      } else if (this.#greeted) {
        this.#events.onMessage(message);
      }
    });
    // Every way in which a stream ends is told once by 'status' or by 'error'.
    let ended = false;
    const end = (code: number, details: string): void => {
      if (ended) return;
      ended = true;
      clearTimeout(deadline);
      this.#onEnd(stream, code, details);
    };
    stream.on('error', (error: ServiceError) => end(error.code, error.details));
    stream.on('end', () => end(status.UNAVAILABLE, 'the node ended the stream'));
    const { cluster, clusterUID } = this.address;
    this.#write({ hello: { cluster, clusterUid: clusterUID, ...this.#identity } });
  }

  #write(message: OperatorMessage): void {
    const stream = this.#stream;
    if (stream === undefined) return;
    if (this.#unsent >= MAX_UNSENT) return stream.cancel();
    this.#unsent += 1;
    stream.write(message, () => (this.#unsent -= 1));
  }

  #onHello(stream: ControlStream, clusterUID: string): void {
    if (this.#closed || stream !== this.#stream) return;
    if (clusterUID !== '' && clusterUID !== this.address.clusterUID) {
      this.#events.onDisconnected(`its volume belongs to cluster uid ${clusterUID}`);
      stream.cancel();
      return;
    }
    this.#greeted = true;
    this.#failures = 0;
    this.#log.info('node connected');
    this.#events.onConnected();
  }

  #onEnd(stream: ControlStream, code: number, details: string): void {
    if (this.#closed || stream !== this.#stream) return;
    this.#stream = undefined;
    if (this.#greeted) this.#log.warn({ code: status[code], details }, 'node disconnected');
    this.#greeted = false;
    const refused = REFUSALS.has(code) ? details : undefined;
    if (refused !== undefined) this.#log.error({ code: status[code], details }, 'node refuses the operator');
    this.#events.onDisconnected(refused);
    this.#failures += 1;
    const wait = backoffMs(this.#failures, BACKOFF, Math.random());
    this.#timer = setTimeout(() => this.#dial(), wait);
  }
}

let loaded: ReturnType<typeof loadServiceClient> | undefined;

function controlClient(): ReturnType<typeof loadServiceClient> {
  return (loaded ??= loadServiceClient('control.proto', 'Control'));
}
