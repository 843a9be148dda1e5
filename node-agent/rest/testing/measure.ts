import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { credentials, ServerCredentials, type ServiceError } from '@grpc/grpc-js';
import { Pool } from 'undici';
import { pino } from 'pino';
import type { Hit, SearchQuery } from '../../routing/router.ts';
import { createClientGrpcServer, PointsClient, pointsService } from '../../rpc/client-service.ts';
import { createRestServer } from '../server.ts';
import { MemoryRouter } from './memory-router.ts';

// What the client interfaces cost by themselves: CPU microseconds of a server process a request, over a router that answers at once.
// Run: node node-agent/rest/testing/measure.ts

const DIMENSION = 384;
const BATCH = 100;
const CONNECTIONS = 8;
const BODIES = 20;

const payload = { title: 'Some title of a document', text: 'words '.repeat(40), rank: 17, tags: ['a', 'b'] };
const hits = (text: string | null): Hit[] =>
  Array.from({ length: 10 }, (_, i) => ({
    id: i * 1000,
    score: Math.fround(1 / (i + 1.1)),
    payload: text,
    vector: null,
  }));
const WITH_PAYLOAD = hits(JSON.stringify(payload));
const PLAIN = hits(null);

class InstantRouter extends MemoryRouter {
  override search(_name: string, queries: SearchQuery[]): Promise<Hit[][]> {
    return Promise.resolve(queries.map(({ fields }) => (fields.payload === false ? PLAIN : WITH_PAYLOAD)));
  }
  override write(): Promise<{ seqNo: number }> {
    return Promise.resolve({ seqNo: 1 });
  }
}

async function serve(): Promise<void> {
  const router = new InstantRouter();
  await router.create('c', { dimension: DIMENSION, metric: 'Cosine' });
  const cpu = (): string => String(process.cpuUsage().user + process.cpuUsage().system);
  const ok = (): { ok: boolean; text: string } => ({ ok: true, text: 'ok' });
  const logger = pino({ level: 'silent' });
  const health = { healthz: ok, readyz: ok, metrics: () => Promise.resolve(cpu()) };
  const rest = await createRestServer({ router, admin: router, logger, health }).listen({ host: '127.0.0.1', port: 0 });
  createClientGrpcServer({ router, logger }).bindAsync(
    '127.0.0.1:0',
    ServerCredentials.createInsecure(),
    (error, port) => {
      if (error) throw error;
      process.send!({ rest, grpc: `127.0.0.1:${port}` });
    },
  );
}

type Send = (i: number) => Promise<void>;

/** Sends `requests` over CONNECTIONS at a time, and prints the server's CPU time of each of the `per` things in a request. */
async function measure(pool: Pool, what: string, requests: number, per: number, send: Send): Promise<void> {
  const run = async (count: number): Promise<void> => {
    let left = count;
    const one = async (): Promise<void> => {
      while (left-- > 0) await send((left + BODIES) % BODIES);
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, one));
  };
  const cpu = async (): Promise<number> =>
    Number(await (await pool.request({ method: 'GET', path: '/metrics' })).body.text());
  await run(Math.ceil(requests / 4));
  const before = await cpu();
  await run(requests);
  const each = ((await cpu()) - before) / (requests * per);
  process.stdout.write(`${what.padEnd(40)} ${each.toFixed(1).padStart(7)} us CPU each\n`);
}

function rest(pool: Pool, method: 'POST' | 'PUT', path: string, body: () => object): Send {
  const bodies = Array.from({ length: BODIES }, () => JSON.stringify(body()));
  return async (i) => {
    const headers = { 'content-type': 'application/json' };
    const answer = await pool.request({ method, path: `/collections/c/points${path}`, headers, body: bodies[i]! });
    const text = await answer.body.text();
    if (answer.statusCode !== 200) throw new Error(text);
  };
}

function grpc(client: InstanceType<typeof PointsClient>, name: string, request: () => object): Send {
  const { path, requestSerialize, responseDeserialize } = pointsService[name]!;
  const requests = Array.from({ length: BODIES }, request);
  return (i) =>
    new Promise((resolve, reject) => {
      const done = (error: ServiceError | null): void => (error ? reject(error) : resolve());
      client.makeUnaryRequest(path, requestSerialize, responseDeserialize, requests[i]!, done);
    });
}

async function main(): Promise<void> {
  const child = fork(fileURLToPath(import.meta.url), ['serve']);
  const at = await new Promise<{ rest: string; grpc: string }>((resolve) =>
    child.once('message', (message) => resolve(message as { rest: string; grpc: string })),
  );
  const pool = new Pool(at.rest, { connections: CONNECTIONS, pipelining: 1 });
  const client = new PointsClient(at.grpc, credentials.createInsecure());
  const vector = (): number[] => Array.from({ length: DIMENSION }, () => Math.random() - 0.5);
  const query = (): object => ({ query: vector(), limit: 10 });
  const times = <T>(make: (i: number) => T): T[] => Array.from({ length: BATCH }, (_, i) => make(i));
  const bytes = (): Uint8Array => new Uint8Array(Float32Array.from(vector()).buffer);
  const grpcQuery = (): object => ({ vector: bytes(), limit: 10 });

  await measure(pool, 'REST query', 20_000, 1, rest(pool, 'POST', '/query', query));
  const withPayload = (): object => ({ ...query(), with_payload: true });
  await measure(pool, 'REST query with payload', 20_000, 1, rest(pool, 'POST', '/query', withPayload));
  const searches = (): object => ({ searches: times(query) });
  await measure(pool, `REST query of a batch of ${BATCH}`, 500, BATCH, rest(pool, 'POST', '/query/batch', searches));
  const points = (): object => ({ points: times((id) => ({ id, vector: vector(), payload })) });
  await measure(pool, `REST upserted point of ${BATCH}`, 500, BATCH, rest(pool, 'PUT', '', points));
  const one = (): object => ({ collection: 'c', query: grpcQuery() });
  await measure(pool, 'gRPC search', 20_000, 1, grpc(client, 'Search', one));
  const many = (): object => ({ collection: 'c', queries: times(grpcQuery) });
  await measure(pool, `gRPC search of a batch of ${BATCH}`, 500, BATCH, grpc(client, 'SearchBatch', many));
  client.close();
  await pool.close();
  child.kill();
}

await (process.argv[2] === 'serve' ? serve() : main());
