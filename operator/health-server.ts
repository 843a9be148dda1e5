import { createServer, type Server } from 'node:http';
import type { Registry } from 'prom-client';

export interface HealthOptions {
  address: string;
  /** 0: any free port. */
  port: number;
  registry: Registry;
  /** Null when ready; otherwise why not. */
  whyNotReady: () => string | null;
}

/** Serves /metrics, /healthz and /readyz. Rejects when the port is taken. */
export async function startHealthServer({ address, port, registry, whyNotReady }: HealthOptions): Promise<Server> {
  const server = createServer((request, response) => {
    const answer = (status: number, body: string, type = 'text/plain'): void => {
      response.writeHead(status, { 'content-type': type }).end(body);
    };
    const path = request.url?.split('?')[0];
    if (request.method !== 'GET') return answer(405, 'GET only\n');
    if (path === '/healthz') return answer(200, 'ok\n');
    if (path === '/readyz') {
      const why = whyNotReady();
      return why === null ? answer(200, 'ok\n') : answer(503, `${why}\n`);
    }
    if (path !== '/metrics') return answer(404, 'paths: /metrics, /healthz, /readyz\n');
    registry.metrics().then(
      (text) => answer(200, text, registry.contentType),
      (error: unknown) => answer(500, `${String(error)}\n`),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address, resolve);
  });
  return server;
}
