import { status, type ServerDuplexStream, type UntypedServiceImplementation } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import { AnnulusError, errorFromWire } from '#model/errors.ts';
import { loadServiceClient } from '#proto/load-service.ts';
import { refuseByToken } from './auth.ts';
import type {
  CollectionReply,
  CollectionRequest,
  CopyReply,
  CopyRequest,
  NodeReport,
} from '#proto/control-messages.ts';
import type { NodeMessage, OperatorMessage } from './control-messages.ts';

const MAX_PENDING_REQUESTS = 1_000;
/** A client's wish waits this long for an operator that is just (re)starting. */
const OPERATOR_PATIENCE_MS = 10_000;

export const controlService = loadServiceClient('control.proto', 'Control').service;

export interface ControlServerOptions {
  node: string;
  clusterUID: string;
  version: string;
  token: string;
  logger: Logger;
  mapVersion(): number;
  /** The operator's map, as JSON text. */
  onMap(json: string): void;
  /** An operator's session began: it wants a report. */
  onSession(): void;
}

type Session = ServerDuplexStream<OperatorMessage, NodeMessage>;

interface Pending {
  resolve(reply: CollectionReply | CopyReply): void;
  reject(error: Error): void;
  timer: NodeJS.Timeout;
  session: Session;
}

/** The node's end of the control stream. One operator's session is active; a newer one takes its place. */
export class ControlServer {
  #options: ControlServerOptions;
  #session: Session | null = null;
  #pending = new Map<number, Pending>();
  #arrivals = new Set<() => void>();
  #nextId = 1;

  constructor(options: ControlServerOptions) {
    this.#options = options;
  }

  get connected(): boolean {
    return this.#session !== null;
  }

  /** Implementation of service Control. */
  implementation(): UntypedServiceImplementation {
    return { Session: (call: Session) => this.#accept(call) };
  }

  report(report: NodeReport): void {
    this.#session?.write({ report });
  }

  /** Carries a client's wish to the Kubernetes API. Rejects with its refusal, or ANN_OPERATOR_AWAY. */
  async collection(request: Omit<CollectionRequest, 'requestId'>, timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    if (!this.#session) await this.#arrival(Math.min(timeoutMs, OPERATOR_PATIENCE_MS));
    const left = Math.max(1, Math.ceil(deadline - performance.now()));
    const reply = await this.#request(left, (requestId) => ({ collectionRequest: { ...request, requestId } }));
    if ('code' in reply && !reply.ok) throw errorFromWire(reply);
  }

  /** Asks for a change of a shard's in-sync set. Rejects with ANN_OPERATOR_AWAY when no answer came. */
  async copy(request: Omit<CopyRequest, 'requestId'>, timeoutMs: number): Promise<CopyReply> {
    const reply = await this.#request(timeoutMs, (requestId) => ({ copyRequest: { ...request, requestId } }));
    if (!('configVersion' in reply)) throw new AnnulusError('ANN_INTERNAL', 'the operator answered another request');
    return reply;
  }

  close(): void {
    for (const arrived of [...this.#arrivals]) arrived();
    this.#session?.end();
    this.#leave(this.#session, 'this node is stopping');
  }

  /** Resolves when an operator's session is there, or after timeoutMs without one. */
  #arrival(timeoutMs: number): Promise<void> {
    if (this.#arrivals.size >= MAX_PENDING_REQUESTS) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#arrivals.delete(done);
        resolve();
      };
      const timer = setTimeout(done, timeoutMs);
      this.#arrivals.add(done);
    });
  }

  #request(timeoutMs: number, message: (requestId: number) => NodeMessage): Promise<CollectionReply | CopyReply> {
    const session = this.#session;
    if (!session) return Promise.reject(away(this.#options.node, 'not connected'));
    if (this.#pending.size >= MAX_PENDING_REQUESTS) {
      return Promise.reject(new AnnulusError('ANN_OVERLOADED', 'too many requests wait for the operator'));
    }
    const requestId = this.#nextId++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(requestId);
        reject(away(this.#options.node, `no answer within ${timeoutMs} ms`));
      }, timeoutMs);
      this.#pending.set(requestId, { resolve, reject, timer, session });
      session.write(message(requestId));
    });
  }

  #accept(call: Session): void {
    const refused = refuseByToken(call.metadata, this.#options.token);
    if (refused) {
      end(call, refused);
      return;
    }
    let greeted = false;
    call.on('data', (message: OperatorMessage) => {
      if (message.hello) greeted = this.#greet(call, message.hello);
      else if (!greeted) end(call, { code: status.FAILED_PRECONDITION, details: 'hello comes first' });
      else this.#receive(call, message);
    });
    const left = (): void => this.#leave(call, 'the stream ended');
    call.on('cancelled', left);
    call.on('error', left);
    call.on('end', () => {
      left();
      call.end();
    });
  }

  #greet(call: Session, hello: NonNullable<OperatorMessage['hello']>): boolean {
    const { node, clusterUID, version, logger } = this.#options;
    if (hello.clusterUid !== clusterUID) {
      const details = `node ${node} belongs to cluster uid ${clusterUID}, the operator means "${hello.clusterUid}"`;
      logger.error({ operator: hello.operator }, details);
      end(call, { code: status.FAILED_PRECONDITION, details });
      return false;
    }
    const older = this.#session;
    this.#session = call;
    if (older && older !== call) {
      this.#failPending(older, 'a newer operator took over');
      end(older, { code: status.ABORTED, details: 'a newer operator session took over' });
    }
    logger.info({ operator: hello.operator, operatorVersion: hello.version }, 'operator connected');
    call.write({ hello: { node, clusterUid: clusterUID, mapVersion: this.#options.mapVersion(), version } });
    this.#options.onSession();
    for (const arrived of [...this.#arrivals]) arrived();
    return true;
  }

  #receive(call: Session, message: OperatorMessage): void {
    // A replaced operator's last words are not heard: it may no longer lead.
    if (this.#session !== call) return;
    if (message.map) this.#options.onMap(Buffer.from(message.map.json).toString());
    const reply = message.collectionReply ?? message.copyReply;
    if (!reply) return;
    const pending = this.#pending.get(reply.requestId);
    if (!pending) return;
    this.#pending.delete(reply.requestId);
    clearTimeout(pending.timer);
    pending.resolve(reply);
  }

  #leave(call: Session | null, reason: string): void {
    if (!call || this.#session !== call) return;
    this.#session = null;
    this.#options.logger.warn({ reason }, 'operator disconnected');
    this.#failPending(call, reason);
  }

  #failPending(session: Session, reason: string): void {
    for (const [id, pending] of this.#pending) {
      if (pending.session !== session) continue;
      this.#pending.delete(id);
      clearTimeout(pending.timer);
      pending.reject(away(this.#options.node, reason));
    }
  }
}

function away(node: string, reason: string): AnnulusError {
  return new AnnulusError('ANN_OPERATOR_AWAY', `the operator is away from node ${node} (${reason}); try again later`);
}

function end(call: Session, refusal: { code: status; details: string }): void {
  call.emit('error', { ...refusal, name: 'Refused', message: refusal.details });
}
