import { setTimeout as sleep } from 'node:timers/promises';
import type { Words } from '#local/demo/words.ts';
import type { Json } from '#local/kube-api/json.ts';
import { foundHits } from '../answers.ts';
import { quantile } from '../findings.ts';
import { Http, NoAnswer } from '../http.ts';

export const COLLECTION = 'words';
export type Phase = 'before' | 'during' | 'after';
const CLIENTS = 2;
const PAUSE_MS = 10;
const EXACT_QUERIES = 40;
const EXACT_PAUSE_MS = 400;
const WRITE_PAUSE_MS = 40;
const LIMIT = 10;
const TIMEOUT_MS = 20_000;

/** Searches, exact searches whose answers must stay the same, and writes that change no vector; latencies by phase. */
export class WordLoad {
  phase: Phase = 'before';
  failed = 0;
  /** Exact answers that were compared, and those that were not as at the beginning. */
  exact = 0;
  changed = 0;
  readonly reasons = new Set<string>();
  private readonly http = new Http();
  private readonly urls: readonly string[];
  private readonly words: Words;
  private readonly seconds: Record<Phase, number[]> = { before: [], during: [], after: [] };
  private readonly known: string[] = [];
  private running: Promise<unknown> = Promise.resolve();
  private stopping = false;
  private turn = 0;

  constructor(urls: readonly string[], words: Words) {
    this.urls = urls;
    this.words = words;
  }

  /** Keeps the exact answers as they are now. */
  async learn(): Promise<void> {
    for (let i = 0; i < EXACT_QUERIES; i++) {
      const answer = await this.search(i * 997, true);
      if (answer === undefined) throw new Error(`exact search: ${[...this.reasons].join('; ')}`);
      this.known.push(answer.join());
    }
  }

  start(phase: Phase): void {
    this.phase = phase;
    const loops = [...Array.from({ length: CLIENTS }, () => this.searches()), this.exactSearches(), this.writes()];
    this.running = Promise.all(loops);
  }

  async stop(): Promise<void> {
    this.stopping = true;
    await this.running;
    this.http.close();
  }

  quantile(phase: Phase, part: number): number {
    return quantile(this.seconds[phase], part);
  }

  count(phase: Phase): number {
    return this.seconds[phase].length;
  }

  private async searches(): Promise<void> {
    while (!this.stopping) {
      const { phase } = this;
      const began = performance.now();
      const hits = await this.search(Math.floor(Math.random() * this.words.words.length), false);
      // A search that began before the phase changed belongs to neither.
      if (hits !== undefined && phase === this.phase) this.seconds[phase].push((performance.now() - began) / 1000);
      await sleep(PAUSE_MS);
    }
  }

  private async exactSearches(): Promise<void> {
    for (let i = 0; !this.stopping; i = (i + 1) % EXACT_QUERIES) {
      const hits = await this.search(i * 997, true);
      if (hits !== undefined) {
        this.exact++;
        if (hits.join() !== this.known[i]) this.changed++;
      }
      await sleep(EXACT_PAUSE_MS);
    }
  }

  private async writes(): Promise<void> {
    while (!this.stopping) {
      const id = Math.floor(Math.random() * this.words.words.length);
      const point = { id, vector: this.vector(id), payload: { word: this.words.words[id]!, written: Date.now() } };
      await this.ask('PUT', '/points?wait=true', { points: [point] });
      await sleep(WRITE_PAUSE_MS);
    }
  }

  private async search(row: number, exact: boolean): Promise<number[] | undefined> {
    const query = this.vector(row % this.words.words.length);
    const result = await this.ask('POST', '/points/query', {
      query,
      limit: LIMIT,
      ...(exact ? { params: { exact } } : {}),
    });
    return result === undefined ? undefined : foundHits(result);
  }

  private vector(row: number): number[] {
    const { vectors, dimension } = this.words;
    return [...vectors.subarray(row * dimension, (row + 1) * dimension)];
  }

  /** Undefined when it failed, which is counted. */
  private async ask(method: string, path: string, body: Json): Promise<Json | undefined> {
    const url = this.urls[this.turn++ % this.urls.length]!;
    try {
      const reply = await this.http.call(url, method, `/collections/${COLLECTION}${path}`, body, TIMEOUT_MS);
      if (reply.status === 200) return reply.result;
      this.reasons.add(`${reply.status} ${reply.error}`.slice(0, 160));
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      this.reasons.add(error.message.slice(0, 160));
    }
    this.failed++;
    return undefined;
  }
}
