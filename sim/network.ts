import type { Kernel, Process } from './kernel.ts';
import type { Random } from './random.ts';

/** How one direction between two hosts is. */
interface Link {
  blocked: boolean;
  /** Since when it is as it is. */
  since: number;
  loss: number;
  slowMs: number;
}

/** A host that a process runs on; many may live on it one after the other. */
export interface Host {
  name: string;
  ip: string;
}

const BASE_MS = 0.3;
const JITTER_MS = 1.5;

/** Who reaches whom, and how fast. Hosts are known by IP. */
export class Network {
  readonly kernel: Kernel;
  readonly random: Random;
  /** Of datagrams, everywhere. */
  loss = 0;
  duplication = 0;
  /** Of messages that take much longer. */
  stragglers = 0;
  #links = new Map<string, Link>();
  #listeners = new Map<string, Listener>();
  #watchers = new Set<() => void>();

  constructor(kernel: Kernel) {
    this.kernel = kernel;
    this.random = kernel.random.fork('network');
  }

  link(from: string, to: string): Link {
    const key = `${from}>${to}`;
    const known = this.#links.get(key);
    if (known !== undefined) return known;
    const made: Link = { blocked: false, since: 0, loss: 0, slowMs: 0 };
    this.#links.set(key, made);
    return made;
  }

  blocked(from: string, to: string): boolean {
    return this.#links.get(`${from}>${to}`)?.blocked ?? false;
  }

  /** Cuts or heals one direction. */
  setBlocked(from: string, to: string, blocked: boolean): void {
    const link = this.link(from, to);
    if (link.blocked === blocked) return;
    link.blocked = blocked;
    link.since = this.kernel.now;
    for (const watcher of [...this.#watchers]) watcher();
  }

  healAll(): void {
    for (const link of this.#links.values()) {
      if (link.blocked) link.since = this.kernel.now;
      Object.assign(link, { blocked: false, loss: 0, slowMs: 0 });
    }
    this.loss = 0;
    this.duplication = 0;
    this.stragglers = 0;
    for (const watcher of [...this.#watchers]) watcher();
  }

  /** Called after every cut or healing; returns how to stop. */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** Milliseconds that a packet takes now. */
  delay(from: string, to: string): number {
    const slow = this.#links.get(`${from}>${to}`)?.slowMs ?? 0;
    const straggles = this.stragglers > 0 && this.random.chance(this.stragglers);
    return BASE_MS + this.random.next() * (JITTER_MS + slow) + (straggles ? this.random.between(20, 800) : 0);
  }

  /** A datagram may get lost, come late, twice, or in another order. */
  datagram(from: string, to: string, arrive: () => void): void {
    const { random, kernel } = this;
    const loss = Math.max(this.loss, this.#links.get(`${from}>${to}`)?.loss ?? 0);
    const copies = random.chance(this.duplication) ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      if (this.blocked(from, to) || random.chance(loss)) continue;
      kernel.after(this.delay(from, to), null, () => {
        if (!this.blocked(from, to)) arrive();
      });
    }
  }

  listen(address: string, listener: Listener): void {
    this.#listeners.set(address, listener);
  }

  unlisten(address: string, listener: Listener): void {
    if (this.#listeners.get(address) === listener) this.#listeners.delete(address);
  }

  /** Who listens at `ip:port` now, alive or paused. */
  listenerAt(address: string): Listener | undefined {
    const listener = this.#listeners.get(address);
    return listener?.process.alive ? listener : undefined;
  }
}

/** A process that takes connections or datagrams at an address. */
export interface Listener {
  process: Process;
  accept: unknown;
}
