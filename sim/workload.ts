import { AnnulusError } from '#model/errors.ts';
import type { ReadOptions } from '#node-agent/routing/router.ts';
import { payloadOf, versionOf, type Appended } from './history.ts';
import type { Oracle } from './oracle.ts';
import type { Random } from './random.ts';
import type { SimNode } from './sim-node.ts';
import { COLLECTION, type World } from './world.ts';

/** Points that are loaded before anything goes wrong, and never written again: every answer must have all of them. */
export const FIXED_IDS = Array.from({ length: 24 }, (_, i) => 1_000 + i);
const HOT_IDS = Array.from({ length: 16 }, (_, i) => 1 + i);
const TIMEOUT_MS = 8_000;
const FIELDS = { payload: true, vector: false };

/** Clients: each talks to some node as a coordinator and notes what it hears. */
export class Workload {
  readonly #world: World;
  readonly #oracle: Oracle;
  readonly #random: Random;
  /** Version that each fixed point has. */
  readonly fixed = new Map<number, number>();
  readonly outcomes = new Map<string, number>();
  #versions = 0;
  #underWay = 0;
  /** Ids that a client writes at this moment: deletions of one id at a time can be told apart. */
  #deleting = new Set<number>();
  #on = false;

  constructor(world: World, oracle: Oracle) {
    this.#world = world;
    this.#oracle = oracle;
    this.#random = world.kernel.random.fork('clients');
  }

  get underWay(): number {
    return this.#underWay;
  }

  /** Loads the fixed points; each is tried until it is there. */
  load(): void {
    for (const id of FIXED_IDS) this.#loadOne(id);
  }

  get loaded(): boolean {
    return this.fixed.size === FIXED_IDS.length;
  }

  start(everyMs: number): void {
    this.#on = true;
    const turn = (): void => {
      if (!this.#on) return;
      this.#world.kernel.after(this.#random.between(0, 2 * everyMs), null, turn);
      this.#act();
    };
    turn();
  }

  stop(): void {
    this.#on = false;
  }

  #loadOne(id: number): void {
    const version = ++this.#versions;
    const again = (): void => void this.#world.kernel.after(300, null, () => this.#loadOne(id));
    const node = this.#coordinator();
    if (node === null) return again();
    this.#write(node, id, version, (ok) => {
      if (ok) this.fixed.set(id, version);
      else again();
    });
  }

  #act(): void {
    const node = this.#coordinator();
    if (node === null) return;
    const dice = this.#random.next();
    const id = this.#random.pick(HOT_IDS);
    if (dice < 0.45) this.#write(node, id, ++this.#versions, () => undefined);
    else if (dice < 0.6) this.#delete(node, id);
    else if (dice < 0.85) this.#readPrimary(node, id);
    else this.#scan(node, this.#random.chance(0.5) ? 'one' : 'primary');
  }

  /** A node that takes requests, whatever it knows. */
  #coordinator(): SimNode | null {
    const ready = this.#world.pods.filter((node) => node.up && node.agent?.ready().ok === true);
    return ready.length === 0 ? null : this.#random.pick(ready);
  }

  #note(what: string): void {
    this.outcomes.set(what, (this.outcomes.get(what) ?? 0) + 1);
  }

  /** Runs a request on a node as its client; when the node dies the outcome stays unknown. */
  #ask<T>(node: SimNode, what: string, run: () => Promise<T>, done: (answer: T | Error) => void): void {
    const { kernel } = this.#world;
    const { process } = node;
    if (process === null) return;
    this.#underWay++;
    let settled = false;
    const settle = (answer: T | Error): void => {
      if (settled) return;
      settled = true;
      this.#underWay--;
      this.#note(
        `${what} ${answer instanceof AnnulusError ? answer.code : answer instanceof Error ? answer.name : 'ok'}`,
      );
      done(answer);
    };
    kernel.after(0, process, () => {
      // Some refusals are thrown at once.
      Promise.resolve()
        .then(run)
        .then(
          (value) => kernel.after(0, null, () => settle(value)),
          (error: unknown) =>
            kernel.after(0, null, () => settle(error instanceof Error ? error : new Error(String(error)))),
        );
    });
    kernel.after(TIMEOUT_MS * 4, null, () => settle(new Error('the coordinator is gone')));
  }

  #write(node: SimNode, id: number, version: number, done: (ok: boolean) => void): void {
    const points = [{ id, vector: Float32Array.of(1), payload: payloadOf(version) }];
    this.#ask(
      node,
      'write',
      () => node.agent!.router.write(COLLECTION, [{ type: 'upsert', points }], { timeoutMs: TIMEOUT_MS }),
      (answer) => {
        if (!(answer instanceof Error)) this.#oracle.acknowledged(id, version, answer.seqNo);
        done(!(answer instanceof Error));
      },
    );
  }

  #delete(node: SimNode, id: number): void {
    if (this.#deleting.has(id)) return;
    this.#deleting.add(id);
    this.#ask(
      node,
      'delete',
      () =>
        node.agent!.router.write(COLLECTION, [{ type: 'delete', select: { ids: [id] } }], { timeoutMs: TIMEOUT_MS }),
      (answer) => {
        this.#deleting.delete(id);
        if (!(answer instanceof Error)) this.#oracle.acknowledged(id, null, answer.seqNo);
      },
    );
  }

  #readPrimary(node: SimNode, id: number): void {
    const floor: Appended | null = this.#oracle.history.acknowledgedOf(id);
    const options: ReadOptions = { consistency: 'primary', timeoutMs: TIMEOUT_MS };
    this.#ask(
      node,
      'read',
      () => node.agent!.router.retrieve(COLLECTION, [id], FIELDS, options),
      (answer) => {
        if (answer instanceof Error) return;
        this.#oracle.readPrimary(id, versionOf(answer[0]?.payload ?? null), floor);
      },
    );
  }

  /** All points: every fixed one must be there once, as it was loaded. */
  #scan(node: SimNode, consistency: ReadOptions['consistency']): void {
    const options: ReadOptions = { consistency, timeoutMs: TIMEOUT_MS };
    const request = { from: null, limit: 1_000, filter: null, fields: FIELDS };
    this.#ask(
      node,
      'scan',
      () => node.agent!.router.scroll(COLLECTION, request, options),
      (answer) => {
        if (answer instanceof Error) return;
        const seen = new Map<number, number | null>();
        for (const { id, payload } of answer.points) {
          if (seen.has(Number(id)))
            this.#oracle.fail(`a scan (${consistency}) by ${node.name} has point ${String(id)} twice`);
          seen.set(Number(id), versionOf(payload));
        }
        for (const [id, version] of this.fixed) {
          if (seen.get(id) === version) continue;
          this.#oracle.fail(
            `a scan (${consistency}) by ${node.name} has point ${id} as ${String(seen.get(id))}, not ${version}`,
          );
        }
      },
    );
  }
}
