import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { createKubeApi, type KubeApi } from './api.ts';
import type { KubeError } from './errors.ts';
import { isAlreadyExists, isConflict, isGone, isNotFound, KubeUnreachable } from './errors.ts';
import { RESOURCES } from './resources.ts';
import { createTransport, type Transport } from './transport.ts';

interface Rig {
  server: Server;
  transport: Transport;
  api: KubeApi;
  connections: () => number;
  shutdown: AbortController;
}
const rigs: Rig[] = [];

afterEach(() => {
  for (const { server, transport } of rigs.splice(0)) {
    transport.close();
    server.closeAllConnections();
    server.close();
  }
});

async function rig(answer: (request: IncomingMessage, response: ServerResponse, body: string) => void): Promise<Rig> {
  let connections = 0;
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => answer(request, response, body));
  });
  server.on('connection', () => (connections += 1));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const transport = createTransport({
    server: `http://127.0.0.1:${port}`,
    namespace: 'default',
    credentials: () => Promise.resolve({ headers: { authorization: 'Bearer secret' } }),
  });
  const shutdown = new AbortController();
  const made = {
    server,
    transport,
    api: createKubeApi(transport, shutdown.signal),
    connections: () => connections,
    shutdown,
  };
  rigs.push(made);
  return made;
}

const pod = (name: string): object => ({ metadata: { name, namespace: 'a', resourceVersion: '7' } });
const status = (code: number, reason: string, causes: object[] = []): string =>
  JSON.stringify({ kind: 'Status', code, reason, message: `${reason} it is`, details: { causes } });

