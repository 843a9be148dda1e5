import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server as TcpServer, type Socket } from 'node:net';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { PeerHandlers } from './messages.ts';
import { PeerClient, PeerUnreachable } from './peer-client.ts';
import { peerServer, peerService } from './peer-server.ts';

const TIMEOUT_MS = 10_000;

/** A way through which connections go until it is black: then nothing passes, and nobody is told. */
class Way {
  #server: TcpServer;
  #sockets: Socket[] = [];
  #black = false;

  constructor(port: number) {
    this.#server = createServer((near) => {
      this.#sockets.push(near);
      near.on('error', () => undefined);
      // Lost connections stay lost; only those made after the way is whole again get through.
      if (this.#black) return;
      const far = connect(port, '127.0.0.1');
      this.#sockets.push(far);
      far.on('error', () => undefined);
      near.on('data', (data) => this.#black || far.write(data));
      far.on('data', (data) => this.#black || near.write(data));
    });
  }

  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  cut(): void {
    this.#black = true;
  }

  heal(): void {
    for (const socket of this.#sockets) socket.removeAllListeners('data');
    this.#black = false;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

describe('a peer behind a way that goes black', () => {
  let server: Server;
  let way: Way;
  let client: PeerClient;
  let broken: string[];

  beforeEach(async () => {
    const handlers = { getMap: () => Promise.resolve({ json: Buffer.from('{}') }) } as Partial<PeerHandlers>;
    server = new Server();
    const noop = (): void => undefined;
    const options = { token: 't', clusterUID: 'u', mapVersion: () => 1, onMapVersion: noop };
    server.addService(peerService, peerServer({ ...options, handlers: handlers as PeerHandlers }));
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => {
        if (error) reject(error);
        else resolve(bound);
      });
    });
    way = new Way(port);
    broken = [];
    client = new PeerClient({
      ...options,
      node: 'b',
      self: 'a',
      target: `127.0.0.1:${await way.listen()}`,
      onBroken: (node) => broken.push(node),
      now: () => performance.now(),
    });
    await ask();
  });
  afterEach(() => {
    client.close();
    way.close();
    server.forceShutdown();
  });

  const ask = (): Promise<unknown> => client.call('getMap', {}, TIMEOUT_MS);
  const failure = async (): Promise<{ error: PeerUnreachable; milliseconds: number }> => {
    const startedAt = performance.now();
    const error: unknown = await ask().then(
      () => null,
      (reason: unknown) => reason,
    );
    if (!(error instanceof PeerUnreachable)) throw new Error(`not unreachable: ${String(error)}`);
    return { error, milliseconds: performance.now() - startedAt };
  };

  test('calls under way fail when the node is held for dead, and so do later ones, at once', async () => {
    way.cut();
    const underWay = failure();
    await new Promise((resolve) => setTimeout(resolve, 50));
    client.lost();
    expect((await underWay).error).toMatchObject({ sent: true });
    const later = await failure();
    expect(later.error).toMatchObject({ sent: false });
    expect(later.milliseconds).toBeLessThan(50);
    expect(later.error.message).toBe('node b cannot be reached: it is believed dead');
  });

  test('calls work again at once when it is back, though an attempt hangs', async () => {
    way.cut();
    client.lost();
    await new Promise((resolve) => setTimeout(resolve, 500));
    way.heal();
    const startedAt = performance.now();
    client.back();
    await ask();
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });

  test('a node wrongly held for dead is called as soon as it can be reached', async () => {
    client.lost();
    for (let i = 0; i < 100 && !client.connected; i++) await new Promise((resolve) => setTimeout(resolve, 10));
    await ask();
  });

  test('a broken connection is told of, and the words are plain', async () => {
    server.forceShutdown();
    way.close();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const { error } = await failure();
    expect(broken[0]).toBe('b');
    expect(error.message).toMatch(/^node b cannot be reached: the connection (broke|was refused)$/);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect((await failure()).error.message).toBe('node b cannot be reached: the connection was refused');
  });
});
