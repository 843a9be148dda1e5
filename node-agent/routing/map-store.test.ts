import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { testCollection, testMap } from '../testing/test-map.ts';
import { MapStore } from './map-store.ts';
import { parseClusterMap } from './parse-map.ts';

const logger = pino({ level: 'silent' });
const identity = { cluster: 'ring', namespace: 'default', clusterUID: 'uid' };

describe('parseClusterMap', () => {
  test('gives back what it was given', () => {
    const map = testMap(7, [testCollection('c', 3)]);
    expect(parseClusterMap(JSON.stringify(map))).toEqual(map);
  });

  test.each([
    ['version', 'map.version'],
    ['nodes', 'map.nodes'],
    ['collections', 'map.collections'],
  ])('names %s when it is wrong', (key, at) => {
    expect(() => parseClusterMap(JSON.stringify({ ...testMap(1, []), [key]: 'x' }))).toThrow(at);
  });

  test('refuses a table with a gap, or with two primaries', () => {
    const gap = testCollection('c', 2);
    gap.routing[1]!.slots = { from: 9_000, to: 16_383 };
    expect(() => parseClusterMap(JSON.stringify(testMap(1, [gap])))).toThrow('slot 8192 has no one owner');
    const two = testCollection('c', 1);
    two.shards[0]!.copies.push({ node: 'ring-1', role: 'Primary', inSync: true, allocationId: 'b' });
    expect(() => parseClusterMap(JSON.stringify(testMap(1, [two])))).toThrow('2 primaries');
  });
});

describe('MapStore', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'annulus-map-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  test('takes newer maps only, has them on disk before anyone acts, and finds them again', async () => {
    const store = await MapStore.open(folder, identity, logger);
    expect([store.map.version, store.live]).toEqual([0, false]);
    const seen: number[] = [];
    store.subscribe((map) => seen.push(map.version));
    await store.offer(JSON.stringify(testMap(3, [testCollection('c', 1)])), 'operator');
    await store.offer(JSON.stringify(testMap(2, [])), 'ring-1');
    await Promise.all(
      [4, 5, 6].map((version) => store.offer(JSON.stringify(testMap(version, [testCollection('c', 2)])), 'operator')),
    );
    expect(seen[0]).toBe(3);
    expect(seen.at(-1)).toBe(6);
    expect(store.shard('c-1')?.collection.name).toBe('c');
    expect(parseClusterMap(await readFile(join(folder, 'cluster-map.json'), 'utf8')).version).toBe(6);
    const again = await MapStore.open(folder, identity, logger);
    expect([again.map.version, again.live]).toEqual([6, false]);
  });

  test('refuses maps of another cluster and broken ones', async () => {
    const store = await MapStore.open(folder, identity, logger);
    await store.offer(JSON.stringify({ ...testMap(3, []), clusterUID: 'other' }), 'operator');
    await store.offer('{', 'operator');
    expect([store.map.version, store.live]).toEqual([0, false]);
  });
});
