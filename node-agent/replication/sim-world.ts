import type { ChangeAnswer, Ready, ShardConfig, Step } from './messages.ts';
import { Primary } from './primary.ts';
import { SimTime } from './sim-time.ts';
import { SimOperator } from './sim-operator.ts';
import { mulberry32 } from './sim-random.ts';
import {
  forget,
  LOST,
  newNode,
  type Mutation,
  type SimCopy,
  type SimMap,
  type SimNode,
  type StepBody,
} from './sim-types.ts';
import { decode, encode, SimDisk, type SimEntry } from './sim-disk.ts';

type ReadyOf<T extends Ready['type']> = Extract<Ready, { type: T }>;

/** A shard's copies, a network that delays, breaks and heals, an operator, and a clock, all of one seed. Throws when an acknowledged write is lost. */
export class SimWorld {
  readonly acknowledged: SimEntry[] = [];
  /** Primary reads that were served. */
  reads = 0;
  handovers = 0;
  #random: () => number;
  #time: SimTime;
  #nodes = new Map<string, SimNode>();
  #operator: SimOperator;
  #nextRequest = 1;
  #cut = new Set<string>();
  #mutation: Mutation;

  constructor(seed: number, copies: number, mutation: Mutation = {}) {
    this.#random = mulberry32(seed);
    this.#time = new SimTime(this.#random);
    this.#mutation = mutation;
    this.#operator = new SimOperator(Array.from({ length: copies }, (_, i) => `n${i}`));
    for (const { node } of this.#operator.copies) {
      const disk = new SimDisk();
      disk.checksTerm = !mutation.noTermCheck;
      this.#nodes.set(node, newNode(disk));
    }
    for (const { node } of this.#operator.copies) this.#learn(node);
  }

  /** Runs with faults for a while, then without until quiet. */
  run(milliseconds: number): void {
    const end = this.#time.now + milliseconds;
    while (this.#time.now < end) {
      this.#fault();
      this.#clients();
      this.#advance(50);
    }
    this.#cut.clear();
    this.#operator.promise(null);
    for (const [name, node] of this.#nodes) if (!node.up) this.#restart(name);
    for (let i = 0; i < 1_200 && !this.converged; i++) {
      for (const { node } of this.#operator.copies) this.#learn(node);
      this.#advance(50);
    }
    this.#check('in the end');
  }

  /** Every copy is in sync and equal to the primary. */
  get converged(): boolean {
    const primary = this.#disk(this.#operator.primary);
    return this.#operator.copies.every((copy) => copy.inSync && this.#disk(copy).equals(primary));
  }

  #fault(): void {
    const name = this.#pick([...this.#nodes.keys()]);
    const node = this.#nodes.get(name)!;
    const dice = this.#random();
    if (dice < 0.03 && node.up) this.#crash(name);
    else if (dice < 0.1 && !node.up) this.#restart(name);
    else if (dice < 0.16) this.#cut.add(name);
    else if (dice < 0.3) this.#cut.delete(name);
    else if (dice < 0.34) this.#failOver();
    else if (dice < 0.5) this.#learn(name);
    else if (dice < 0.54) this.#operator.promise(this.#pick([null, ...this.#nodes.keys()]));
    else if (dice < 0.6) this.#step(name, { type: 'nodeAlive', node: this.#pick([...this.#nodes.keys()]) });
  }

  /** Every node that believes to be primary gets reads and writes: an old one too. */
  #clients(): void {
    for (const [name, node] of this.#nodes) {
      if (node.up && node.primary && !node.primary.readRefusal()) {
        const read = this.#nextRequest++;
        node.reads.set(read, this.acknowledged.length);
        this.#step(name, { type: 'readAsked', read });
        if (this.#random() < 0.1) this.#step(name, { type: 'readGivenUp', read });
      }
      if (!node.up || !node.primary || this.#random() < 0.3 || node.primary.refusal()) continue;
      const appended = node.disk.append(node.primary.term, 1 + Math.floor(this.#random() * 3));
      if ('code' in appended) continue;
      const first = appended[0]!;
      const last = appended.at(-1)!;
      const chunk = { firstSeqNo: first.seqNo, lastSeqNo: last.seqNo, entries: encode(appended) };
      this.#step(name, { type: 'appended', ...chunk });
      const write = this.#nextRequest++;
      node.awaited.set(write, last);
      this.#step(name, { type: 'awaited', write, seqNo: last.seqNo });
    }
  }

  #advance(milliseconds: number): void {
    this.#time.advance(milliseconds);
    for (const name of this.#nodes.keys()) this.#step(name, { type: 'tick' });
  }

  #crash(name: string): void {
    const node = this.#nodes.get(name)!;
    node.up = false;
    node.life++;
    node.primary = null;
    node.disk.stream = null;
    forget(node);
  }

  #restart(name: string): void {
    const node = this.#nodes.get(name)!;
    node.up = true;
    // By the map on its disk: the operator may be away.
    if (node.map) this.#act(name, node, node.map);
  }

  /** The operator's map reaches a node, which keeps it on disk. */
  #learn(name: string): void {
    const node = this.#nodes.get(name)!;
    if (!node.up) return;
    node.map = this.#operator.map();
    this.#act(name, node, node.map);
  }

  /** A node becomes, stays or ceases to be primary by the map that it has. */
  #act(name: string, node: SimNode, { term, configVersion, copies, handoverTo }: SimMap): void {
    node.disk.fence(term);
    if (!copies.some((copy) => copy.node === name && copy.primary)) {
      node.primary = null;
      forget(node);
      return;
    }
    const config: ShardConfig = {
      shard: 's',
      term,
      configVersion,
      minInSync: 1,
      copies: copies
        .filter((copy) => !copy.primary)
        .map(({ node: of, inSync }) => ({ node: of, allocationId: of, inSync })),
      ...(handoverTo === null || handoverTo === name ? {} : { handoverTo }),
    };
    if (node.primary?.term === config.term) {
      this.#step(name, { type: 'configured', config });
      return;
    }
    forget(node);
    const tracked = this.#mutation.forgetTracked ? {} : node.tracked;
    node.primary = new Primary(config, { seqNo: node.disk.seqNo, term: node.disk.term }, tracked, this.#time.now);
    this.#drain(name);
  }

  #failOver(): void {
    const candidates = this.#operator.candidates();
    if (candidates.length === 0) return;
    const next = this.#pick(candidates);
    this.#operator.failOver(next);
    this.#check('after a promotion');
    if (this.#random() < 0.5) this.#learn(next.node);
  }

  #step(name: string, step: Step): void {
    const node = this.#nodes.get(name)!;
    if (!node.primary || !node.up) return;
    node.primary.step(step, this.#time.now);
    this.#drain(name);
  }

  #drain(name: string): void {
    const node = this.#nodes.get(name)!;
    for (const ready of node.primary?.takeReady() ?? []) this.#do(name, node, ready);
  }

  #do(name: string, node: SimNode, ready: Ready): void {
    switch (ready.type) {
      case 'locate':
        return this.#locate(name, node, ready);
      case 'send':
        return this.#send(name, node, ready);
      case 'verify': {
        const { term } = node.primary!;
        return this.#ask(name, ready, (disk) => {
          const refusal = disk.apply(term, ready.stream, []);
          if (refusal) return { type: 'refused', ...refusal };
          const own = disk.digest();
          return { type: 'verified', equal: own.seqNo === ready.digest.seqNo && own.digest === ready.digest.digest };
        });
      }
      case 'readLog':
        return this.#later(name, ready, () => ({
          type: 'logRead',
          from: ready.from,
          read: node.disk.readLog(ready.from),
        }));
      case 'digest':
        return this.#later(name, ready, () => ({ type: 'digested', digest: node.disk.digest() }));
      case 'recover':
        return this.#recover(name, node, ready);
      case 'track':
        return this.#track(name, node, ready);
      case 'change':
        return this.#change(name, node, ready);
      case 'confirm':
        return this.#confirm(name, node, ready);
      case 'serveReads':
        for (const read of ready.reads) this.#serve(name, node, read);
        return;
      case 'rejectReads':
        for (const read of ready.reads) node.reads.delete(read);
        return;
      case 'openAudit':
      case 'audit':
        throw new Error('nobody asked for a comparison');
      case 'acknowledge':
        for (const write of ready.writes) this.#acknowledge(node, write);
        return;
      case 'reject':
        return ready.writes.forEach((write) => node.awaited.delete(write));
      case 'trim':
        return node.disk.trim(ready.below);
      case 'damaged':
        throw new Error(ready.message);
      case 'warn':
        return;
    }
  }

  #acknowledge(node: SimNode, write: number): void {
    const entry = node.awaited.get(write);
    if (!entry) return;
    this.acknowledged.push(entry);
    this.#check(`at the acknowledgement of ${entry.seqNo} of term ${entry.term}`);
  }

  /** The invariant of primary reads: what was acknowledged before one began, it sees. */
  #serve(name: string, node: SimNode, read: number): void {
    const before = node.reads.get(read);
    if (before === undefined) return;
    node.reads.delete(read);
    this.reads++;
    for (const entry of this.acknowledged.slice(0, before)) {
      if (node.disk.has(entry)) continue;
      throw new Error(`a read of ${name} in term ${node.primary?.term} misses seqNo ${entry.seqNo} of ${entry.term}`);
    }
  }

  #confirm(name: string, node: SimNode, { copy, round }: ReadyOf<'confirm'>): void {
    if (this.#mutation.readUnconfirmed) {
      this.#time.after(0, () => this.#step(name, { type: 'confirmed', copy, round }));
      return;
    }
    const { term } = node.primary!;
    this.#call<Step>(
      name,
      copy,
      (disk) => {
        const refusal = disk.enter(term);
        return refusal ? { ...refusal, type: 'unconfirmed', copy, round } : { type: 'confirmed', copy, round };
      },
      { type: 'unconfirmed', copy, round, code: LOST.code, message: LOST.message },
    );
  }

  /** The invariant: what was acknowledged is on every copy that the operator calls in sync. */
  #check(when: string): void {
    const inSync = this.#operator.copies.filter((copy) => copy.inSync);
    for (const entry of this.acknowledged) {
      for (const copy of inSync) {
        if (this.#disk(copy).has(entry)) continue;
        throw new Error(
          `${when}: ${copy.node} is in sync without acknowledged seqNo ${entry.seqNo} of term ${entry.term}`,
        );
      }
    }
  }

  #locate(name: string, node: SimNode, ready: ReadyOf<'locate'>): void {
    const { term } = node.primary!;
    this.#ask(name, ready, (disk) => {
      const refusal = disk.begin(term, ready.session);
      return refusal ? { type: 'refused', ...refusal } : { type: 'located', located: disk.locate() };
    });
  }

  #send(name: string, node: SimNode, ready: ReadyOf<'send'>): void {
    const bytes = ready.entries.byteLength;
    const { term } = node.primary!;
    if (this.#mutation.ackBeforeReplica) {
      const position = { seqNo: decode(ready.entries).at(-1)?.seqNo ?? 0, term };
      this.#later(name, ready, () => ({ type: 'applied', bytes, position }));
    }
    this.#ask(name, ready, (disk) => {
      const refusal = disk.apply(term, ready.stream, decode(ready.entries));
      if (refusal) return { type: 'refused', ...refusal };
      disk.trim(ready.trimBelow);
      return { type: 'applied', bytes, position: { seqNo: disk.seqNo, term } };
    });
  }

  #recover(name: string, node: SimNode, ready: ReadyOf<'recover'>): void {
    const snapshot = [...node.disk.applied];
    const { copy, session } = ready;
    this.#step(name, { type: 'exporting', copy, session, seqNo: snapshot.length });
    const { term } = node.primary!;
    this.#ask(name, ready, (disk, to) => {
      const refusal = disk.begin(term, session) ?? this.#operator.refuseImport(to);
      if (refusal) return { type: 'refused', ...refusal };
      disk.import(snapshot);
      return { type: 'recovered' };
    });
  }

  #track(name: string, node: SimNode, ready: ReadyOf<'track'>): void {
    const { life } = node;
    // One file: its versions are written in order.
    this.#time.over(name, () => {
      if (node.life !== life) return;
      node.tracked = ready.tracked;
      const { copy } = ready;
      const trackedAt = copy === null ? undefined : ready.tracked[copy];
      if (copy !== null && trackedAt !== undefined) this.#step(name, { type: 'tracked', copy, trackedAt });
    });
  }

  #change(name: string, node: SimNode, ready: ReadyOf<'change'>): void {
    const { copy, action } = ready;
    const machine = node.primary!;
    const { term } = machine;
    const answerWith = (answer: ChangeAnswer): void => {
      this.#time.after(this.#time.delay(), () => {
        if (node.primary === machine) this.#step(name, { type: 'changeAnswered', copy, action, answer });
      });
    };
    const arrival = this.#time.delay();
    // The primary gives up waiting, though the request is still on its way.
    if (arrival > 500) answerWith({ result: 'unknown', reason: 'late' });
    this.#time.after(arrival, () => {
      if (this.#random() < 0.1) return answerWith({ result: 'unknown', reason: 'lost' });
      const answer = this.#operator.judge(term, copy, action, ready.configVersion);
      if (action === 'handOver' && answer.result === 'done') this.handovers++;
      this.#check(`after the operator's ${action} of ${copy}`);
      // The answer may get lost after the change was made.
      answerWith(this.#random() < 0.2 ? { result: 'unknown', reason: 'lost' } : answer);
    });
  }

  /** A call to a copy: over a link that keeps order, may be cut, and may break between doing and answering. */
  #ask(
    name: string,
    ready: { copy: string; session: number },
    handle: (disk: SimDisk, node: string) => StepBody,
  ): void {
    const { copy, session } = ready;
    const toStep = (body: StepBody): Step => ({ ...body, copy, session });
    this.#call(name, copy, (disk, node) => toStep(handle(disk, node)), toStep(LOST));
  }

  #call<S extends Step>(name: string, copy: string, handle: (disk: SimDisk, node: string) => S, lost: S): void {
    const from = this.#nodes.get(name)!;
    const to = this.#nodes.get(copy)!;
    // Answers are for the machine that asked, not for one of a later term or life.
    const machine = from.primary;
    const answer = (step: S): void => {
      if (from.primary === machine) this.#step(name, step);
    };
    this.#time.over(`${name}>${copy}`, () => {
      if (!to.up || this.#cut.has(name) || this.#cut.has(copy)) return answer(lost);
      const body = handle(to.disk, copy);
      this.#time.over(`${copy}>${name}`, () => answer(this.#random() < 0.05 ? lost : body));
    });
  }

  #later(name: string, ready: { copy: string; session: number }, body: () => StepBody): void {
    const node = this.#nodes.get(name)!;
    const machine = node.primary;
    const { copy, session } = ready;
    this.#time.after(this.#random() * 20, () => {
      if (node.primary === machine) this.#step(name, { ...body(), copy, session });
    });
  }

  #disk(copy: SimCopy): SimDisk {
    return this.#nodes.get(copy.node)!.disk;
  }

  #pick<T>(items: T[]): T {
    return items[Math.floor(this.#random() * items.length)]!;
  }
}
