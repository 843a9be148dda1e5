import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { asArray, asNumber, asObject, asString } from '#local/kube-api/json.ts';
import type { Json, JsonObject } from '#local/kube-api/json.ts';

/** Connections to the Service; each goes to the next node. */
const CONNECTIONS = 8;
/** A node that is restarting, or a shard between primaries: the request is tried again this often, a second apart. */
const RETRIES = 15;
const RETRY_MS = 1_000;
const TIMEOUT_MS = 60_000;

export interface Hit {
  readonly id: number;
  readonly score: number;
  readonly payload: JsonObject;
}

/** The few calls of the points API (Qdrant dialect) that the demo makes, over plain HTTP with kept connections. */
export class PointsApi {
  private readonly agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  private readonly port: number;
  private readonly collection: string;

  constructor(port: number, collection: string) {
    this.port = port;
    this.collection = collection;
  }

  close(): void {
    this.agent.destroy();
  }

  async count(): Promise<number> {
    const result = await this.call('POST', '/points/count', { exact: true });
    return asNumber(asObject(result)['count']) ?? 0;
  }

  /** `green` when every point is in its index. */
  async status(): Promise<string> {
    return asString(asObject(await this.call('GET', '', undefined))['status']);
  }

  /** Returns when the points are on the disk of every in-sync copy. */
  async upsert(points: readonly JsonObject[]): Promise<void> {
    await this.call('PUT', '/points?wait=true', { points: [...points] });
  }

  /** Nearest points to a vector, or to a point by id (which is then left out). */
  async query(query: readonly number[] | number, limit: number, more: JsonObject = {}): Promise<Hit[]> {
    const near = typeof query === 'number' ? query : [...query];
    const result = await this.call('POST', '/points/query', { query: near, limit, ...more });
    return asArray(asObject(result)['points']).map((point) => {
      const { id, score, payload } = asObject(point);
      return { id: asNumber(id) ?? -1, score: asNumber(score) ?? 0, payload: asObject(payload) };
    });
  }

  private async call(method: string, path: string, body: JsonObject | undefined): Promise<Json> {
    const text = body === undefined ? '' : JSON.stringify(body);
    for (let attempt = 0; ; attempt += 1) {
      let failure: string;
      try {
        const { status, json } = await this.send(method, `/collections/${this.collection}${path}`, text);
        const answer = asObject(json);
        if (status < 300) return answer['result'] ?? null;
        failure = asString(asObject(answer['status'])['error']) || `HTTP ${status}`;
        if (status < 500 && status !== 429) throw new Refused(`${method} ${path}: ${failure}`);
      } catch (error) {
        if (error instanceof Refused) throw error;
        failure = error instanceof Error ? error.message : String(error);
      }
      if (attempt === RETRIES) throw new Error(`${method} ${path} failed ${RETRIES + 1} times, last: ${failure}`);
      await sleep(RETRY_MS);
    }
  }

  private send(method: string, path: string, body: string): Promise<{ status: number; json: Json }> {
    return new Promise((resolve, reject) => {
      const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
      const options = {
        host: '127.0.0.1',
        port: this.port,
        method,
        path,
        headers,
        agent: this.agent,
        timeout: TIMEOUT_MS,
      };
      const sent = request(options, (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('error', reject);
        response.on('end', () => {
          try {
            const json = JSON.parse(Buffer.concat(parts).toString('utf8')) as Json;
            resolve({ status: response.statusCode ?? 0, json });
          } catch (error) {
            reject(error instanceof Error ? error : new Error(String(error)));
          }
        });
      });
      sent.on('timeout', () => sent.destroy(new Error(`no answer in ${TIMEOUT_MS / 1000} s`)));
      sent.on('error', reject);
      sent.end(body);
    });
  }
}

/** The request itself is wrong: no retry helps. */
class Refused extends Error {}
