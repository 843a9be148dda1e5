import { DEFAULT_SETTINGS, type MembershipSettings } from '#model/cluster-map.ts';
import { mulberry32 } from '../replication/sim-random.ts';
import type { GossipMessage } from './messages.ts';
import type { MembershipEvent } from './swim-options.ts';
import { Swim } from './swim.ts';
import { TICK_MS } from './timing.ts';

/** What the network does to datagrams: parts of 1, and ms. */
export interface Faults {
  loss: number;
  duplication: number;
  /** Part of the datagrams that come late, and how late at most. */
  reordering: number;
  lateMs: number;
  /** A node's answers come late by up to so much: it is short of processor time. */
  slow: ReadonlyMap<string, number>;
}

export const NO_FAULTS: Faults = { loss: 0, duplication: 0, reordering: 0, lateMs: 0, slow: new Map() };

export interface SimEvent {
  at: number;
  /** Node that believes it. */
  of: string;
  event: MembershipEvent;
}

interface Process {
  swim: Swim;
  up: boolean;
  paused: boolean;
  /** Datagrams that wait in the socket of a paused process. */
  socket: GossipMessage[];
}

const MIN_DELAY_MS = 0.2;
const SPREAD_MS = 1.5;
const SOCKET_DATAGRAMS = 200;

/** Swim machines, a network and a clock of one seed. */
export class SimNetwork {
  now = 0;
  faults: Faults = NO_FAULTS;
  readonly log: SimEvent[] = [];
  datagrams = 0;
  readonly names: string[];
  /** Tests may take something out of what a node hears. */
  filter: (message: GossipMessage) => GossipMessage = (message) => message;
  #random: () => number;
  #settings: MembershipSettings;
  #processes = new Map<string, Process>();
  #queue = new TimeQueue();
  #cut = new Set<string>();
  #lives = 0;

  constructor(seed: number, nodes: number, settings: MembershipSettings = DEFAULT_SETTINGS.membership) {
    this.#random = mulberry32(seed);
    this.#settings = settings;
    this.names = Array.from({ length: nodes }, (_, i) => `n${i}`);
    for (const name of this.names) this.start(name);
  }

  /** Starts a process, new or again. */
  start(name: string): void {
    this.#lives++;
    const swim = new Swim({
      self: name,
      incarnation: this.#lives,
      settings: this.#settings,
      random: this.#random,
      now: this.now,
    });
    const process: Process = { swim, up: true, paused: false, socket: [] };
    this.#processes.set(name, process);
    swim.configure(
      this.names.map((node) => ({ node, zone: '' })),
      this.#settings,
      this.now,
    );
    this.#carryOut(name, process);
    this.#tick(name, process, this.#random() * TICK_MS);
  }

  /** kill -9, or the power is cut. */
  kill(name: string): void {
    this.#processes.get(name)!.up = false;
  }

  pause(name: string): void {
    this.#processes.get(name)!.paused = true;
  }

  resume(name: string): void {
    const process = this.#processes.get(name)!;
    process.paused = false;
    for (const message of process.socket.splice(0)) this.#deliver(name, process, message);
  }

  leave(name: string): void {
    const process = this.#processes.get(name)!;
    process.swim.leave();
    this.#carryOut(name, process);
    process.up = false;
  }

  hint(of: string, about: string): void {
    const process = this.#processes.get(of)!;
    process.swim.hint(about, this.now);
    this.#carryOut(of, process);
  }

  /** From `from` to `to` nothing gets through any more; the other way is another matter. */
  cut(from: string, to: string): void {
    this.#cut.add(`${from}>${to}`);
  }

  /** Both ways between every node of the one side and every one of the other. */
  part(one: readonly string[], other: readonly string[]): void {
    for (const a of one) {
      for (const b of other) {
        this.cut(a, b);
        this.cut(b, a);
      }
    }
  }

  heal(): void {
    this.#cut.clear();
  }

  swim(name: string): Swim {
    return this.#processes.get(name)!.swim;
  }

  /** What a node believes of another one. */
  state(of: string, about: string): string {
    return this.swim(of).member(about)?.state ?? 'none';
  }

