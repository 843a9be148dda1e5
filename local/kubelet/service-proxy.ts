import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import type { Backend } from './endpoints.plan.ts';

/** Client connections of one proxied port; more wait in the listen queue. */
const MAX_CONNECTIONS = 2048;
/** A backend on this machine answers at once or not at all, milliseconds. */
const CONNECT_TIMEOUT_MS = 2_000;

/**
 * One port of a Service on 127.0.0.1: each new connection goes to the next ready pod, as kube-proxy does it.
 * A pod that refuses is skipped; without any, the connection is reset.
 */
export class ServiceProxy {
  private readonly backends: () => readonly Backend[];
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private turn = 0;

  constructor(backends: () => readonly Backend[]) {
    this.backends = backends;
    this.server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.accept(client));
    this.server.maxConnections = MAX_CONNECTIONS;
  }

  /** Port in use and the like reject, as from net.Server. Gives the port (for 0: the one chosen). */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen({ host, port }, () => {
        this.server.off('error', reject);
        this.server.on('error', () => undefined);
        const address = this.server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : port);
      });
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.server.close(() => resolve());
      for (const socket of this.sockets) socket.destroy();
    });
  }

  private accept(client: Socket): void {
    this.track(client);
    // Bytes that arrive before the backend is there stay in the socket: nothing reads it until pipe().
    client.on('error', () => client.destroy());
    const candidates = this.backends();
    const first = this.turn++;
    this.tryNext(client, candidates, first, candidates.length);
  }

  private tryNext(client: Socket, candidates: readonly Backend[], turn: number, left: number): void {
    const backend = candidates[turn % Math.max(1, candidates.length)];
    if (backend === undefined || left === 0 || client.destroyed) {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect({ ...backend, noDelay: true, allowHalfOpen: true, timeout: CONNECT_TIMEOUT_MS });
    this.track(upstream);
    const next = (): void => {
      upstream.destroy();
      this.tryNext(client, candidates, turn + 1, left - 1);
    };
    upstream.once('error', next);
    upstream.once('timeout', next);
    upstream.once('connect', () => {
      upstream.off('error', next);
      upstream.off('timeout', next);
      upstream.setTimeout(0);
      upstream.on('error', () => client.destroy());
      upstream.on('close', () => client.destroy());
      client.on('close', () => upstream.destroy());
      if (client.destroyed) upstream.destroy();
      client.pipe(upstream);
      upstream.pipe(client);
    });
  }

  private track(socket: Socket): void {
    this.sockets.add(socket);
    socket.once('close', () => this.sockets.delete(socket));
  }
}
