import { afterEach, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { ContractClient } from '../contract/client.ts';
import { configMap, metaOf } from '../contract/case.ts';
import { asArray, asObject, asString } from '../json.ts';
import { credentialsIn, makeFolder, openServer } from '../testing/open-server.ts';

const SERVE = fileURLToPath(new URL('../testing/serve.ts', import.meta.url));
const URL_PATH = '/api/v1/namespaces/default/configmaps';
const ROUNDS = 3;
const WRITES_A_ROUND = 40;

let child: ChildProcess | undefined;
let folder = '';

afterEach(async () => {
  if (child?.pid !== undefined && child.exitCode === null) child.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

async function serve(): Promise<{ url: string; kill: () => Promise<void> }> {
  const server = spawn(process.execPath, ['--no-warnings', SERVE, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  child = server;
  const [url] = (await once(createInterface({ input: server.stdout }), 'line')) as [string];
  const kill = async (): Promise<void> => {
    const ended = once(server, 'exit');
    server.kill('SIGKILL');
    await ended;
  };
  return { url, kill };
}

test('what was acknowledged before kill -9 is there afterwards, and resourceVersions go on', async () => {
  folder = await makeFolder();
  const { caPem, token } = await credentialsIn(folder);
  const acknowledged = new Map<string, string>();
  let last = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const server = await serve();
    const client = new ContractClient({ url: server.url, caPem, token });
    const writes = Array.from({ length: WRITES_A_ROUND }, async (_, i) => {
      const name = `r${round}-${i}`;
      const answer = await client.post(URL_PATH, configMap(name)).catch(() => null);
      if (answer?.code === 201) acknowledged.set(name, asString(metaOf(answer)['resourceVersion']));
      // The kill lands in the midst of the writes.
      if (acknowledged.size === round * 20 + 20) void server.kill();
    });
    await Promise.all(writes);
    await server.kill().catch(() => undefined);
    client.close();
    const versions = [...acknowledged.values()].map(Number);
    expect(Math.max(...versions)).toBeGreaterThan(last);
    last = Math.max(...versions);
  }
  expect(acknowledged.size).toBeGreaterThanOrEqual(ROUNDS * 20);
  const reopened = await openServer({}, folder);
  try {
    const list = await reopened.client.get(URL_PATH);
    const found = new Map(
      asArray(list.body['items']).map((item) => {
        const meta = asObject(asObject(item)['metadata']);
        return [asString(meta['name']), asString(meta['resourceVersion'])];
      }),
    );
    for (const [name, version] of acknowledged) expect([name, found.get(name)]).toEqual([name, version]);
    const next = await reopened.client.post(URL_PATH, configMap('after'));
    expect(Number(metaOf(next)['resourceVersion'])).toBeGreaterThan(last);
    // A watch goes on from before the crash.
    const events = await reopened.client.get(`${URL_PATH}?watch=1&timeoutSeconds=1&resourceVersion=${last}`);
    expect(events.text).toContain('"name":"after"');
  } finally {
    await reopened.close();
  }
}, 60_000);
