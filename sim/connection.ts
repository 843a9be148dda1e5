import { EventEmitter } from 'node:events';
import type { Kernel, Process } from './kernel.ts';
import type { Network } from './network.ts';

/** What travels in a stream. */
type Item =
  | { kind: 'data'; message: unknown }
  | { kind: 'metadata' }
  | { kind: 'half-close' }
  /** The other side is done with the stream: normally, or with a status. */
  | { kind: 'status'; code: number; details: string }
  | { kind: 'reset'; details: string };

const OK = 0;
const CANCELLED = 1;
const UNAVAILABLE = 14;

/** One end of a bidirectional stream, as @grpc/grpc-js shows it to both sides. */
export class StreamEnd extends EventEmitter {
  readonly process: Process;
  readonly side: 'client' | 'server';
  readonly metadata: unknown;
  open = true;
  #send: (item: Item) => void;
  #kernel: Kernel;
  #decode: (message: unknown) => unknown;

  constructor(
    kernel: Kernel,
    process: Process,
    side: 'client' | 'server',
    metadata: unknown,
    decode: (message: unknown) => unknown,
    send: (item: Item) => void,
  ) {
    super();
    this.#kernel = kernel;
    this.process = process;
    this.side = side;
    this.metadata = metadata;
    this.#decode = decode;
    this.#send = send;
  }

  write(message: unknown, done?: () => void): boolean {
    if (this.open) this.#send({ kind: 'data', message });
    if (done) this.#kernel.after(0, this.process, done);
    return true;
  }

  sendMetadata(): void {
    if (this.open) this.#send({ kind: 'metadata' });
  }

  pause(): this {
    return this;
  }

  resume(): this {
    return this;
  }

  getPeer(): string {
    return '';
  }

  end(): this {
    if (!this.open) return this;
    if (this.side === 'client') this.#send({ kind: 'half-close' });
    else this.#finish({ kind: 'status', code: OK, details: '' });
    return this;
  }

  /** Client only. */
  cancel(): void {
    if (!this.open) return;
    this.#finish({ kind: 'reset', details: 'cancelled' });
    this.#tell(() => this.#fail(CANCELLED, 'cancelled by this side'));
  }

  /** A server that emits an error ends the stream with that status. */
  override emit(event: string | symbol, ...args: unknown[]): boolean {
    if (event === 'error' && this.side === 'server' && this.#kernel.current === this.process) {
      const { code = UNAVAILABLE, details = '' } = (args[0] ?? {}) as { code?: number; details?: string };
      if (this.open) this.#finish({ kind: 'status', code, details });
      return true;
    }
    return super.emit(event, ...args);
  }

  /** Something arrived; runs as this end's process. */
  receive(item: Item): void {
    if (!this.open) return;
    switch (item.kind) {
      case 'data':
        super.emit('data', this.#decode(item.message));
        return;
      case 'metadata':
        super.emit('metadata', {});
        return;
      case 'half-close':
        super.emit('end');
        return;
      case 'status':
        this.open = false;
        if (item.code === OK) super.emit('end');
        else this.#fail(item.code, item.details);
        super.emit('status', { code: item.code, details: item.details });
        return;
      case 'reset':
        this.open = false;
        this.#fail(UNAVAILABLE, item.details);
    }
  }

  /** This side finds out that the connection is broken. */
  break(details: string): void {
    if (!this.open) return;
    this.#finish({ kind: 'reset', details: 'connection reset' });
    this.#tell(() => this.#fail(UNAVAILABLE, details));
  }

  #finish(last: Item): void {
    this.#send(last);
    this.open = false;
  }

  #tell(act: () => void): void {
    this.#kernel.after(0, this.process, act);
  }

  #fail(code: number, details: string): void {
    if (this.side === 'server') {
      super.emit('cancelled');
      return;
    }
    const error = Object.assign(new Error(details), { code, details });
    if (this.listenerCount('error') > 0) super.emit('error', error);
  }
}

interface Direction {
  from: string;
  to: string;
  last: number;
  /** Waits for the way to be free again, in order: TCP sends again. */
  held: Item[];
  stalled: boolean;
  target: () => StreamEnd | null;
}

/** Answers to pings are missed after about this long. */
const CLIENT_KEEPALIVE_MS = 8_000;
const SERVER_KEEPALIVE_MS = 15_000;
const RETRANSMIT_MS = 400;

/** A connection: two directions that keep order, stall while the way is cut, and break when it is cut for long. */
export class Connection {
  readonly client: StreamEnd;
  server: StreamEnd | null = null;
  readonly address: string;
  #network: Network;
  #up: Direction;
  #down: Direction;
  #unwatch: () => void;