describe('transport', () => {
  test('many requests share few connections', async () => {
    const { api, connections } = await rig((_request, response) => response.end(JSON.stringify(pod('p'))));
    for (let i = 0; i < 30; i++) await api.get(RESOURCES.Pod, 'a', 'p');
    expect(connections()).toBe(1);
  });

  test('sends credentials, and what each verb needs', async () => {
    const seen: string[] = [];
    const { api } = await rig((request, response, body) => {
      seen.push(
        [request.method, request.url, request.headers['content-type'], request.headers.authorization, body].join(' '),
      );
      response.end(JSON.stringify(pod('p')));
    });
    const object = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'a' } };
    await api.serverSideApply(RESOURCES.Pod, object, {
      fieldManager: 'annulus-operator',
      force: true,
      subresource: 'status',
    });
    await api.mergePatch(RESOURCES.Pod, 'a', 'p', { spec: null });
    await api.create(RESOURCES.Pod, object);
    await api.remove(RESOURCES.Pod, 'a', 'p', 'uid-1');
    const text = JSON.stringify(object);
    expect(seen).toEqual([
      `PATCH /api/v1/namespaces/a/pods/p/status?fieldManager=annulus-operator&force=true application/apply-patch+yaml Bearer secret ${text}`,
      'PATCH /api/v1/namespaces/a/pods/p?fieldManager=annulus-operator application/merge-patch+json Bearer secret {"spec":null}',
      `POST /api/v1/namespaces/a/pods?fieldManager=annulus-operator application/json Bearer secret ${text}`,
      'DELETE /api/v1/namespaces/a/pods/p application/json Bearer secret ' +
        '{"apiVersion":"v1","kind":"DeleteOptions","propagationPolicy":"Background","preconditions":{"uid":"uid-1"}}',
    ]);
  });

  test("a refusal is parsed once, with its causes' fields", async () => {
    const answers = [
      [409, status(409, 'Conflict')],
      [409, status(409, 'AlreadyExists')],
      [404, status(404, 'NotFound')],
      [410, status(410, 'Expired')],
      [422, status(422, 'Invalid', [{ field: 'spec.nodes', message: 'too many' }])],
      [502, 'bad gateway, no JSON'],
    ] as const;
    let next = 0;
    const { api } = await rig((_request, response) => {
      const [code, body] = answers[next++]!;
      response.writeHead(code).end(body);
    });
    const errors: unknown[] = [];
    for (let i = 0; i < answers.length; i++)
      await api.get(RESOURCES.Pod, 'a', 'p').catch((error: unknown) => errors.push(error));
    expect(
      errors.map((error) => [isConflict(error), isAlreadyExists(error), isNotFound(error), isGone(error)]),
    ).toEqual([
      [true, false, false, false],
      [false, true, false, false],
      [false, false, true, false],
      [false, false, false, true],
      [false, false, false, false],
      [false, false, false, false],
    ]);
    expect((errors[4] as KubeError).causes).toEqual([{ field: 'spec.nodes', message: 'too many' }]);
    expect((errors[4] as KubeError).detail).toBe('Invalid it is');
    expect((errors[5] as KubeError).detail).toBe('bad gateway, no JSON');
  });

  test('a call without an answer ends at its deadline or at shutdown', async () => {
    const { api, transport, shutdown } = await rig(() => undefined);
    await expect(transport.request({ method: 'GET', path: '/x', timeoutMs: 30 })).rejects.toThrow('no answer in 30 ms');
    const hanging = api.get(RESOURCES.Pod, 'a', 'p');
    shutdown.abort();
    await expect(hanging).rejects.toBeInstanceOf(KubeUnreachable);
  });

  test('a kept connection that the server closed meanwhile is not an error', async () => {
    const { api, server, connections } = await rig((_request, response) => response.end(JSON.stringify(pod('p'))));
    await api.get(RESOURCES.Pod, 'a', 'p');
    server.closeAllConnections();
    await api.get(RESOURCES.Pod, 'a', 'p');
    expect(connections()).toBe(2);
  });

  test('a write that is not permitted any more is not sent, also when that turns out while it connects', async () => {
    const seen: string[] = [];
    const { transport } = await rig((request, response) => {
      seen.push(request.method ?? '');
      response.end(JSON.stringify(pod('p')));
    });
    let allowed = true;
    const permitWrite = (): void => {
      if (!allowed) throw new Error('another one leads');
    };
    const api = createKubeApi(transport, new AbortController().signal, { permitWrite });
    const connecting = api.mergePatch(RESOURCES.Pod, 'a', 'p', {});
    allowed = false;
    await expect(connecting).rejects.toThrow('another one leads');
    await expect(api.remove(RESOURCES.Pod, 'a', 'p')).rejects.toBeInstanceOf(KubeUnreachable);
    await api.get(RESOURCES.Pod, 'a', 'p');
    await expect(api.mergePatch(RESOURCES.Pod, 'a', 'p', {})).rejects.toThrow('another one leads');
    allowed = true;
    await api.mergePatch(RESOURCES.Pod, 'a', 'p', {});
    expect(seen).toEqual(['GET', 'PATCH']);
  });

  test('a watch gives one event a line however the bytes are cut', async () => {
    const { api } = await rig((request, response) => {
      expect(request.url).toContain('allowWatchBookmarks=true&resourceVersion=5&timeoutSeconds=290');
      const text = ['ADDED', 'BOOKMARK'].map((type) => `${JSON.stringify({ type, object: pod('pöd') })}\n`).join('');
      const bytes = Buffer.from(text);
      // Cut inside the two bytes of ö.
      const cut = bytes.indexOf(0xc3) + 1;
      response.write(bytes.subarray(0, cut));
      setImmediate(() => response.end(bytes.subarray(cut)));
    });
    const watch = await api.watch(RESOURCES.Pod, { resourceVersion: '5', timeoutSeconds: 290 });
    const types: unknown[] = [];
    for await (const { type, object } of watch.events)
      types.push([type, (object['metadata'] as { name: string }).name]);
    expect(types).toEqual([
      ['ADDED', 'pöd'],
      ['BOOKMARK', 'pöd'],
    ]);
  });

  test('a refused watch is an error with its code', async () => {
    const { api } = await rig((_request, response) => response.writeHead(410).end(status(410, 'Expired')));
    const error: unknown = await api
      .watch(RESOURCES.Pod, { resourceVersion: '5', timeoutSeconds: 290 })
      .catch((e: unknown) => e);
    expect(isGone(error)).toBe(true);
  });

  test('discovery says whether a kind is there', async () => {
    const { api } = await rig((request, response) => {
      if (request.url?.startsWith('/apis/monitoring')) response.writeHead(404).end(status(404, 'NotFound'));
      else response.end(JSON.stringify({ resources: [{ name: 'shards' }] }));
    });
    expect(await api.serves(RESOURCES.PodMonitor)).toBe(false);
    expect(await api.serves(RESOURCES.Shard)).toBe(true);
    expect(await api.serves(RESOURCES.Collection)).toBe(false);
  });
});
