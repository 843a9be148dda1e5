import { Agent, request } from 'node:http';
import type { Dataset } from './dataset.ts';
import { K } from './dataset.ts';

/** A keep-alive HTTP client that costs little, so that it takes little from the node on the same machine. */
export class RestClient {
  private readonly agent: Agent;
  private readonly host: string;
  private readonly port: number;

  constructor(host: string, port: number, connections: number) {
    this.host = host;
    this.port = port;
    this.agent = new Agent({ keepAlive: true, maxSockets: connections });
  }

  /** Sends a JSON text; resolves to the answer's text, rejects on any status but 200. */
  send(method: string, path: string, body: string | Buffer): Promise<string> {
    return new Promise((resolve, reject) => {
      const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
      const outgoing = request(
        { host: this.host, port: this.port, method, path, agent: this.agent, headers },
        (answer) => {
          const chunks: Buffer[] = [];
          answer.on('data', (chunk: Buffer) => chunks.push(chunk));
          answer.on('end', () => {
            const text = Buffer.concat(chunks).toString('utf8');
            if (answer.statusCode === 200) resolve(text);
            else reject(new Error(`${method} ${path}: ${answer.statusCode} ${text.slice(0, 300)}`));
          });
          answer.on('error', reject);
        },
      );
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  }

  close(): void {
    this.agent.destroy();
  }
}

/** Runs `jobs` with `concurrency` at once; resolves to each job's latency in milliseconds, sorted. */
export async function runJobs(
  jobs: number,
  concurrency: number,
  job: (n: number) => Promise<void>,
): Promise<Float64Array> {
  const latencies = new Float64Array(jobs);
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let n = next++; n < jobs; n = next++) {
      const started = performance.now();
      await job(n);
      latencies[n] = performance.now() - started;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, lane));
  return latencies.sort();
}

/** Bodies of single searches, one a query of the set. */
export function searchBodies(data: Dataset, ef: number): Buffer[] {
  return vectors(data).map((vector) => Buffer.from(JSON.stringify({ vector, limit: K, params: { hnsw_ef: ef } })));
}

/** Bodies of batch searches of `size` queries; the last one may be smaller. */
export function batchBodies(data: Dataset, ef: number, size: number): Buffer[] {
  const all = vectors(data);
  const bodies: Buffer[] = [];
  for (let at = 0; at < all.length; at += size) {
    const searches = all.slice(at, at + size).map((vector) => ({ vector, limit: K, params: { hnsw_ef: ef } }));
    bodies.push(Buffer.from(JSON.stringify({ searches })));
  }
  return bodies;
}

function vectors(data: Dataset): number[][] {
  return Array.from({ length: data.queries.length / data.dimension }, (_, q) =>
    Array.from(data.queries.subarray(q * data.dimension, (q + 1) * data.dimension)),
  );
}

/** Bodies of upserts of `size` points, made one at a time (a whole set as JSON would not fit well in memory). */
export function* upsertBodies(data: Dataset, size: number): Generator<string> {
  const rows = data.base.length / data.dimension;
  for (let from = 0; from < rows; from += size) {
    const points: string[] = [];
    for (let id = from; id < Math.min(from + size, rows); id++) {
      const vector = JSON.stringify(Array.from(data.base.subarray(id * data.dimension, (id + 1) * data.dimension)));
      points.push(`{"id":${id},"vector":${vector},"payload":${data.payloads?.[id] ?? 'null'}}`);
    }
    yield `{"points":[${points.join(',')}]}`;
  }
}
