import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ReadOptions } from '../routing/router.ts';
import { TestCluster, until } from '../testing/test-cluster.ts';

const READ: ReadOptions = { timeoutMs: 10_000, consistency: 'one' };
const FIELDS = { payload: true, vector: false };

const point = (id: number, mark = 0) => ({
  id,
  vector: Float32Array.from([id, mark, 1]),
  payload: JSON.stringify({ id, mark }),
});

describe('a shard with two copies', () => {
  let cluster: TestCluster;

  beforeEach(async () => {
    cluster = await TestCluster.create(3);
    await cluster.startAll();
    cluster.operator.start();
    cluster.operator.addCollection({ name: 'c', shards: 1, copies: 2, dimension: 3, metric: 'Euclid' });
    await until('the collection is ready', () =>
      [...cluster.nodes.values()].every((node) => node.maps.collection('c')?.tableVersion === 1),
    );
  });
  afterEach(() => cluster.stop());

  const upsert = (node: string, from: number, to: number, mark = 0, timeoutMs = 15_000) => {
    const points = Array.from({ length: to - from }, (_, i) => point(from + i, mark));
    return cluster.node(node).router.write('c', [{ type: 'upsert', points }], { timeoutMs });
  };
  const inSync = (node: string) =>
    cluster.operator.shard('c-0').copies.find((copy) => copy.node === node)?.inSync ?? false;
  const digestOn = (node: string) => cluster.hosts.get(node)!.digest('c-0');

  test('an acknowledged write is on both, and equal', async () => {
    await upsert('ring-2', 0, 100);
    const [primary, replica] = [await digestOn('ring-0'), await digestOn('ring-1')];
    expect(replica).toEqual(primary);
    expect(primary.points).toBe(100);
    // The replica answers reads too.
    expect(await cluster.node('ring-1').router.count('c', null, READ)).toBe(100);
  });

  test('a replica that is gone is removed before the write is acknowledged, and comes back by the tail of the log', async () => {
    await upsert('ring-0', 0, 50);
    await cluster.stopNode('ring-1');
    await upsert('ring-0', 50, 100, 1);
    expect(inSync('ring-1')).toBe(false);
    expect(cluster.operator.requests.map((request) => request.action)).toEqual(['REMOVE_FROM_IN_SYNC']);
    await cluster.start('ring-1');
    await until('the replica is in sync again', () => inSync('ring-1'));
    await upsert('ring-0', 100, 120, 2);
    expect(await digestOn('ring-1')).toEqual(await digestOn('ring-0'));
  });

  test('a copy that is new is filled from a snapshot while writes go on', async () => {
    await upsert('ring-0', 0, 3_000);
    // The log no longer reaches back, so only a snapshot helps.
    await cluster.hosts.get('ring-0')!.trimLog('c-0', 10_000);
    const shard = cluster.operator.shard('c-0');
    shard.copies.push({ node: 'ring-2', role: 'Joining', inSync: false, allocationId: 'third' });
    shard.configVersion++;
    cluster.operator.push();
    let written = 3_000;
    await until('the new copy is in sync', async () => {
      await upsert('ring-1', written, written + 10, 1);
      written += 10;
      return inSync('ring-2');
    });
    await upsert('ring-1', written, written + 10, 2);
    const expected = await digestOn('ring-0');
    expect(expected.points).toBe(written + 10);
    expect(await digestOn('ring-2')).toEqual(expected);
    expect(await digestOn('ring-1')).toEqual(expected);
  });

  test('a promoted replica has every acknowledged write, and the old primary comes back as its copy', async () => {
    await upsert('ring-2', 0, 200);
    await cluster.stopNode('ring-0');
    cluster.operator.promote('c-0', 'ring-1');
    await upsert('ring-2', 200, 210, 1);
    const found = await cluster.node('ring-2').router.retrieve('c', [0, 199, 209], FIELDS, READ);
    expect(found.map((entry) => entry.id)).toEqual([0, 199, 209]);
    await cluster.start('ring-0');
    await until('the old primary is in sync', () => inSync('ring-0'));
    expect(await digestOn('ring-0')).toEqual(await digestOn('ring-1'));
  });

  test('without enough copies in sync writes are refused at once, reads go on', async () => {
    await upsert('ring-0', 0, 10);
    cluster.operator.shard('c-0').minInSync = 2;
    cluster.operator.push();
    await cluster.stopNode('ring-1');
    await until('the minimum is known', () => cluster.node('ring-0').maps.shard('c-0')!.shard.minInSync === 2);
    await expect(upsert('ring-0', 10, 11)).rejects.toMatchObject({ code: 'ANN_NOT_IN_SYNC' });
    await expect(upsert('ring-0', 10, 11, 0, 500)).rejects.toMatchObject({ code: 'ANN_NOT_IN_SYNC' });
    expect((await cluster.node('ring-0').router.retrieve('c', [5], FIELDS, READ)).length).toBe(1);
  });

  test('while the operator is away a write that needs a removal waits, and is refused with the reason', async () => {
    await upsert('ring-0', 0, 10);
    cluster.operator.stop();
    await upsert('ring-0', 10, 20);
    await cluster.stopNode('ring-1');
    await expect(upsert('ring-0', 20, 21, 0, 1_500)).rejects.toThrow(/ring-1/);
    await cluster.start('ring-1');
    await upsert('ring-0', 21, 22);
    expect((await digestOn('ring-1')).points).toBe(22);
  });
});
