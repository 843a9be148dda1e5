import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import type { KubeStore } from '../../kube-api/api-types.ts';
import { ensureCredentials } from '../../kube-api/credentials.ts';
import { startKubeApi } from '../../kube-api/server.ts';
import type { ImageTable } from '../image.ts';
import { Kubelet } from '../kubelet.ts';
import { LogStore } from '../log-store.ts';

const SCRIPT = join(import.meta.dirname, 'fake-container.js');

/** One image, `fake`, whose arguments choose what the process does. */
export const fakeImages: ImageTable = (image) =>
  image === 'fake' ? (args) => [process.execPath, SCRIPT, ...args] : undefined;

export interface TestKubelet {
  readonly store: KubeStore;
  readonly kubelet: Kubelet;
  readonly logs: LogStore;
  close(): Promise<void>;
}

/** A real API server and a real kubelet in one folder, with quick restarts. */
export async function startTestKubelet(folder: string): Promise<TestKubelet> {
  const logger = pino({ level: 'silent' });
  const credentials = await ensureCredentials(join(folder, 'pki'));
  const logs = new LogStore(join(folder, 'logs'));
  const { token, tls } = credentials;
  const api = await startKubeApi({ dataDir: join(folder, 'api'), port: 0, token, tls, logger, podLogs: logs.podLogs });
  const kubelet = new Kubelet({
    store: api.store,
    stateDir: folder,
    images: fakeImages,
    logs,
    logger,
    cwd: folder,
    backoff: { firstMs: 200, maxMs: 400, resetMs: 600_000 },
  });
  await kubelet.start();
  const close = async (): Promise<void> => {
    await kubelet.close(5_000);
    await api.close();
  };
  return { store: api.store, kubelet, logs, close };
}

/** Polls until the probe gives something; fails with what it last said after `timeoutMs`. */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | undefined> | T | undefined,
  timeoutMs = 15_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const found = await probe();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await sleep(20);
  }
}
