import type { Oracle } from './oracle.ts';
import type { Random } from './random.ts';
import type { SimNode } from './sim-node.ts';
import type { SimOperator } from './sim-operator.ts';
import { openConnections } from './virtual/grpc.ts';
import type { World } from './world.ts';

/** What may go wrong in a run, and how often: each seed has its own mixture, so that rare pairs of faults meet too. */
interface Weights {
  crash: number;
  machineCrash: number;
  pause: number;
  isolate: number;
  split: number;
  oneWay: number;
  reset: number;
  loss: number;
  slow: number;
  clock: number;
  operatorCrash: number;
  operatorPause: number;
  operatorCut: number;
  staleCaches: number;
  diskFull: number;
  slowDisk: number;
  rot: number;
  workerDies: number;
}

const USUAL: Weights = {
  crash: 4,
  machineCrash: 2,
  pause: 4,
  isolate: 2,
  split: 2,
  oneWay: 2,
  reset: 4,
  loss: 1,
  slow: 2,
  clock: 1,
  operatorCrash: 3,
  operatorPause: 1,
  operatorCut: 1,
  staleCaches: 2,
  diskFull: 1,
  slowDisk: 1,
  rot: 1,
  workerDies: 1,
};

/** Breaks things by the seed's dice, and mends each of them after a while. */
export class Faults {
  readonly #world: World;
  readonly #oracle: Oracle;
  readonly #random: Random;
  readonly #weights: Weights;
  readonly log: (what: string) => void;
  #on = false;
  #everyMs: number;

