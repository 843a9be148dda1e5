import type { Json } from '#local/kube-api/json.ts';
import { Http, NoAnswer, type Reply } from './http.ts';

/** A node that did not answer gets nothing for so long, as a load balancer does it. */
const EJECTED_MS = 2_000;

/** The nodes as a client has them behind a load balancer: one after the other, without those that just failed. */
export class Targets {
  readonly http: Http = new Http();
  private readonly urls: () => readonly string[];
  private readonly ejectedUntil = new Map<string, number>();
  private turn = Math.floor(Math.random() * 1000);

  constructor(urls: () => readonly string[]) {
    this.urls = urls;
  }

  /** Rejects with NoAnswer. */
  async call(method: string, path: string, body: Json | undefined, timeoutMs: number): Promise<Reply> {
    const url = this.next();
    try {
      return await this.http.call(url, method, path, body, timeoutMs);
    } catch (error) {
      if (error instanceof NoAnswer) this.ejectedUntil.set(url, performance.now() + EJECTED_MS);
      throw error;
    }
  }

  private next(): string {
    const all = this.urls();
    const now = performance.now();
    const good = all.filter((url) => (this.ejectedUntil.get(url) ?? 0) <= now);
    const from = good.length > 0 ? good : all;
    return from[this.turn++ % from.length] ?? '';
  }
}