  /** Every node that is up believes this of that node. */
  all(about: string, state: string): boolean {
    return this.names.every((name) => name === about || !this.#live(name) || this.state(name, about) === state);
  }

  /** Everyone that is up believes everyone alive that is up, and only these. */
  get agreed(): boolean {
    return this.names.every((name) => this.all(name, this.#live(name) ? 'Alive' : 'Dead'));
  }

  run(milliseconds: number): void {
    this.runUntil(() => false, milliseconds);
  }

  /** Runs until it holds, and gives the time that took; `milliseconds` if it never does. */
  runUntil(holds: () => boolean, milliseconds: number): number {
    const start = this.now;
    const end = start + milliseconds;
    while (!holds()) {
      const next = this.#queue.pop(end);
      if (!next) break;
      this.now = next.at;
      next.run();
      if (this.now === end) break;
    }
    if (!holds()) this.now = end;
    return this.now - start;
  }

  #live(name: string): boolean {
    const process = this.#processes.get(name)!;
    return process.up && !process.paused;
  }

  #tick(name: string, process: Process, delay: number): void {
    this.#queue.push(this.now + delay, () => {
      if (!process.up || this.#processes.get(name) !== process) return;
      if (!process.paused) {
        process.swim.tick(this.now);
        this.#carryOut(name, process);
      }
      this.#tick(name, process, TICK_MS);
    });
  }

  #carryOut(name: string, { swim }: Process): void {
    const { sends, events } = swim.takeReady();
    for (const event of events) if (event.type !== 'answered') this.log.push({ at: this.now, of: name, event });
    for (const { to, message } of sends) this.#transmit(name, to, message);
  }

  #transmit(from: string, to: string, message: GossipMessage): void {
    this.datagrams++;
    const { loss, duplication, reordering, lateMs, slow } = this.faults;
    if (this.#cut.has(`${from}>${to}`)) return;
    const copies = this.#random() < duplication ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      if (this.#random() < loss) continue;
      const late = this.#random() < reordering ? this.#random() * lateMs : 0;
      const busy = this.#random() * ((slow.get(from) ?? 0) + (slow.get(to) ?? 0));
      const delay = MIN_DELAY_MS + this.#random() * SPREAD_MS + late + busy;
      this.#queue.push(this.now + delay, () => {
        const process = this.#processes.get(to)!;
        if (!process.up || this.#cut.has(`${from}>${to}`)) return;
        if (!process.paused) this.#deliver(to, process, message);
        else if (process.socket.length < SOCKET_DATAGRAMS) process.socket.push(message);
      });
    }
  }

  #deliver(to: string, process: Process, message: GossipMessage): void {
    process.swim.receive(this.filter(message), this.now);
    this.#carryOut(to, process);
  }
}

interface Timed {
  at: number;
  order: number;
  run: () => void;
}

/** A binary heap by time, then by order of arrival. */
class TimeQueue {
  #heap: Timed[] = [];
  #order = 0;

  push(at: number, run: () => void): void {
    const heap = this.#heap;
    let i = heap.push({ at, order: this.#order++, run }) - 1;
    for (let parent; i > 0 && before(heap[i]!, heap[(parent = (i - 1) >> 1)]!); i = parent) swap(heap, i, parent);
  }

  /** The first entry that is due by `end`. */
  pop(end: number): Timed | undefined {
    const heap = this.#heap;
    const first = heap[0];
    if (!first || first.at > end) return undefined;
    const last = heap.pop()!;
    if (heap.length > 0) heap[0] = last;
    for (let i = 0; ;) {
      const left = 2 * i + 1;
      let least = i;
      if (left < heap.length && before(heap[left]!, heap[least]!)) least = left;
      if (left + 1 < heap.length && before(heap[left + 1]!, heap[least]!)) least = left + 1;
      if (least === i) return first;
      swap(heap, i, least);
      i = least;
    }
  }
}

function before(a: Timed, b: Timed): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

function swap(heap: Timed[], i: number, j: number): void {
  [heap[i], heap[j]] = [heap[j]!, heap[i]!];
}
