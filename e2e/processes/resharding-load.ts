import { setTimeout as sleep } from 'node:timers/promises';
import { rest } from './rest.ts';

/** Payload and vector of a point, as the model has it. */
interface Stored {
  readonly mark: number;
  readonly tag: string;
}

export const DIMENSION = 16;
/** Points that nobody changes: what a search of them finds must never change. */
const STILL = 3_000;
const MOVING = 1_500;
const WRITERS = 3;
const READERS = 2;
const HITS = 10;
const QUERIES = 20;
const BATCH = 500;

/** Vector of a point's version: the same always, no two alike. */
function vectorOf(id: number, mark: number): number[] {
  let seed = (id * 7_919 + mark * 104_729 + 12_345) % 2_147_483_647;
  return Array.from({ length: DIMENSION }, () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return Math.fround(seed / 2_147_483_647 - 0.5);
  });
}

function distance(a: readonly number[], b: readonly number[]): number {
  return Math.sqrt(a.reduce((sum, x, i) => sum + (x - b[i]!) ** 2, 0));
}

/** Writers and readers beside a model in memory; whatever disagrees is kept in `wrong`. */
export class Load {
  readonly wrong: string[] = [];
  writes = 0;
  reads = 0;
  slowestWriteMs = 0;
  readonly #base: string;
  readonly #collection: string;
  /** Points that change, by id; each writer has ids of its own. */
  readonly #model = new Map<number, Stored>();
  readonly #queries: { vector: number[]; expected: number[] }[] = [];
  #running: Promise<void>[] = [];
  #stopped = false;

  constructor(base: string, collection: string) {
    this.#base = base;
    this.#collection = collection;
  }

  /** Writes the points that stay, and those that change for the first time. */
  async fill(): Promise<void> {
    const still = Array.from({ length: STILL }, (_, id) => ({ id, vector: vectorOf(id, 0), payload: { still: true } }));
    const moving = Array.from({ length: MOVING }, (_, i) => this.#upsertOf(STILL + i, 0));
    const all = [...still, ...moving];
    for (let from = 0; from < all.length; from += BATCH) {
      await this.#must('PUT', '/points?wait=true', { points: all.slice(from, from + BATCH) });
    }
    for (let query = 0; query < QUERIES; query++) {
      const vector = vectorOf(1_000_000 + query, 0);
      const ranked = still
        .map((point) => ({ id: point.id, far: distance(point.vector, vector) }))
        .sort((a, b) => a.far - b.far);
      this.#queries.push({ vector, expected: ranked.slice(0, HITS).map(({ id }) => id) });
    }
  }

  start(): void {
    this.#stopped = false;
    for (let writer = 0; writer < WRITERS; writer++) this.#running.push(this.#write(writer));
    for (let reader = 0; reader < READERS; reader++) this.#running.push(this.#read(reader));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#running);
    this.#running = [];
  }

  /** Compares every point of the collection with the model. */
  async compare(): Promise<void> {
    const seen = new Map<number, { payload: { still?: boolean; mark?: number; tag?: string }; vector: number[] }>();
    for (let offset: number | null = 0; offset !== null;) {
      const body = { limit: 1_000, offset, with_payload: true, with_vector: true };
      const page = (await this.#must('POST', '/points/scroll', body)) as {
        points: { id: number; payload: { still?: boolean; mark?: number; tag?: string }; vector: number[] }[];
        next_page_offset: number | null;
      };
      for (const { id, payload, vector } of page.points) {
        if (seen.has(id)) this.wrong.push(`point ${id} is there twice`);
        seen.set(id, { payload, vector });
      }
      offset = page.next_page_offset;
    }
    if (seen.size !== STILL + this.#model.size) {
      this.wrong.push(`${seen.size} points, the model has ${STILL + this.#model.size}`);
    }
    for (const [id, { mark, tag }] of this.#model) {
      const found = seen.get(id);
      const same = found?.payload.mark === mark && found.payload.tag === tag;
      const equal = found !== undefined && distance(found.vector, vectorOf(id, mark)) < 1e-6;
      if (!same || !equal) this.wrong.push(`point ${id} is ${JSON.stringify(found?.payload)}, not ${mark} ${tag}`);
    }
    for (let id = 0; id < STILL; id++) if (!seen.has(id)) this.wrong.push(`point ${id} is lost`);
    await this.#searchAll(() => false);
  }

  async #write(writer: number): Promise<void> {
    for (let turn = 1; !this.#stopped; turn++) {
      // Ids of this writer only, so that the model knows the outcome; a few at once, of several shards.
      const ids = Array.from({ length: 4 }, (_, i) => STILL + (((turn * 4 + i) * WRITERS + writer) % MOVING));
      const startedAt = performance.now();
      if (turn % 5 === 0) await this.#delete(ids);
      else if (turn % 3 === 0) await this.#tag(ids, turn);
      else await this.#upsert(ids, turn);
      this.slowestWriteMs = Math.max(this.slowestWriteMs, performance.now() - startedAt);
      this.writes++;
      await this.#readBack(ids);
    }
  }

