import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ReadOptions } from '../routing/router.ts';
import { TestCluster, until } from '../testing/test-cluster.ts';

const READ: ReadOptions = { timeoutMs: 10_000, consistency: 'primary' };
const FIELDS = { payload: true, vector: false };
const PAUSE_MAX_MS = 500;

const point = (id: number, mark = 0) => ({
  id,
  vector: Float32Array.from([id, mark, 1]),
  payload: JSON.stringify({ id, mark }),
});

describe('a shard with three copies', () => {
  let cluster: TestCluster;

  beforeEach(async () => {
    cluster = await TestCluster.create(3);
    await cluster.startAll();
    cluster.operator.start();
    cluster.operator.addCollection({ name: 'c', shards: 1, copies: 3, dimension: 3, metric: 'Euclid' });
    await until('the collection is ready', () =>
      [...cluster.nodes.values()].every((node) => node.maps.collection('c')?.tableVersion === 1),
    );
  });
  afterEach(() => cluster.stop());

  const upsert = (node: string, id: number, mark = 0, timeoutMs = 10_000) =>
    cluster.node(node).router.write('c', [{ type: 'upsert', points: [point(id, mark)] }], { timeoutMs });
  const markOn = async (node: string, id: number): Promise<number> => {
    const found = await cluster.node(node).router.retrieve('c', [id], FIELDS, READ);
    return (JSON.parse(found[0]?.payload ?? '{"mark":-1}') as { mark: number }).mark;
  };
  const primary = () => cluster.operator.shard('c-0').copies.find((copy) => copy.role === 'Primary')!.node;
  const report = (node: string) => cluster.operator.reports.get(node)?.copies.find((copy) => copy.shard === 'c-0');

  test('writers and primary readers on every node get through handovers without an error and without a long pause', async () => {
    let running = true;
    const errors: string[] = [];
    let pause = 0;
    const acknowledged = new Map<number, number>();
    const client = async (node: string, id: number): Promise<void> => {
      await upsert(node, id, 0);
      for (let mark = 1; running; mark++) {
        const startedAt = performance.now();
        try {
          await upsert(node, id, mark);
          pause = Math.max(pause, performance.now() - startedAt);
          acknowledged.set(id, mark);
          const seen = await markOn(node, id);
          if (seen !== mark) errors.push(`id ${id}: ${mark} was acknowledged, ${seen} read`);
        } catch (error) {
          errors.push(String(error));
        }
      }
    };
    const clients = [...cluster.nodes.keys()].flatMap((node, i) => [client(node, i), client(node, i + 10)]);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    // What a busy machine does to a request without any handover.
    const usual = pause;
    pause = 0;
    for (const next of ['ring-1', 'ring-2', 'ring-0', 'ring-1']) {
      await new Promise((resolve) => setTimeout(resolve, 300));
      cluster.operator.handOver('c-0', next);
      await until(`${next} is the primary`, () => primary() === next);
    }
    await new Promise((resolve) => setTimeout(resolve, 300));
    running = false;
    await Promise.all(clients);
    if (process.env['ANNULUS_TEST_LOG']) console.log({ usual, pause, writes: [...acknowledged] });
    expect(errors).toEqual([]);
    expect(pause).toBeLessThan(PAUSE_MAX_MS + 2 * usual);
    expect(cluster.operator.requests.map((request) => request.action)).toEqual(Array(4).fill('HAND_OVER'));
    const digests = await Promise.all([...cluster.hosts.values()].map((host) => host.digest('c-0')));
    expect(new Set(digests.map((digest) => digest.digest)).size).toBe(1);
    for (const [id, mark] of acknowledged) expect(await markOn('ring-0', id)).toBe(mark);
  });

  test('a sealed primary says when it is drained and stays so; writes wait, and go on when the map no longer seals it', async () => {
    await upsert('ring-0', 1);
    cluster.operator.shard('c-0').sealed = true;
    cluster.operator.push();
    await until('drained', () => report('ring-0')?.drained === true);
    expect(report('ring-0')).toMatchObject({ seqNo: 1, drained: true });
    await expect(upsert('ring-1', 2, 0, 500)).rejects.toThrow(/sealed/);
    await expect(cluster.node('ring-1').router.count('c', null, { ...READ, timeoutMs: 500 })).rejects.toThrow(/sealed/);
    const waiting = upsert('ring-1', 2);
    delete cluster.operator.shard('c-0').sealed;
    cluster.operator.push();
    await waiting;
    await until('no longer drained', () => report('ring-0')?.drained === false);
  });

  test('a handover that the operator takes back leaves the primary as it was', async () => {
    cluster.operator.decide = (request) => (request.action === 'HAND_OVER' ? 'not now' : null);
    cluster.operator.handOver('c-0', 'ring-1');
    await until('asked twice', () => cluster.operator.requests.length > 1);
    const waiting = upsert('ring-2', 5);
    delete cluster.operator.shard('c-0').handoverTo;
    cluster.operator.push();
    await waiting;
    expect(primary()).toBe('ring-0');
  });

  test('a deposed primary that does not know it answers no primary read', async () => {
    await upsert('ring-0', 1, 1);
    // Nobody but the new primary hears of it.
    cluster.operator.mute('ring-0');
    cluster.operator.mute('ring-2');
    cluster.operator.promote('c-0', 'ring-1');
    await until('promoted', () => cluster.node('ring-1').copies.get('c-0')?.replicator?.term === 2);
    const shard = cluster.node('ring-0').copies.get('c-0')!;
    const ref = { name: 'c-0', uid: shard.uid };
    if (shard.replicator?.term === 1)
      await expect(shard.replicator.confirm(2_000)).rejects.toMatchObject({ code: 'ANN_STALE_TERM' });
    else expect(() => cluster.node('ring-0').copies.primary(ref)).toThrow();
    await upsert('ring-1', 1, 2);
    expect(await markOn('ring-0', 1)).toBe(2);
  });

  test('primary reads need no copy that left the set, and wait for it to leave when it is gone', async () => {
    await upsert('ring-0', 1, 1);
    await cluster.stopNode('ring-2');
    expect(await markOn('ring-1', 1)).toBe(1);
    expect(cluster.operator.requests.map(({ action, node }) => ({ action, node }))).toEqual([
      { action: 'REMOVE_FROM_IN_SYNC', node: 'ring-2' },
    ]);
    cluster.operator.stop();
    await cluster.stopNode('ring-1');
    await expect(
      cluster.node('ring-0').router.count('c', null, { timeoutMs: 1_000, consistency: 'primary' }),
    ).rejects.toThrow(/ring-1 .* did not confirm/);
    expect(await cluster.node('ring-0').router.count('c', null, { timeoutMs: 1_000, consistency: 'one' })).toBe(1);
  });
});
