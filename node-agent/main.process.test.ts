import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { PORTS } from '#model/ports.ts';
import { call, NodeProcesses } from './testing/node-processes.ts';
import { until } from './testing/test-cluster.ts';

const KILLS = 3;
const BATCH = 20;

describe('three node processes, two copies of four shards', () => {
  let nodes: NodeProcesses;

  beforeEach(async () => {
    nodes = await NodeProcesses.create(3);
  });
  afterEach(() => nodes.stop());

  const started = async (): Promise<void> => {
    nodes.startAll();
    nodes.operator.start();
    nodes.operator.addCollection({ name: 'c', shards: 4, copies: 2, dimension: 4, metric: 'Euclid' });
    await until('the collection is ready', async () => (await count().catch(() => -1)) === 0, 30_000);
  };
  const allReady = () =>
    until(
      'all nodes are ready',
      async () => (await Promise.all(nodes.names.map((name) => nodes.isReady(name)))).every(Boolean),
      30_000,
    );
  const count = async (node = 'ring-0'): Promise<number> => {
    const answer = await call('POST', nodes.url(node, '/collections/c/points/count'), { exact: true });
    return (answer as { result: { count: number } }).result.count;
  };
  const upsert = (node: string, from: number): Promise<unknown> => {
    const points = Array.from({ length: BATCH }, (_, i) => ({
      id: from + i,
      vector: [from + i, 0, 0, 1],
      payload: { from },
    }));
    return call('PUT', nodes.url(node, '/collections/c/points?wait=true'), { points });
  };

  test('kill -9 of all during a load loses nothing that was acknowledged', async () => {
    await started();
    const acknowledged = new Set<number>();
    let next = 0;
    for (let round = 0; round < KILLS; round++) {
      let loading = true;
      const load = nodes.names.map(async (node) => {
        while (loading) {
          const from = next;
          next += BATCH;
          await upsert(node, from).then(
            () => acknowledged.add(from),
            () => undefined,
          );
        }
      });
      const before = acknowledged.size;
      await until('the load runs', () => acknowledged.size > before + 15, 30_000);
      await nodes.killAll();
      loading = false;
      await Promise.all(load);
      nodes.startAll();
      await allReady();
    }
    const ids = [...acknowledged].flatMap((from) => Array.from({ length: BATCH }, (_, i) => from + i));
    for (let at = 0; at < ids.length; at += 500) {
      const part = ids.slice(at, at + 500);
      const answer = await call('POST', nodes.url('ring-1', '/collections/c/points'), {
        ids: part,
        with_payload: true,
      });
      const found = (answer as { result: { id: number; payload: { from: number } }[] }).result;
      expect(found.map((point) => point.id).sort((a, b) => a - b)).toEqual(part.sort((a, b) => a - b));
    }
    await until('every copy is in sync', () =>
      nodes.operator.map.collections[0]!.shards.every((shard) => shard.copies.every((copy) => copy.inSync)),
    );
    // Writes that were cut off on a primary's disk still reach its replicas: they are nobody's acknowledgement, but copies become equal.
    let counts: number[] = [];
    await until('the copies are equal', async () => {
      counts = await Promise.all(Array.from({ length: 9 }, (_, i) => count(`ring-${i % 3}`)));
      return new Set(counts).size === 1;
    });
    expect(counts[0]).toBeGreaterThanOrEqual(ids.length);
  }, 120_000);

  test('a restart without operator serves reads and writes', async () => {
    await started();
    await upsert('ring-0', 0);
    nodes.operator.stop();
    await nodes.killAll();
    nodes.startAll();
    await allReady();
    await upsert('ring-1', 100);
    expect(await count('ring-2')).toBe(2 * BATCH);
  }, 60_000);

  test('a replica that hangs is removed before the write is acknowledged, and comes back', async () => {
    nodes.startAll();
    nodes.operator.start();
    nodes.operator.addCollection({ name: 'c', shards: 1, copies: 2, dimension: 4, metric: 'Euclid' });
    await until('the collection is ready', async () => (await count().catch(() => -1)) === 0, 30_000);
    const replica = () => nodes.operator.shard('c-0').copies[1]!;
    await upsert('ring-0', 0);
    nodes.signal('ring-1', 'SIGSTOP');
    await upsert('ring-2', 100);
    expect(replica().inSync).toBe(false);
    nodes.signal('ring-1', 'SIGCONT');
    await until('the replica is back', () => replica().inSync, 30_000);
    expect(await count('ring-1')).toBe(2 * BATCH);
  }, 90_000);

  test('SIGTERM ends with exit code 0', async () => {
    await started();
    await upsert('ring-0', 0);
    expect(await nodes.kill('ring-0', 'SIGTERM')).toBe(0);
  }, 60_000);
});

describe('a node that cannot start says why in one line', () => {
  let nodes: NodeProcesses;
  beforeEach(async () => {
    nodes = await NodeProcesses.create(1);
  });
  afterEach(() => nodes.stop());

  const failure = async (overrides: Record<string, string>): Promise<{ code: unknown; text: string }> => {
    const child = nodes.spawn('ring-0', overrides);
    let text = '';
    child.stderr!.on('data', (data) => (text += String(data)));
    const [code] = (await once(child, 'close')) as unknown[];
    return { code, text };
  };

  test('missing settings', async () => {
    const { code, text } = await failure({ ANNULUS_CLUSTER: '', ANNULUS_WORKERS: 'many' });
    expect(code).toBe(2);
    expect(text).toMatch(/ANNULUS_CLUSTER is not set.*ANNULUS_WORKERS is "many"/);
    expect(text.trim().split('\n')).toHaveLength(1);
  });

  test.each([PORTS.node, PORTS.rest, PORTS.grpc])('port %d in use', async (port) => {
    const taken = createServer().listen(port, nodes.address('ring-0'));
    await once(taken, 'listening');
    const { code, text } = await failure({});
    taken.close();
    expect(code).toBe(98);
    expect(text).toMatch(new RegExp(`^node-agent: port ${port} on .* is in use`));
    expect(text.trim().split('\n')).toHaveLength(1);
  });

  test('the gossip port in use', async () => {
    const taken = createSocket('udp4').bind(PORTS.gossip, nodes.address('ring-0'));
    await once(taken, 'listening');
    const { code, text } = await failure({});
    taken.close();
    expect(code).toBe(98);
    expect(text).toMatch(new RegExp(`^node-agent: port ${PORTS.gossip} on .* is in use`));
  });

  test("another cluster's volume", async () => {
    nodes.spawn('ring-0');
    await until('the node is up', () => nodes.isUp('ring-0'));
    // Nobody gave it a cluster map: it would say that collections are not there.
    expect(await nodes.isReady('ring-0')).toBe(false);
    await nodes.kill('ring-0');
    // An empty volume may change hands, one with a shard's data may not.
    mkdirSync(join(nodes.dataDir('ring-0'), 'shards', 'some-uid'), { recursive: true });
    const { code, text } = await failure({ ANNULUS_CLUSTER_UID: 'another' });
    expect(code).toBe(3);
    expect(text).toMatch(/belongs to clusterUID/);
  });
});