  constructor(world: World, oracle: Oracle, log: (what: string) => void) {
    this.#world = world;
    this.#oracle = oracle;
    this.log = log;
    this.#random = world.kernel.random.fork('faults');
    const random = this.#random;
    this.#weights = Object.fromEntries(
      Object.entries(USUAL).map(([fault, weight]) => [
        fault,
        random.chance(0.35) ? 0 : weight * random.between(0.3, 2),
      ]),
    ) as unknown as Weights;
    this.#everyMs = random.pick([400, 1_200, 3_000]);
  }

  start(): void {
    this.#on = true;
    const turn = (): void => {
      if (!this.#on) return;
      this.#world.kernel.after(this.#random.between(50, 2 * this.#everyMs), null, turn);
      this.#strike();
    };
    turn();
  }

  /** Everything is mended: what goes on from here must converge. */
  stop(): void {
    this.#on = false;
    const { network, operators, pods } = this.#world;
    network.healAll();
    for (const node of this.#world.nodes.values()) {
      node.resume();
      node.powerOn();
      node.disk.full = false;
      node.disk.slowness = 1;
      if (node.process) node.process.clockRate = 1;
    }
    for (const operator of operators) {
      operator.resume();
      Object.assign(operator.faults, { cut: false, failures: 0, lostAnswers: 0, watchLagMs: 0, dieAfterWrites: null });
      if (!operator.up) operator.start();
    }
    for (const node of pods) if (!node.up) node.start(10);
    this.log('faults are over');
  }

  #strike(): void {
    const entries = Object.entries(this.#weights) as [keyof Weights, number][];
    let dice = this.#random.next() * entries.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [fault, weight] of entries) {
      dice -= weight;
      if (dice < 0) return this.#do(fault);
    }
  }

  #do(fault: keyof Weights): void {
    const random = this.#random;
    const { network } = this.#world;
    switch (fault) {
      case 'crash':
        return this.#onNode('killed', (node) => node.crash(false, random.between(0, 8_000)));
      case 'machineCrash':
        return this.#onNode('loses power', (node) => node.crash(true, random.between(1_000, 25_000)));
      case 'pause':
        return this.#onNode('is stopped', (node) => {
          node.pause();
          this.#later(random.between(100, random.chance(0.5) ? 12_000 : 4_000), () => node.resume());
        });
      case 'isolate':
        return this.#onNode('is cut off', (node) => this.#cut([node], true, true));
      case 'oneWay':
        return this.#onNode('is cut off one way', (node) => {
          const toOthers = random.chance(0.5);
          this.#cut([node], toOthers, !toOthers);
        });
      case 'split': {
        const { pods } = this.#world;
        const minority = random.shuffled(pods).slice(0, Math.floor(pods.length / 2));
        this.log(`split: ${minority.map((node) => node.name).join(', ')} apart`);
        return this.#cut(minority, true, true);
      }
      case 'reset': {
        const connections = openConnections();
        if (connections.length > 0) random.pick(connections).reset();
        return;
      }
      case 'loss':
        network.loss = random.between(0, 0.2);
        network.duplication = random.between(0, 0.1);
        return this.#later(random.between(1_000, 10_000), () => (network.loss = network.duplication = 0));
      case 'slow':
        network.stragglers = random.between(0, 0.2);
        return this.#later(random.between(500, 5_000), () => (network.stragglers = 0));
      case 'clock':
        return this.#clock();
      case 'diskFull':
        return this.#onNode('has a full disk', (node) => {
          node.disk.full = true;
          this.#later(random.between(1_000, 15_000), () => (node.disk.full = false));
        });
      case 'slowDisk':
        return this.#onNode('has a slow disk', (node) => {
          node.disk.slowness = random.pick([10, 100, 600]);
          this.#later(random.between(500, 8_000), () => (node.disk.slowness = 1));
        });
      case 'rot':
        return this.#rot();
      case 'workerDies':
        return this.#onNode('loses a worker', (node) => {
          const { host, process } = node;
          if (host && process) this.#world.kernel.after(0, process, () => host.workerDies());
        });
      default:
        return this.#onOperator(fault);
    }
  }

  #onNode(what: string, act: (node: SimNode) => void): void {
    const up = this.#world.pods.filter((node) => node.up && !node.paused);
    if (up.length === 0) return;
    // Primaries are where it hurts.
    const primaries = new Set(this.#world.shards().map((shard) => shard.status?.primary));
    const hurting = up.filter((node) => primaries.has(node.name));
    const node = this.#random.pick(hurting.length > 0 && this.#random.chance(0.5) ? hurting : up);
    this.log(`${node.name} ${what}`);
    act(node);
  }

  #onOperator(fault: 'operatorCrash' | 'operatorPause' | 'operatorCut' | 'staleCaches'): void {
    const random = this.#random;
    const operator: SimOperator = random.pick(this.#world.operators);
    if (!operator.up || operator.process?.paused) return;
    const { faults } = operator;
    this.log(`${operator.name}: ${fault}`);
    switch (fault) {
      case 'operatorCrash':
        if (random.chance(0.5)) faults.dieAfterWrites = random.int(0, 3);
        else operator.crash(random.between(200, 6_000));
        return;
      case 'operatorPause':
        operator.pause();
        return this.#later(random.between(500, 30_000), () => operator.resume());
      case 'operatorCut':
        if (random.chance(0.5)) {
          faults.cut = true;
          return this.#later(random.between(500, 20_000), () => (faults.cut = false));
        }
        for (const node of this.#world.pods) this.#cutPair(node.ip, operator.ip, random.between(500, 12_000));
        return;
      case 'staleCaches':
        Object.assign(faults, { watchLagMs: random.pick([100, 1_000, 5_000]), lostAnswers: 0.05, failures: 0.05 });
        return this.#later(random.between(2_000, 15_000), () =>
          Object.assign(faults, { watchLagMs: 0, lostAnswers: 0, failures: 0 }),
        );
    }
  }

  /** These nodes from all others, and perhaps from the operators. */
  #cut(nodes: SimNode[], outward: boolean, inward: boolean): void {
    const random = this.#random;
    const forMs = random.between(300, random.chance(0.5) ? 3_000 : 20_000);
    const withOperators = random.chance(0.5);
    const ips = new Set(nodes.map((node) => node.ip));
    const others = [
      ...this.#world.pods.map((node) => node.ip).filter((ip) => !ips.has(ip)),
      ...(withOperators ? this.#world.operators.map((operator) => operator.ip) : []),
    ];
    for (const { ip } of nodes) {
      for (const other of others) {
        if (outward) this.#cutLink(ip, other, forMs);
        if (inward) this.#cutLink(other, ip, forMs);
      }
    }
  }

  #cutPair(a: string, b: string, forMs: number): void {
    this.#cutLink(a, b, forMs);
    this.#cutLink(b, a, forMs);
  }

  #cutLink(from: string, to: string, forMs: number): void {
    const { network } = this.#world;
    network.setBlocked(from, to, true);
    this.#later(forMs, () => network.setBlocked(from, to, false));
  }

  #clock(): void {
    const random = this.#random;
    const processes = [...this.#world.pods, ...this.#world.operators].flatMap(({ process }) => process ?? []);
    if (processes.length === 0) return;
    const process = random.pick(processes);
    process.clockOffsetMs += random.pick([-1, 1]) * random.pick([50, 3_000, 3_600_000]);
    process.clockRate = random.between(0.97, 1.03);
    this.log(`${process.name}: its clock jumps to ${process.clockOffsetMs} ms`);
  }

  /** A bit flips in one copy of a shard whose other in-sync copies are sound. */
  #rot(): void {
    const random = this.#random;
    const shards = this.#world.routed().filter((shard) => {
      const files = this.#inSyncFiles(shard);
      return files.length > 1 && files.every((file) => file.rotten.size === 0 && file.failedMark === '');
    });
    if (shards.length === 0) return;
    const shard = random.pick(shards);
    const file = random.pick(this.#inSyncFiles(shard));
    const ids = [...file.rows.keys()];
    if (ids.length === 0) return;
    file.rotten.add(random.pick(ids));
    this.#oracle.damaged.add(file);
    this.log(`a bit flips in a copy of ${shard.metadata.name}`);
  }

  #inSyncFiles(shard: Parameters<Oracle['file']>[0]): NonNullable<ReturnType<Oracle['file']>>[] {
    return (shard.status?.copies ?? [])
      .filter((copy) => copy.inSync)
      .flatMap((copy) => this.#oracle.file(shard, copy) ?? []);
  }

  #later(milliseconds: number, run: () => void): void {
    this.#world.kernel.after(milliseconds, null, () => {
      if (this.#on) run();
    });
  }
}
