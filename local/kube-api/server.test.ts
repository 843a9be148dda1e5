import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ApiError } from './api-types.ts';
import type { WatchEvent } from './api-types.ts';
import { configMap } from './contract/case.ts';
import { ensureCredentials, writeKubeconfig } from './credentials.ts';
import { accessFromKubeconfig } from './contract/client.ts';
import { MAX_BODY_BYTES } from './http/listener.ts';
import { openServer } from './testing/open-server.ts';
import type { TestServer } from './testing/open-server.ts';
import { startKubeApi } from './server.ts';
import { pino } from 'pino';

const CONFIG_MAPS = { group: '', version: 'v1', resource: 'configmaps' };
const PODS = { group: '', version: 'v1', resource: 'pods' };
const pod = (name: string, spec = {}): Parameters<TestServer['api']['store']['create']>[1] => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default' },
  spec: { containers: [{ name: 'c', image: 'x' }], ...spec },
});

async function* lines(): AsyncGenerator<Buffer> {
  yield Buffer.from('one\n');
  yield Buffer.from('two\n');
}

let server: TestServer;
beforeAll(async () => {
  const podLogs = (_namespace: string, name: string): AsyncIterable<Buffer> | null =>
    name === 'quiet' ? null : lines();
  server = await openServer({ podLogs, bookmarkEveryMs: 100, eventHistoryLimit: 20 });
});
afterAll(() => server.close());

describe('over HTTP', () => {
  test('bodies over the limit are refused', async () => {
    const big = configMap('big', { a: 'x'.repeat(MAX_BODY_BYTES) });
    const refused = await server.client.post('/api/v1/namespaces/default/configmaps', big);
    expect(refused.body).toMatchObject({ code: 413, reason: 'RequestEntityTooLarge' });
  });

  test('broken JSON is refused', async () => {
    const refused = await server.client.call('POST', '/api/v1/namespaces/default/configmaps', { body: 'no object' });
    expect(refused.code).toBe(400);
  });

  test('logs of a pod are streamed as text', async () => {
    await server.api.store.create(PODS, pod('loud'));
    await server.api.store.create(PODS, pod('quiet'));
    expect((await server.client.get('/api/v1/namespaces/default/pods/loud/log?container=c')).text).toBe('one\ntwo\n');
    const refused = await server.client.get('/api/v1/namespaces/default/pods/quiet/log');
    expect(refused.body).toMatchObject({
      code: 400,
      message: 'container "c" in pod "quiet" is waiting to start: ContainerCreating',
    });
    expect((await server.client.get('/api/v1/namespaces/default/pods/none/log')).code).toBe(404);
  });

  test('bookmarks come between events', async () => {
    const url =
      '/api/v1/namespaces/default/configmaps?watch=1&allowWatchBookmarks=true&timeoutSeconds=1&resourceVersion=';
    const version = (await server.client.get('/api/v1/namespaces/default/configmaps')).body['metadata'];
    const { text } = await server.client.get(`${url}${String((version as Record<string, string>)['resourceVersion'])}`);
    const events = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as WatchEvent);
    expect(events.length).toBeGreaterThan(2);
    expect(events.every((event) => event.type === 'BOOKMARK')).toBe(true);
  });

  test('a forgotten resourceVersion gives 410', async () => {
    for (let i = 0; i < 45; i += 1)
      await server.api.store.create(CONFIG_MAPS, {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: `n${i}`, namespace: 'default' },
      });
    const { text } = await server.client.get('/api/v1/configmaps?watch=1&resourceVersion=2&timeoutSeconds=1');
    expect(JSON.parse(text)).toMatchObject({
      type: 'ERROR',
      object: {
        kind: 'Status',
        code: 410,
        reason: 'Expired',
        message: expect.stringMatching(/^too old resource version: 2 \(\d+\)$/),
      },
    });
  });
});

