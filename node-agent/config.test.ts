import { generateKeyPairSync } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
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
    expect(config).toMatchObject({ bind: '0.0.0.0', token: 'secret', logLevel: 'info', recoveryMibPerSecond: null });
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

  test('the gossip key may be missing, but not wrong', async () => {
    expect(readConfig(env()).gossipKey).toBeNull();
    const keys = join(folder, 'keys');
    await mkdir(keys);
    await writeFile(join(keys, 'token'), 'secret');
    const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' });
    await writeFile(join(keys, 'ed25519.key'), pem);
    expect(readConfig({ ...env(), ANNULUS_KEYS_DIR: keys }).gossipKey?.asymmetricKeyType).toBe('ed25519');
    await writeFile(join(keys, 'ed25519.key'), 'rubbish');
    expect(() => readConfig({ ...env(), ANNULUS_KEYS_DIR: keys })).toThrow('ed25519.key is no Ed25519 key');
  });
});

describe('a volume', () => {
  const owner = { cluster: 'ring', namespace: 'default', clusterUID: 'a', node: 'ring-0' };

  test("is its first owner's", async () => {
    const volume = join(folder, 'volume');
    expect((await claimVolume(volume, owner)).formerShards.size).toBe(0);
    await claimVolume(volume, owner);
    await expect(claimVolume(volume, { ...owner, node: 'ring-1' })).rejects.toThrow('belongs to node "ring-0"');
    await mkdir(join(volume, 'shards', 'shard-uid'), { recursive: true });
    // Nothing says that this is the cluster's former self.
    await expect(claimVolume(volume, { ...owner, clusterUID: 'b' })).rejects.toThrow('belongs to clusterUID "a"');
    await writeFile(join(volume, 'volume.json'), '{');
    await expect(claimVolume(volume, owner)).rejects.toThrow('damaged');
  });

  test('goes with its data to a cluster made again under the same name, and to no other', async () => {
    const volume = join(folder, 'again');
    await claimVolume(volume, owner);
    await mkdir(join(volume, 'shards', 'shard-uid'), { recursive: true });
    await writeFile(join(volume, 'cluster-map.json'), JSON.stringify({ cluster: 'ring', namespace: 'default' }));
    const again = { ...owner, clusterUID: 'b' };
    await expect(claimVolume(volume, { ...again, namespace: 'other' })).rejects.toThrow('belongs to clusterUID "a"');
    expect([...(await claimVolume(volume, again)).formerShards]).toEqual(['shard-uid']);
    // Known after every further start.
    expect([...(await claimVolume(volume, again)).formerShards]).toEqual(['shard-uid']);
  });
});
