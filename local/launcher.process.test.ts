import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startLocal } from './launcher.ts';
import type { Local, LocalOptions } from './launcher.ts';
import { COLLECTIONS, VECTOR_CLUSTERS, applyManifests, parseManifests } from './manifests.ts';

const SAMPLE = join(import.meta.dirname, '..', 'manifests', 'samples', 'quickstart.yaml');

let home = '';
let local: Local;
const options = (): LocalOptions => ({
  home,
  apiPort: 0,
  ports: [{ servicePort: 6333, localPort: 0 }],
  operator: false,
  logLevel: 'warn',
});
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'annulus-home-'));
  local = await startLocal(options());
});
afterAll(async () => {
  await local.close();
  rmSync(home, { recursive: true, force: true });
});

test('it writes a kubeconfig that only its owner may read, and serves our kinds', async () => {
  expect(statSync(local.kubeconfig).mode & 0o777).toBe(0o600);
  expect(readFileSync(local.kubeconfig, 'utf8')).toContain(local.apiUrl);
  await applyManifests(local.store, parseManifests(readFileSync(SAMPLE, 'utf8')));
  const cluster = await local.store.get(VECTOR_CLUSTERS, 'default', 'quickstart');
  expect(cluster.spec).toMatchObject({ nodes: 3, shards: 2, rebalance: { automatic: true } });
});

test('a second launcher in the same folder is refused in one sentence', async () => {
  await expect(startLocal(options())).rejects.toThrow(
    `another launcher (process ${process.pid}) uses the folder ${home}`,
  );
});

test('a port in use is said, and nothing stays behind', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as AddressInfo;
  const elsewhere = mkdtempSync(join(tmpdir(), 'annulus-home-'));
  const blocked = { ...options(), home: elsewhere, ports: [{ servicePort: 6333, localPort: port }] };
  await expect(startLocal(blocked)).rejects.toThrow(`port ${port} of 127.0.0.1 is in use by another program`);
  expect(existsSync(join(elsewhere, 'launcher.lock'))).toBe(false);
  other.close();
  rmSync(elsewhere, { recursive: true, force: true });
});

test('a refused object is refused with its field, and what was applied is there after a restart', async () => {
  const bad = parseManifests(readFileSync(SAMPLE, 'utf8').replace('nodes: 3', 'nodes: 1000'));
  await expect(applyManifests(local.store, bad)).rejects.toThrow('spec.nodes');
  await local.close();
  local = await startLocal(options());
  const words = await local.store.get(COLLECTIONS, 'default', 'words');
  expect(words.spec).toMatchObject({ cluster: 'quickstart', dimension: 100 });
});