describe('in process', () => {
  test('conflicts and status work as over HTTP', async () => {
    const { store } = server.api;
    const made = await store.create(PODS, pod('local', { nodeName: 'n' }));
    const running = await store.updateStatus(PODS, { ...made, status: { phase: 'Running' } });
    expect(running.status).toEqual({ phase: 'Running' });
    await expect(store.updateStatus(PODS, { ...made, status: { phase: 'Failed' } })).rejects.toMatchObject({
      code: 409,
    });
    await expect(store.get(PODS, 'default', 'nobody')).rejects.toBeInstanceOf(ApiError);
    running.status = { phase: 'changed by the caller' };
    expect((await store.get(PODS, 'default', 'local')).status).toEqual({ phase: 'Running' });
  });

  test('a pod on a node waits for its kubelet, one without goes at once', async () => {
    const { store } = server.api;
    await store.create(PODS, pod('waiting', { nodeName: 'n', terminationGracePeriodSeconds: 7 }));
    await store.delete(PODS, 'default', 'waiting');
    const marked = await store.get(PODS, 'default', 'waiting');
    expect(marked.metadata.deletionGracePeriodSeconds).toBe(7);
    expect(Date.parse(marked.metadata.deletionTimestamp ?? '')).toBeGreaterThan(Date.now());
    await store.delete(PODS, 'default', 'waiting', { gracePeriodSeconds: 0 });
    await expect(store.get(PODS, 'default', 'waiting')).rejects.toMatchObject({ code: 404 });
    await store.create(PODS, pod('unbound'));
    await store.delete(PODS, 'default', 'unbound');
    await expect(store.get(PODS, 'default', 'unbound')).rejects.toMatchObject({ code: 404 });
  });

  test('a watch ends with its signal', async () => {
    const { store } = server.api;
    const stop = new AbortController();
    const seen: string[] = [];
    const watching = (async (): Promise<void> => {
      for await (const event of store.watch(PODS, {
        namespace: 'default',
        fieldSelector: 'metadata.name=watched',
        signal: stop.signal,
      })) {
        seen.push(event.type);
        if (event.type === 'DELETED') stop.abort();
      }
    })();
    await store.create(PODS, pod('watched'));
    await store.delete(PODS, 'default', 'watched');
    await watching;
    expect(seen).toEqual(['ADDED', 'DELETED']);
  });

  test('a forgotten resourceVersion rejects with 410', async () => {
    const events = server.api.store.watch(CONFIG_MAPS, { resourceVersion: '2', signal: AbortSignal.timeout(5_000) });
    await expect(events[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 410 });
  });
});

test('only loopback addresses are served', async () => {
  const options = {
    dataDir: server.folder,
    host: '0.0.0.0',
    port: 0,
    token: 't',
    tls: { certPem: '', keyPem: '' },
    logger: pino({ level: 'silent' }),
  };
  await expect(startKubeApi(options)).rejects.toThrow('is not a loopback address');
});

test('credentials are kept, private, and make a kubeconfig', async () => {
  const folder = join(server.folder, 'made');
  const first = await ensureCredentials(folder);
  expect(await ensureCredentials(folder)).toEqual(first);
  for (const file of ['token', 'ca.crt', 'server.crt', 'server.key']) {
    expect([file, ((await stat(join(folder, file))).mode & 0o777).toString(8)]).toEqual([file, '600']);
  }
  const path = join(folder, 'kubeconfig');
  await writeKubeconfig(path, 'https://127.0.0.1:1', first);
  expect(accessFromKubeconfig(path)).toMatchObject({
    url: 'https://127.0.0.1:1',
    token: first.token,
    caPem: first.caPem,
  });
  const renewed = await ensureCredentials(folder, Date.now() + 3_640 * 24 * 60 * 60 * 1000);
  expect(renewed.tls.certPem).not.toBe(first.tls.certPem);
  expect(renewed.token).toBe(first.token);
});
