import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { ContractClient } from '../contract/client.ts';
import { ensureCredentials } from '../credentials.ts';
import type { Credentials } from '../credentials.ts';
import { startKubeApi } from '../server.ts';
import type { KubeApi, KubeApiOptions } from '../server.ts';

export interface TestServer {
  readonly api: KubeApi;
  readonly client: ContractClient;
  readonly folder: string;
  close(): Promise<void>;
}

export const makeFolder = (): Promise<string> => mkdtemp(join(tmpdir(), 'annulus-kube-api-'));

export const credentialsIn = (folder: string): Promise<Credentials> => ensureCredentials(join(folder, 'credentials'));

/** A server on a free port, over a folder that is kept or made and removed. */
export async function openServer(options: Partial<KubeApiOptions> = {}, kept?: string): Promise<TestServer> {
  const folder = kept ?? (await makeFolder());
  const { token, tls, caPem } = await credentialsIn(folder);
  const logger = pino({ level: 'silent' });
  const api = await startKubeApi({ dataDir: join(folder, 'data'), port: 0, token, tls, logger, ...options });
  const client = new ContractClient({ url: api.url, caPem, token });
  const close = async (): Promise<void> => {
    client.close();
    await api.close();
    if (kept === undefined) await rm(folder, { recursive: true, force: true });
  };
  return { api, client, folder, close };
}
