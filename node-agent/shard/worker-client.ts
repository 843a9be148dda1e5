import { Worker, type Transferable } from 'node:worker_threads';
import type { Logger } from 'pino';
import { AnnulusError, errorFromWire } from '#model/errors.ts';
import { PENDING_CALLS_MAX } from './limits.ts';
import type { Calls, Method, Reply, Request, WorkerMessage, WorkerStart } from './messages.ts';

interface Pending {
  resolve: (result: never) => void;
  reject: (error: Error) => void;
}

export interface WorkerEvents {
  failed(shard: string, message: string): void;
  exit(error: Error): void;
}

/** One shard worker thread behind typed calls. All calls of one turn cross as one message. */
export class WorkerClient {
  readonly #worker: Worker;
  readonly #logger: Logger;
  readonly #events: WorkerEvents;
  #pending = new Map<number, Pending>();
  #nextId = 1;
  #outbox: Request[] = [];
  #transfer: Transferable[] = [];
  #exited: Error | null = null;
  #crash: Error | null = null;

  constructor(
    start: WorkerStart,
    logger: Logger,
    events: WorkerEvents,
    entry = new URL('./worker.ts', import.meta.url),
  ) {
    this.#logger = logger;
    this.#events = events;
    this.#worker = new Worker(entry, {
      workerData: start,
      name: `shards-${start.index}`,
    });
    this.#worker.on('message', (message: WorkerMessage) => this.#onMessage(message));
    this.#worker.on('error', (error) => (this.#crash = error instanceof Error ? error : new Error(String(error))));
    this.#worker.on('exit', (code) => this.#onExit(code));
  }

  get exited(): boolean {
    return this.#exited !== null;
  }

  call<M extends Method>(
    method: M,
    args: Calls[M]['args'],
    transfer: Transferable[] = [],
  ): Promise<Calls[M]['result']> {
    if (this.#exited) return Promise.reject(this.#exited);
    if (this.#pending.size >= PENDING_CALLS_MAX) {
      const message = `${PENDING_CALLS_MAX} calls already wait for this shard's worker; try again later`;
      return Promise.reject(new AnnulusError('ANN_OVERLOADED', message));
    }
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      this.#pending.set(id, { resolve, reject });
      // A method with its own arguments is one member of the union; TypeScript can't see that through the type parameter.
      this.#outbox.push({ id, method, args } as unknown as Request);
      for (const item of transfer) this.#transfer.push(item);
      if (this.#outbox.length === 1) setImmediate(() => this.#flush());
    });
  }

  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }

  #flush(): void {
    const requests = this.#outbox;
    const transfer = this.#transfer;
    this.#outbox = [];
    this.#transfer = [];
    if (this.#exited) return;
    try {
      this.#worker.postMessage(requests, transfer);
    } catch (error) {
      // A value that cannot cross a thread: the calls of this turn fail, the worker lives.
      for (const { id } of requests) this.#take(id)?.reject(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }

  #onMessage(message: WorkerMessage): void {
    switch (message.type) {
      case 'replies':
        for (const reply of message.replies) this.#settle(reply);
        return;
      case 'failed':
        this.#events.failed(message.shard, message.message);
        return;
      case 'log':
        this.#logger[message.level](message.fields, message.text);
    }
  }

  #settle(reply: Reply): void {
    const pending = this.#take(reply.id);
    if (pending === undefined) return;
    if (reply.ok) pending.resolve(reply.result as never);
    else pending.reject(errorFromWire(reply.error));
  }

  #onExit(code: number): void {
    const cause = this.#crash;
    const why = cause ? cause.message : `exit code ${code}`;
    const error = new AnnulusError('ANN_SHARD_UNAVAILABLE', `the worker thread of the shard ended: ${why}; try again`, {
      cause,
    });
    this.#exited = error;
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of pending) reject(error);
    this.#events.exit(error);
  }
}
