import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Pool } from 'undici';
import { pino } from 'pino';
import type { Hit } from '../../routing/router.ts';
import { createRestServer } from '../server.ts';
import { MemoryRouter } from './memory-router.ts';

// What the REST layer costs by itself: CPU microseconds of a server process a request, over a router that answers at once.
// Run: node node-agent/rest/testing/measure.ts

const DIMENSION = 384;
const BATCH = 100;
const CONNECTIONS = 8;
const HITS: Hit[] = Array.from({ length: 10 }, (_, i) => ({
  id: i * 1000,
  score: Math.fround(1 / (i + 1.1)),
  payload: null,
  vector: null,
}));

class InstantRouter extends MemoryRouter {
  override search(_name: string, queries: unknown[]): Promise<Hit[][]> {
    return Promise.resolve(queries.map(() => HITS));
  }
  override write(): Promise<{ seqNo: number }> {
    return Promise.resolve({ seqNo: 1 });
  }
}

async function serve(): Promise<void> {
  const router = new InstantRouter();
  await router.create('c', { dimension: DIMENSION, metric: 'Cosine' });
  const cpu = (): string => String(process.cpuUsage().user + process.cpuUsage().system);
  const health = {
    healthz: () => ({ ok: true, text: 'ok' }),
    readyz: () => ({ ok: true, text: 'ok' }),
    metrics: () => Promise.resolve(cpu()),
  };
  const server = createRestServer({ router, admin: router, logger: pino({ level: 'silent' }), health });
  process.send!(await server.listen({ host: '127.0.0.1', port: 0 }));
}

const vector = (): number[] => Array.from({ length: DIMENSION }, () => Math.random() - 0.5);
const payload = { title: 'Some title of a document', text: 'words '.repeat(40), rank: 17, tags: ['a', 'b'] };

async function load(
  pool: Pool,
  what: string,
  method: 'POST' | 'PUT',
  path: string,
  requests: number,
  per: number,
  body: () => unknown,
): Promise<void> {
  const bodies = Array.from({ length: 20 }, () => JSON.stringify(body()));
  const send = async (n: number): Promise<void> => {
    let left = n;
    const one = async (): Promise<void> => {
      while (left-- > 0) {
        const answer = await pool.request({
          method,
          path: `/collections/c/points${path}`,
          headers: { 'content-type': 'application/json' },
          body: bodies[left % 20]!,
        });
        const text = await answer.body.text();
        if (answer.statusCode !== 200) throw new Error(text);
      }
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, one));
  };
  const cpu = async (): Promise<number> =>
    Number(await (await pool.request({ method: 'GET', path: '/metrics' })).body.text());
  await send(Math.ceil(requests / 5));
  const before = await cpu();
  await send(requests);
  const each = ((await cpu()) - before) / (requests * per);
  process.stdout.write(`${what.padEnd(34)} ${each.toFixed(1).padStart(7)} us CPU each (${bodies[0]!.length} bytes)\n`);
}

async function main(): Promise<void> {
  const child = fork(fileURLToPath(import.meta.url), ['serve']);
  const url = await new Promise<string>((resolve) => child.once('message', (message) => resolve(String(message))));
  const pool = new Pool(url, { connections: CONNECTIONS, pipelining: 1 });
  const query = (): object => ({ query: vector(), limit: 10 });
  const point = (id: number): object => ({ id, vector: vector(), payload });
  await load(pool, 'single query', 'POST', '/query', 20_000, 1, query);
  await load(pool, 'single search with payload', 'POST', '/search', 20_000, 1, () => ({
    vector: vector(),
    limit: 10,
    params: { hnsw_ef: 64 },
  }));
  await load(pool, `query in a batch of ${BATCH}`, 'POST', '/query/batch', 500, BATCH, () => ({
    searches: Array.from({ length: BATCH }, query),
  }));
  await load(pool, `upserted point in a batch of ${BATCH}`, 'PUT', '', 500, BATCH, () => ({
    points: Array.from({ length: BATCH }, (_, i) => point(i)),
  }));
  await pool.close();
  child.kill();
}

await (process.argv[2] === 'serve' ? serve() : main());
