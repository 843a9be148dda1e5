import { Client, credentials, type ClientDuplexStream, type ServiceError } from '@grpc/grpc-js';
import { AnnulusError, errorFromWire } from '#model/errors.ts';
import { internalMetadata } from './auth.ts';
import type {
  PeerReplies,
  PeerRequests,
  RepliesMessage,
  RequestFrame,
  RequestKind,
  RequestsMessage,
} from './messages.ts';
import { approximateBytes, Outbox } from './outbox.ts';
import { plainReason } from './plain-reason.ts';
import { loadServiceClient, MAX_MESSAGE_BYTES } from '#proto/load-service.ts';

const MAX_PENDING_CALLS = 10_000;
const MAX_QUEUED_BYTES = 64 * 1024 * 1024;
const CONNECT_TIMEOUT_MS = 3_000;
const BACKOFF_FIRST_MS = 50;
const BACKOFF_MAX_MS = 2_000;

const method = loadServiceClient('node.proto', 'Peer').service['Exchange']!;

/** The peer did not answer: `sent` false = it certainly never saw the request, so it may be repeated elsewhere. */
export class PeerUnreachable extends AnnulusError {
  readonly sent: boolean;

  constructor(message: string, sent: boolean) {
    super('ANN_SHARD_UNAVAILABLE', message);
    this.name = 'PeerUnreachable';
    this.sent = sent;
  }
}

export interface PeerClientOptions {
  /** Node dialled. */
  node: string;
  /** host:port */
  target: string;
  /** This node's name. */
  self: string;
  clusterUID: string;
  token: string;
  mapVersion(): number;
  /** Called with the version that the peer says. */
  onMapVersion(node: string, version: number): void;
  /** The stream broke, or could not be opened. */
  onBroken?(node: string): void;
  now(): number;
}

interface PendingCall {
  resolve(body: unknown): void;
  reject(error: Error): void;
  timer: NodeJS.Timeout;
  written: boolean;
}

type Exchange = ClientDuplexStream<RequestsMessage, RepliesMessage>;

/** One long-lived stream to one peer, dialled when first needed and again after a break, with backoff. */
export class PeerClient {
  readonly options: PeerClientOptions;
  #client: Client | null = null;
  #stream: Exchange | null = null;
  #open = false;
  #outbox: Outbox<RequestFrame>;
  #pending = new Map<number, PendingCall>();
  #nextId = 1;
  #backoffMs = 0;
  #retryAt = 0;
  #lastError = 'never connected';
  #closed = false;
  /** The node is believed dead: no call waits for a connection to it. */
  #lost = false;

  constructor(options: PeerClientOptions) {
    this.options = options;
    this.#outbox = new Outbox({ write: (frames) => this.#write(frames) });
  }

  get connected(): boolean {
    return this.#open;
  }

  /** Calls under way. */
  get outstanding(): number {
    return this.#pending.size;
  }

