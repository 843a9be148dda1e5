import { setTimeout as sleep } from 'node:timers/promises';
import type { Json } from '#local/kube-api/json.ts';
import { foundCount, foundHits, foundPage, foundPoints } from './answers.ts';
import { type Findings, type Kind, Tally } from './findings.ts';
import type { History, Verdict } from './history.ts';
import { NoAnswer } from './http.ts';
import { nearestStable, seenState, STABLE, vectorOf } from './points.ts';
import type { Targets } from './targets.ts';

const TIMEOUT_S = 3;
const CLIENT_EXTRA_MS = 500;
const PAGE = 250;
const HITS = 10;
const QUERIES = 40;
const STABLE_FILTER = { must: [{ key: 'stable', match: { value: true } }] };

export interface ReaderOptions {
  readonly collection: string;
  readonly targets: Targets;
  /** Value of `consistency` for reads that must never be stale. */
  readonly strict: string;
  readonly pauseMs: number;
}

/** How a read may err, by what it was promised. */
const STALE_IS: Record<'strict' | 'one', Record<Verdict, Kind | undefined>> = {
  strict: { right: undefined, stale: 'wrong', late: 'late', wrong: 'wrong' },
  one: { right: undefined, stale: 'stale', late: 'late', wrong: 'wrong' },
};

/** Continuous readers: every answer is checked against what was written, and against brute force. */
export class Readers {
  readonly tally: Tally = new Tally();
  /** Seconds of the exact searches alone. */
  readonly searches: number[] = [];
  private readonly options: ReaderOptions;
  private readonly history: History;
  private readonly findings: Findings;
  private readonly queries = Array.from({ length: QUERIES }, (_, i) => {
    const vector = vectorOf(STABLE.first + i * 37, 0).map((x) => Math.fround(x + 0.05));
    return { vector, ids: nearestStable(vector, HITS).join() };
  });
  private readonly late = new Set<string>();
  private running: Promise<unknown> = Promise.resolve();
  private stopping = false;

  constructor(options: ReaderOptions, history: History, findings: Findings) {
    this.options = options;
    this.history = history;
    this.findings = findings;
  }

  start(): void {
    this.stopping = false;
    this.running = Promise.all([
      this.forever(1, () => this.retrieve('strict')),
      this.forever(1, () => this.retrieve('one')),
      this.forever(1, () => this.search()),
      this.forever(10, () => this.count()),
      this.forever(20, () => this.scroll()),
    ]);
  }

  async stop(): Promise<void> {
    this.stopping = true;
    await this.running;
  }

  private async forever(pauses: number, read: () => Promise<void>): Promise<void> {
    while (!this.stopping) {
      try {
        await read();
      } catch (error) {
        if (!(error instanceof Failed)) throw error;
        this.tally.fail(error.message);
      }
      await sleep(this.options.pauseMs * pauses);
    }
  }

  private async retrieve(promise: 'strict' | 'one'): Promise<void> {
    const keys = [...this.history.all()];
    const ids = [...new Set(Array.from({ length: 10 }, () => keys[Math.floor(Math.random() * keys.length)]))].filter(
      (id) => id !== undefined,
    );
    if (ids.length === 0) return;
    const parameters = promise === 'strict' ? `&consistency=${this.options.strict}` : '';
    const began = performance.now();
    const result = await this.ask('/points', parameters, { ids, with_payload: true, with_vector: true });
    const ended = performance.now();
    const found = new Map(foundPoints(result).map((point) => [point.id, point]));
    for (const id of ids) {
      const point = found.get(id);
      this.judge(promise, id, point === undefined ? '' : seenState(point), began, ended);
    }
  }

  private async search(): Promise<void> {
    const { vector, ids } = this.queries[Math.floor(Math.random() * QUERIES)]!;
    const began = performance.now();
    const body = { query: vector, limit: HITS, filter: STABLE_FILTER, params: { exact: true } };
    const hits = foundHits(await this.ask('/points/query', '', body));
    this.searches.push((performance.now() - began) / 1000);
    if (new Set(hits).size !== hits.length) this.findings.add('duplicate', `search: ${hits.join()}`);
    if (hits.join() !== ids) this.findings.add('wrong', `exact search: ${hits.join()} instead of ${ids}`);
  }

  private async count(): Promise<void> {
    const count = foundCount(await this.ask('/points/count', '', { filter: STABLE_FILTER, exact: true }));
    if (count !== STABLE.count)
      this.findings.add('wrong', `count of stable points: ${count} instead of ${STABLE.count}`);
  }

  private async scroll(): Promise<void> {
    const began = performance.now();
    const seen = new Set<number>();
    let stable = 0;
    let next: number | undefined;
    do {
      const pageBegan = performance.now();
      const body: Json = { limit: PAGE, with_payload: true, ...(next === undefined ? {} : { offset: next }) };
      const page = foundPage(await this.ask('/points/scroll', '', body));
      for (const point of page.points) {
        if (seen.has(point.id)) this.findings.add('duplicate', `scroll: point ${point.id}`);
        seen.add(point.id);
        if (point.payload['stable'] === true) stable++;
        else this.judge('one', point.id, seenState(point), pageBegan, performance.now());
      }
      next = page.next;
    } while (next !== undefined && !this.stopping);
    if (next !== undefined) return;
    if (stable !== STABLE.count)
      this.findings.add('wrong', `scroll: ${stable} stable points instead of ${STABLE.count}`);
    const ended = performance.now();
    for (const id of this.history.all()) if (!seen.has(id)) this.judge('one', id, '', began, ended);
  }

  private judge(promise: 'strict' | 'one', id: number, seen: string, began: number, ended: number): void {
    const kind = STALE_IS[promise][this.history.judge(id, seen, began, ended)];
    if (kind === undefined || (kind === 'late' && this.isKnownLate(id, seen))) return;
    const possible = [...this.history.possible(id)].map((state) => `"${state}"`).join(' or ');
    this.findings.add(kind, `${promise} read of ${id}: "${seen}"; last ${possible}`);
  }

  /** Every read sees a late write until the next one: it counts once. */
  private isKnownLate(id: number, seen: string): boolean {
    const effect = `${id} ${seen}`;
    if (this.late.has(effect)) return true;
    this.late.add(effect);
    return false;
  }

  private async ask(path: string, parameters: string, body: Json): Promise<Json | undefined> {
    const began = performance.now();
    const url = `/collections/${this.options.collection}${path}?timeout=${TIMEOUT_S}${parameters}`;
    try {
      const reply = await this.options.targets.call('POST', url, body, TIMEOUT_S * 1000 + CLIENT_EXTRA_MS);
      if (reply.status === 200) {
        this.tally.done((performance.now() - began) / 1000);
        return reply.result;
      }
      if (reply.status < 500 && reply.status !== 429) {
        this.findings.add('refused', `POST ${url}: ${reply.status} ${reply.error}`);
      }
      throw new Failed(`${reply.status} ${reply.error}`);
    } catch (error) {
      if (error instanceof NoAnswer) throw new Failed(error.message.slice(error.message.lastIndexOf(': ') + 2));
      throw error;
    }
  }
}

/** A read without an answer. */
class Failed extends Error {}
