import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { ensureCredentials } from '../credentials.ts';
import { startKubeApi } from '../server.ts';
import type { KubeApi } from '../server.ts';
import type { Access } from './client.ts';
import { ContractClient } from './client.ts';
import { describeContract } from './suite.ts';

let api: KubeApi;
let access: Access;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'annulus-kube-api-'));
  const credentials = await ensureCredentials(join(folder, 'credentials'));
  const { token, tls, caPem } = credentials;
  api = await startKubeApi({ dataDir: join(folder, 'data'), port: 0, token, tls, logger: pino({ level: 'silent' }) });
  access = { url: api.url, caPem, token };
});

afterAll(async () => {
  await api.close();
  await rm(folder, { recursive: true, force: true });
});

describeContract('the embedded API server keeps the contract', () => access);

test('without the token everything but health is refused', async () => {
  const { token: _, ...anonymous } = access;
  const client = new ContractClient(anonymous);
  try {
    expect((await client.get('/healthz')).text).toBe('ok');
    const refused = await client.get('/api/v1/namespaces');
    expect(refused.body).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: 'Unauthorized',
      reason: 'Unauthorized',
      code: 401,
    });
  } finally {
    client.close();
  }
});
