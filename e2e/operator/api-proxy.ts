import { createServer, type Server } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { writeFileSync } from 'node:fs';
import { stringify } from 'yaml';
import { loadConnection } from '#operator/kube/credentials.ts';

/** One request of a client, as it reached the API server's door. */
export interface Seen {
  at: number;
  method: string;
  path: string;
}

/** Stands between one client and the API server, and writes down what the client asks for. */
export class ApiProxy {
  readonly seen: Seen[] = [];
  #server: Server | undefined;

  /** Writes a kubeconfig that leads through this proxy. */
  async start(kubeconfig: string, throughProxy: string): Promise<void> {
    const connection = await loadConnection(kubeconfig, {});
    const target = new URL(connection.server);
    const { headers: credentials, ...tls } = await connection.credentials();
    const server = createServer((incoming, outgoing) => {
      this.seen.push({ at: Date.now(), method: incoming.method ?? '', path: incoming.url ?? '' });
      const { method, url: path, headers } = incoming;
      const options = { ...tls, host: target.hostname, port: target.port, method, path };
      const forwarded = httpsRequest({ ...options, headers: { ...headers, ...credentials } }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      });
      forwarded.on('error', () => outgoing.destroy());
      outgoing.on('close', () => forwarded.destroy());
      incoming.pipe(forwarded);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    this.#server = server;
    const { port } = server.address() as AddressInfo;
    const config = {
      'current-context': 'x',
      contexts: [{ name: 'x', context: { cluster: 'x' } }],
      clusters: [{ name: 'x', cluster: { server: `http://127.0.0.1:${port}` } }],
    };
    writeFileSync(throughProxy, stringify(config));
  }

  /** Requests that may change something, from a moment on. */
  writesSince(at: number): Seen[] {
    return this.seen.filter((one) => one.at >= at && one.method !== 'GET');
  }

  close(): void {
    this.#server?.closeAllConnections();
    this.#server?.close();
  }
}
