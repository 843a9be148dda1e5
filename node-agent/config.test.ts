import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readConfig } from './config.ts';
import { claimVolume } from './volume.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'annulus-config-'));
  await writeFile(join(folder, 'token'), ' secret\n');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('readConfig', () => {
  const env = () => ({
    ANNULUS_CLUSTER: 'ring',
    ANNULUS_CLUSTER_UID: 'uid',
    ANNULUS_NODE: 'ring-0',
    ANNULUS_NAMESPACE: 'default',
    ANNULUS_DATA_DIR: '/data',
    ANNULUS_KEYS_DIR: folder,
  });

  test('defaults', () => {
    const config = readConfig(env());
    expect(config).toMatchObject({ bind: '0.0.0.0', token: 'secret', logLevel: 'info', recoveryMibPerSecond: 100 });
    expect(config.workers).toBeGreaterThanOrEqual(1);
  });

  test.each([
    [{ ANNULUS_NODE: ' ' }, 'ANNULUS_NODE is not set'],
    [{ ANNULUS_WORKERS: '0' }, 'ANNULUS_WORKERS is "0", not a whole number in 1..64'],
    [{ ANNULUS_LOG_LEVEL: 'loud' }, 'ANNULUS_LOG_LEVEL is "loud", none of'],
    [{ ANNULUS_KEYS_DIR: '/nowhere' }, '/nowhere/token cannot be read'],
  ])('%j is refused', (wrong, message) => {
    expect(() => readConfig({ ...env(), ...wrong })).toThrow(message);
  });
});

test("a volume is its first owner's", async () => {
  const volume = join(folder, 'volume');
  await claimVolume(volume, { clusterUID: 'a', node: 'ring-0' });
  await claimVolume(volume, { clusterUID: 'a', node: 'ring-0' });
  await expect(claimVolume(volume, { clusterUID: 'b', node: 'ring-0' })).rejects.toThrow('belongs to clusterUID "a"');
  await expect(claimVolume(volume, { clusterUID: 'a', node: 'ring-1' })).rejects.toThrow('belongs to node "ring-0"');
  await writeFile(join(volume, 'volume.json'), '{');
  await expect(claimVolume(volume, { clusterUID: 'a', node: 'ring-0' })).rejects.toThrow('damaged');
});