  /**
   * Sends a request. Rejects with the peer's error, with PeerUnreachable when the stream breaks, with ANN_TIMEOUT, or with ANN_OVERLOADED
   * when too much waits already.
   */
  call<K extends RequestKind>(kind: K, body: PeerRequests[K], timeoutMs: number): Promise<PeerReplies[K]> {
    const { node } = this.options;
    if (this.#pending.size >= MAX_PENDING_CALLS || this.#outbox.bytes > MAX_QUEUED_BYTES) {
      return Promise.reject(new AnnulusError('ANN_OVERLOADED', `too many requests wait for node ${node}`));
    }
    if (!this.#connect() || (this.#lost && !this.#open)) {
      return Promise.reject(new PeerUnreachable(`node ${node} cannot be reached: ${this.#lastError}`, false));
    }
    const id = this.#nextId++;
    return new Promise<PeerReplies[K]>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        reject(new AnnulusError('ANN_TIMEOUT', `node ${node} did not answer ${kind} within ${timeoutMs} ms`));
      }, timeoutMs);
      // The peer's schema-checked reply to a request of kind K has kind K.
      this.#pending.set(id, { resolve: resolve as (value: unknown) => void, reject, timer, written: false });
      this.#outbox.push({ id, timeoutMs, [kind]: body }, approximateBytes(body));
    });
  }

  /** An empty batch, so that both learn the other's map version. */
  heartbeat(): void {
    if (this.#connect() && this.#open) this.#stream?.write({ mapVersion: this.options.mapVersion(), requests: [] });
  }

  /**
   * The node is believed dead: calls under way fail at once, for a connection into the void would hold them for long. It is dialled again
   * nevertheless, as belief may be wrong; calls wait for that no longer.
   */
  lost(): void {
    if (this.#closed || this.#lost) return;
    this.#lost = true;
    this.#drop('it is believed dead');
    this.#connect();
  }

  /** The node is alive again: dials anew, and at once, unless the stream is open. */
  back(): void {
    this.#lost = false;
    if (this.#closed || this.#open) return;
    // An attempt that began in the void would wait for TCP to repeat itself. Calls that wait are kept.
    this.#hangUp();
    this.#backoffMs = 0;
    this.#retryAt = 0;
    this.#connect();
  }

  close(): void {
    this.#closed = true;
    this.#drop('this node is stopping, or the peer left the map');
  }

  #drop(reason: string): void {
    this.#lastError = reason;
    this.#hangUp();
    this.#backoffMs = 0;
    this.#retryAt = 0;
    this.#failAll();
  }

  /** Ends the connection, and whatever the library does to get one. */
  #hangUp(): void {
    const stream = this.#stream;
    this.#stream = null;
    stream?.cancel();
    this.#client?.close();
    this.#client = null;
  }

  /** False while the backoff after a failure lasts. */
  #connect(): boolean {
    if (this.#stream) return true;
    if (this.#closed || this.options.now() < this.#retryAt) return false;
    const { target, token, clusterUID, self } = this.options;
    this.#client ??= new Client(target, credentials.createInsecure(), {
      'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
      'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
      'grpc.keepalive_time_ms': 5_000,
      'grpc.keepalive_timeout_ms': 3_000,
      'grpc.use_local_subchannel_pool': 1,
      'grpc.initial_reconnect_backoff_ms': BACKOFF_FIRST_MS,
      'grpc.max_reconnect_backoff_ms': BACKOFF_MAX_MS,
      'grpc.enable_retries': 0,
    });
    const stream: Exchange = this.#client.makeBidiStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      internalMetadata(token, clusterUID, self),
    );
    this.#stream = stream;
    const opening = setTimeout(() => {
      if (this.#stream !== stream) return;
      this.#hangUp();
      this.#failed(`no connection within ${CONNECT_TIMEOUT_MS} ms`);
    }, CONNECT_TIMEOUT_MS);
    // The server sends its metadata as soon as it has accepted the stream: nothing is written before, so nothing was lost before.
    stream.on('metadata', () => {
      clearTimeout(opening);
      if (this.#stream !== stream) return;
      this.#open = true;
      this.#backoffMs = 0;
      this.#outbox.resume();
    });
    stream.on('drain', () => this.#outbox.resume());
    stream.on('data', (message: RepliesMessage) => this.#receive(message));
    stream.on('error', (error: ServiceError) => {
      clearTimeout(opening);
      this.#broken(stream, plainReason(error));
    });
    stream.on('end', () => {
      clearTimeout(opening);
      this.#broken(stream, 'the peer ended the stream');
    });
    return true;
  }

  #write(frames: RequestFrame[]): boolean {
    const live = frames.filter((frame) => this.#pending.has(frame.id));
    for (const frame of live) this.#pending.get(frame.id)!.written = true;
    if (live.length === 0) return true;
    return this.#stream?.write({ mapVersion: this.options.mapVersion(), requests: live }) ?? false;
  }

  #receive(message: RepliesMessage): void {
    this.options.onMapVersion(this.options.node, message.mapVersion);
    for (const reply of message.replies) {
      const call = this.#pending.get(reply.id);
      if (!call) continue;
      this.#pending.delete(reply.id);
      clearTimeout(call.timer);
      if (reply.error) call.reject(errorFromWire(reply.error));
      else call.resolve(reply.body ? reply[reply.body] : {});
    }
  }

  #broken(stream: Exchange, reason: string): void {
    if (this.#stream !== stream) return;
    this.#stream = null;
    this.#failed(reason);
  }

  #failed(reason: string): void {
    this.#lastError = reason;
    this.#backoffMs = Math.min(BACKOFF_MAX_MS, Math.max(BACKOFF_FIRST_MS, this.#backoffMs * 2));
    this.#retryAt = this.options.now() + this.#backoffMs;
    this.#failAll();
    this.options.onBroken?.(this.options.node);
  }

  #failAll(): void {
    this.#open = false;
    this.#stream = null;
    this.#outbox.clear();
    const calls = [...this.#pending.values()];
    this.#pending.clear();
    for (const call of calls) {
      clearTimeout(call.timer);
      call.reject(new PeerUnreachable(`node ${this.options.node} cannot be reached: ${this.#lastError}`, call.written));
    }
  }
}