  async #upsert(ids: number[], mark: number): Promise<void> {
    const points = ids.map((id) => this.#upsertOf(id, mark));
    await this.#must('PUT', '/points?wait=true', { points });
  }

  #upsertOf(id: number, mark: number): object {
    this.#model.set(id, { mark, tag: `t${mark}` });
    return { id, vector: vectorOf(id, mark), payload: { mark, tag: `t${mark}` } };
  }

  async #delete(ids: number[]): Promise<void> {
    for (const id of ids) this.#model.delete(id);
    await this.#must('POST', '/points/delete?wait=true', { points: ids });
  }

  /** By filter: the coordinator sends it to every shard. */
  async #tag(ids: number[], turn: number): Promise<void> {
    const tag = `f${turn}`;
    for (const id of ids) {
      const known = this.#model.get(id);
      if (known) this.#model.set(id, { ...known, tag });
    }
    await this.#must('POST', '/points/payload?wait=true', { payload: { tag }, filter: { must: [{ has_id: ids }] } });
  }

  async #readBack(ids: number[]): Promise<void> {
    const wanted = ids.map((id) => [id, this.#model.get(id)] as const);
    const found = (await this.#must('POST', '/points', { ids, with_payload: true })) as {
      id: number;
      payload: Stored;
    }[];
    for (const [id, model] of wanted) {
      const payload = found.find((point) => point.id === id)?.payload;
      if (payload?.mark === model?.mark && payload?.tag === model?.tag) continue;
      this.wrong.push(`point ${id} read back as ${JSON.stringify(payload)}, written ${JSON.stringify(model)}`);
    }
  }

  async #read(reader: number): Promise<void> {
    while (!this.#stopped) {
      if (reader === 0) await this.#searchAll(() => this.#stopped);
      else {
        const still = { must: [{ key: 'still', match: { value: true } }] };
        const { count } = (await this.#must('POST', '/points/count', { filter: still, exact: true })) as {
          count: number;
        };
        if (count !== STILL) this.wrong.push(`${count} points are still, not ${STILL}`);
        this.reads++;
        await sleep(5);
      }
    }
  }

  async #searchAll(stopped: () => boolean): Promise<void> {
    for (const { vector, expected } of this.#queries) {
      const filter = { must: [{ key: 'still', match: { value: true } }] };
      const body = { query: vector, limit: HITS, filter, params: { exact: true } };
      const { points } = (await this.#must('POST', '/points/query', body)) as { points: { id: number }[] };
      const ids = points.map((point) => point.id);
      if (ids.join() !== expected.join()) this.wrong.push(`search found ${ids.join()}, not ${expected.join()}`);
      this.reads++;
      if (stopped()) return;
    }
  }

  /** The result; an error is kept. */
  async #must(method: string, path: string, body: unknown): Promise<unknown> {
    const { status, text, result } = await rest(this.#base, method, `/collections/${this.#collection}${path}`, body);
    if (status !== 200) {
      const short = text.slice(0, 300);
      this.wrong.push(`${method} ${path}: ${status} ${short}`);
      throw new Error(`${method} ${path}: ${status} ${short}`);
    }
    return result;
  }
}