  constructor(
    network: Network,
    process: Process,
    to: { ip: string; address: string },
    decode: (m: unknown) => unknown,
  ) {
    this.#network = network;
    this.address = to.address;
    const base = { last: 0, stalled: false };
    this.#up = { ...base, from: process.ip, to: to.ip, held: [], target: () => this.server };
    this.#down = { ...base, from: to.ip, to: process.ip, held: [], target: () => this.client };
    this.client = new StreamEnd(network.kernel, process, 'client', null, decode, (item) =>
      this.#transmit(this.#up, item),
    );
    this.#unwatch = network.watch(() => this.#onNetwork());
    if (this.#cut) this.#watchCut();
  }

  get open(): boolean {
    return this.client.open || this.server?.open === true;
  }

  /** The other side took the connection. */
  accept(process: Process, metadata: unknown, decode: (message: unknown) => unknown): StreamEnd {
    const send = (item: Item): void => this.#transmit(this.#down, item);
    this.server = new StreamEnd(this.#network.kernel, process, 'server', metadata, decode, send);
    for (const item of this.#early.splice(0)) this.#deliver(this.#up, item);
    return this.server;
  }

  /** Nobody is there to take it. */
  refuse(): void {
    this.#transmit(this.#down, { kind: 'status', code: UNAVAILABLE, details: 'connection refused' });
  }

  /** What is under way is lost, both sides find out. */
  reset(): void {
    this.#up.held = [];
    this.#down.held = [];
    this.#epoch++;
    this.client.break('connection reset');
    this.server?.break('connection reset');
    this.close();
  }

  /** A process is gone or does not answer: the other side finds out by a reset, or by its missing pings. */
  lost(process: Process, silently: boolean): void {
    const other = this.client.process === process ? this.server : this.client;
    if (other === null) return;
    const wait = silently ? this.#keepalive(other) : this.#network.delay(process.ip, other.process.ip);
    this.#network.kernel.after(wait, null, () => {
      if (process.alive && !process.paused) return;
      other.break(silently ? 'no answer to pings' : 'connection reset by peer');
    });
  }

  close(): void {
    this.#unwatch();
  }

  #epoch = 0;
  #early: Item[] = [];

  get #cut(): boolean {
    const { from, to } = this.#up;
    return this.#network.blocked(from, to) || this.#network.blocked(to, from);
  }

  #transmit(direction: Direction, item: Item): void {
    const { kernel } = this.#network;
    const epoch = this.#epoch;
    const at = Math.max(kernel.now + this.#network.delay(direction.from, direction.to), direction.last + 0.001);
    direction.last = at;
    kernel.at(at, null, () => {
      if (epoch !== this.#epoch) return;
      direction.stalled ||= this.#network.blocked(direction.from, direction.to);
      if (direction.stalled) direction.held.push(item);
      else this.#deliver(direction, item);
    });
  }

  #deliver(direction: Direction, item: Item): void {
    const end = direction.target();
    // Written before the other side took the connection.
    if (end === null) return void this.#early.push(item);
    if (!end.process.alive) {
      this.lost(end.process, false);
      return;
    }
    this.#network.kernel.after(0, end.process, () => end.receive(item));
  }

  #onNetwork(): void {
    if (!this.open) return this.close();
    if (this.#cut) this.#watchCut();
    for (const direction of [this.#up, this.#down]) this.#flushSoon(direction);
  }

  #flushSoon(direction: Direction): void {
    if (!direction.stalled || this.#network.blocked(direction.from, direction.to)) return;
    const epoch = this.#epoch;
    this.#network.kernel.after(this.#network.random.between(1, RETRANSMIT_MS), null, () => {
      if (epoch !== this.#epoch || this.#network.blocked(direction.from, direction.to)) return;
      direction.stalled = false;
      for (const item of direction.held.splice(0)) this.#deliver(direction, item);
    });
  }

  /** Each side ends the connection when it hears nothing for too long. */
  #watchCut(): void {
    const links = [this.#network.link(this.#up.from, this.#up.to), this.#network.link(this.#down.from, this.#down.to)];
    const since = links.map((link) => link.since).join();
    for (const end of [this.client, this.server]) {
      if (end === null) continue;
      this.#network.kernel.after(this.#keepalive(end), null, () => {
        const same = links.map((link) => link.since).join() === since;
        if (same && this.#cut) end.break('no answer to pings');
      });
    }
  }

  #keepalive(end: StreamEnd): number {
    return (end.side === 'client' ? CLIENT_KEEPALIVE_MS : SERVER_KEEPALIVE_MS) * this.#network.random.between(0.6, 1);
  }
}
