import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { createShardHost, type ShardHostOptions } from './host.ts';
import type { Write } from './operations.ts';
import type { Appended, OpenCopy, OpenResult, ShardHits, ShardHost, ShardSearch, ShardSettings } from './shard-host.ts';

/** Helpers of the tests around shards. */

export const SETTINGS: ShardSettings = {
  dimension: 4,
  metric: 'Cosine',
  hnsw: { m: 16, efConstruction: 100, efSearch: 128 },
  payloadIndexes: [],
  textFields: [],
};

export function copyOptions(settings: Partial<ShardSettings> = {}, names: Partial<OpenCopy> = {}): OpenCopy {
  return {
    shard: 's-0',
    shardUid: 'uid-0',
    allocationId: 'a0',
    create: true,
    ...names,
    settings: { ...SETTINGS, ...settings },
  };
}

/** A shard host over a folder of its own. */
export class TestHost {
  readonly directory: string;
  host: ShardHost;
  readonly #options: Partial<ShardHostOptions>;

  private constructor(directory: string, host: ShardHost, options: Partial<ShardHostOptions>) {
    this.directory = directory;
    this.host = host;
    this.#options = options;
  }

  static async start(options: Partial<ShardHostOptions> = {}): Promise<TestHost> {
    const directory = mkdtempSync(join(tmpdir(), 'annulus-shard-'));
    return new TestHost(directory, await start(directory, options), options);
  }

  /** Orderly stop and start; open copies must be opened again. */
  async restart(): Promise<void> {
    await this.host.shutdown();
    this.host = await start(this.directory, this.#options);
  }

  async stop(): Promise<void> {
    await this.host.shutdown();
    rmSync(this.directory, { recursive: true, force: true });
  }

  folder({ shardUid, allocationId }: OpenCopy): string {
    return join(this.directory, 'shards', shardUid, allocationId);
  }

  async open(options: OpenCopy): Promise<OpenResult> {
    return await this.host.open(options);
  }

  /** Appends writes that must all be taken. */
  async write(shard: string, ...writes: Write[]): Promise<Appended> {
    const appended = await this.host.append(shard, 1, writes);
    for (const result of appended.results) if (!result.ok) throw new Error(JSON.stringify(result.error));
    return appended;
  }

  async search(shard: string, vector: number[], search: Partial<ShardSearch> = {}): Promise<ShardHits> {
    return await this.host.search(shard, {
      vectors: Float32Array.from(vector),
      count: 1,
      limit: 10,
      exact: false,
      filter: null,
      fields: { payload: false, vector: false },
      ...search,
    });
  }

  /** Waits until no vector waits for the graph. */
  async indexed(shard: string): Promise<void> {
    for (;;) {
      const { points, indexedPoints } = await this.host.stats(shard);
      if (points === indexedPoints) return;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

function start(dataDir: string, options: Partial<ShardHostOptions>): Promise<ShardHost> {
  return createShardHost({ dataDir, workers: 1, logger: pino({ level: 'silent' }), ...options });
}

/** Numbers from a seed (mulberry32): the same run again. */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
