import { credentials, type ServiceError } from '@grpc/grpc-js';
import { loadServiceClient } from '#proto/load-service.ts';
import type { BenchCluster } from './cluster.ts';
import { type Dataset, K } from './dataset.ts';
import { batchBodies, searchBodies, upsertBodies, runJobs } from './rest-load.ts';

export const COLLECTION = 'bench';
export const BATCH = 64;
const UPSERT = 100;
const UPSERTS_AT_ONCE = 2;

/** One way to ask the set's queries. A job answers one request; a request has one query or several. */
export interface Workload {
  name: string;
  /** Requests under way at once. */
  concurrency: number;
  /** Requests that ask every query of the set once. */
  requests: number;
  /** Requests a measured round. */
  round: number;
  queriesOf(request: number): number;
  /** Rows found by each of the request's queries. */
  ask(request: number): Promise<number[][]>;
}

interface RestHits {
  result: { id: number }[];
}

/** One query a request. Many connections, as a service has them, or one, for the latency without a queue. */
export function restSingles(cluster: BenchCluster, data: Dataset, ef: number, concurrency: number): Workload {
  const bodies = searchBodies(data, ef);
  return {
    name: `REST single, ${concurrency} connection${concurrency === 1 ? '' : 's'}`,
    concurrency,
    requests: bodies.length,
    round: 3000,
    queriesOf: () => 1,
    async ask(request) {
      const path = `/collections/${COLLECTION}/points/search`;
      const { result } = JSON.parse(await cluster.rest.send('POST', path, bodies[request]!)) as RestHits;
      return [result.map((hit) => hit.id)];
    },
  };
}

/** 64 queries a request. */
export function restBatches(cluster: BenchCluster, data: Dataset, ef: number): Workload {
  const bodies = batchBodies(data, ef, BATCH);
  return {
    name: `REST batch of ${BATCH}`,
    concurrency: 2,
    requests: bodies.length,
    round: 96,
    queriesOf: (request) => batchSize(data, request),
    async ask(request) {
      const path = `/collections/${COLLECTION}/points/search/batch`;
      const text = await cluster.rest.send('POST', path, bodies[request]!);
      return (JSON.parse(text) as { result: { id: number }[][] }).result.map((hits) => hits.map((hit) => hit.id));
    },
  };
}

interface GrpcHits {
  hits: { id: { num: number } }[];
}
type Unary = (request: object, done: (error: ServiceError | null, reply: unknown) => void) => void;

function grpcCall<T>(cluster: BenchCluster, method: string): (request: object) => Promise<T> {
  const Client = loadServiceClient('client.proto', 'Points');
  const client = new Client(cluster.grpcAddress, credentials.createInsecure());
  cluster.onClose(() => client.close());
  const unary = (client as unknown as Record<string, Unary>)[method]!.bind(client);
  return (request) =>
    new Promise((resolve, reject) => unary(request, (error, reply) => (error ? reject(error) : resolve(reply as T))));
}

function grpcQueries(data: Dataset, ef: number): object[] {
  const { queries, dimension } = data;
  return Array.from({ length: queries.length / dimension }, (_, q) => ({
    vector: Buffer.from(queries.slice(q * dimension, (q + 1) * dimension).buffer),
    limit: K,
    ef,
  }));
}

const rowsOf = ({ hits }: GrpcHits): number[] => hits.map((hit) => hit.id.num);

/** One query a call, vectors as float32 bytes. */
export function grpcSingles(cluster: BenchCluster, data: Dataset, ef: number, concurrency: number): Workload {
  const call = grpcCall<GrpcHits>(cluster, 'search');
  const requests = grpcQueries(data, ef).map((query) => ({ collection: COLLECTION, query }));
  return {
    name: `gRPC single, ${concurrency} at once`,
    concurrency,
    requests: requests.length,
    round: 3000,
    queriesOf: () => 1,
    ask: async (request) => [rowsOf(await call(requests[request]!))],
  };
}

/** 64 queries a call. */
export function grpcBatches(cluster: BenchCluster, data: Dataset, ef: number): Workload {
  const call = grpcCall<{ results: GrpcHits[] }>(cluster, 'searchBatch');
  const all = grpcQueries(data, ef);
  const requests = Array.from({ length: Math.ceil(all.length / BATCH) }, (_, n) => ({
    collection: COLLECTION,
    queries: all.slice(n * BATCH, (n + 1) * BATCH),
  }));
  return {
    name: `gRPC batch of ${BATCH}`,
    concurrency: 2,
    requests: requests.length,
    round: 96,
    queriesOf: (request) => batchSize(data, request),
    ask: async (request) => (await call(requests[request]!)).results.map(rowsOf),
  };
}

function batchSize(data: Dataset, request: number): number {
  return Math.min(BATCH, data.queries.length / data.dimension - request * BATCH);
}

/** Loads the set into a new collection of one shard; resolves when every point is durable on every copy and in the graphs. */
export async function ingest(
  cluster: BenchCluster,
  data: Dataset,
  copies: number,
): Promise<{ cpuRate: number; wallRate: number }> {
  const vectors = { size: data.dimension, distance: data.metric };
  const settings = { vectors, shard_number: 1, replication_factor: copies };
  await cluster.rest.send('PUT', `/collections/${COLLECTION}`, JSON.stringify(settings));
  const bodies = [...upsertBodies(data, UPSERT)];
  const started = { cpu: cluster.cpuSeconds(), wall: performance.now() };
  const path = `/collections/${COLLECTION}/points?wait=true`;
  await runJobs(bodies.length, UPSERTS_AT_ONCE, async (n) => void (await cluster.rest.send('PUT', path, bodies[n]!)));
  await cluster.indexed(COLLECTION);
  const rows = data.base.length / data.dimension;
  return {
    cpuRate: rows / (cluster.cpuSeconds() - started.cpu),
    wallRate: (rows / (performance.now() - started.wall)) * 1000,
  };
}
