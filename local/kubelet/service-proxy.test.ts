import { afterEach, expect, test } from '@jest/globals';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import type { Backend } from './endpoints.plan.ts';
import { ServiceProxy } from './service-proxy.ts';

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

/** Answers each connection with its name once the client has said all. */
async function backend(name: string): Promise<Backend> {
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    let heard = '';
    socket.on('data', (chunk) => (heard += String(chunk)));
    socket.on('end', () => socket.end(`${name}:${heard}`));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push(server);
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
}

function ask(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true }, () => socket.end(text));
    socket.on('data', (chunk) => (answer += String(chunk)));
    socket.on('end', () => resolve(answer));
    socket.on('error', reject);
  });
}

async function proxyOver(backends: readonly Backend[]): Promise<number> {
  const proxy = new ServiceProxy(() => backends);
  open.push(proxy);
  return proxy.listen('127.0.0.1', 0);
}

test('connections take turns over the backends, half-closed ones get their answer', async () => {
  const port = await proxyOver([await backend('a'), await backend('b')]);
  const answers = [await ask(port, '1'), await ask(port, '2'), await ask(port, '3')];
  expect(answers).toEqual(['a:1', 'b:2', 'a:3']);
});

test('a backend that refuses is skipped', async () => {
  const port = await proxyOver([{ host: '127.0.0.1', port: 1 }, await backend('b')]);
  expect([await ask(port, '1'), await ask(port, '2')]).toEqual(['b:1', 'b:2']);
});

test('without a backend the connection is reset', async () => {
  const port = await proxyOver([]);
  await expect(ask(port, '1')).rejects.toThrow('ECONNRESET');
});

test('a port in use is told to the caller', async () => {
  const { port } = await backend('a');
  const proxy = new ServiceProxy(() => []);
  await expect(proxy.listen('127.0.0.1', port)).rejects.toMatchObject({ code: 'EADDRINUSE' });
});
