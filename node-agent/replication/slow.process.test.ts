import { afterEach, describe, expect, test } from '@jest/globals';
import type { ShardHost } from '../shard/shard-host.ts';
import { call, NodeProcesses } from '../testing/node-processes.ts';
import { TestCluster, until } from '../testing/test-cluster.ts';

const GAP_MAX_MS = 10_000;
/** As the operator's failover does: a node is believed dead after so long. */
const DEAD_AFTER_MS = 5_000;

/** Writes one point after another through a node until stopped; knows the longest time between two acknowledgements. */
class Writer {
  longestMs = 0;
  acknowledged = 0;
  #last = performance.now();
  #running = true;
  #done: Promise<void>;

  constructor(write: (id: number) => Promise<unknown>) {
    this.#done = this.#run(write);
  }

  async stop(): Promise<void> {
    this.#running = false;
    await this.#done;
  }

  async #run(write: (id: number) => Promise<unknown>): Promise<void> {
    for (let id = 0; this.#running; id++) {
      try {
        await write(id);
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 20));
        continue;
      }
      const now = performance.now();
      this.longestMs = Math.max(this.longestMs, now - this.#last);
      this.#last = now;
      this.acknowledged++;
    }
  }
}

describe('three node processes, one shard with copies on all', () => {
  let nodes: NodeProcesses;
  let writer: Writer | null = null;

  afterEach(async () => {
    for (const name of nodes.names) nodes.signal(name, 'SIGCONT');
    await writer?.stop();
    await nodes.stop();
  });

  const started = async (coordinator: string): Promise<void> => {
    nodes = await NodeProcesses.create(3);
    nodes.startAll();
    nodes.operator.start();
    nodes.operator.addCollection({ name: 'c', shards: 1, copies: 3, dimension: 2, metric: 'Euclid', minInSync: 2 });
    const upsert = (id: number): Promise<unknown> =>
      call(
        'PUT',
        nodes.url(coordinator, '/collections/c/points?wait=true'),
        { points: [{ id: id % 1_000, vector: [id, 1] }] },
        2_000,
      );
    await until(
      'a write is taken',
      () =>
        upsert(0).then(
          () => true,
          () => false,
        ),
      30_000,
    );
    writer = new Writer(upsert);
    await until('the writer runs', () => writer!.acknowledged > 50, 30_000);
  };
  const copy = (node: string) => nodes.operator.shard('c-0').copies.find((entry) => entry.node === node)!;

  test('a replica that stands still leaves the set, and is in sync again soon after it goes on', async () => {
    await started('ring-0');
    nodes.signal('ring-2', 'SIGSTOP');
    await until('it left the set', () => !copy('ring-2').inSync);
    const before = writer!.acknowledged;
    await until('writes go on', () => writer!.acknowledged > before + 20);
    nodes.signal('ring-2', 'SIGCONT');
    const startedAt = performance.now();
    await until('it is in sync again', () => copy('ring-2').inSync);
    if (process.env['ANNULUS_TEST_LOG']) console.log('still', writer!.longestMs, 'back', performance.now() - startedAt);
    expect(writer!.longestMs).toBeLessThan(GAP_MAX_MS);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });

  test('kill -9 of a replica: writes go on in time, though the operator answers only when it believes the node dead', async () => {
    await started('ring-0');
    const killedAt = performance.now();
    nodes.operator.holds = ({ action }) =>
      action === 'REMOVE_FROM_IN_SYNC' && performance.now() - killedAt < DEAD_AFTER_MS;
    await nodes.kill('ring-2');
    await until('it left the set', () => !copy('ring-2').inSync);
    const before = writer!.acknowledged;
    await until('writes go on', () => writer!.acknowledged > before + 20);
    if (process.env['ANNULUS_TEST_LOG']) console.log('killed replica', writer!.longestMs);
    expect(writer!.longestMs).toBeLessThan(GAP_MAX_MS);
    expect(writer!.longestMs).toBeGreaterThan(DEAD_AFTER_MS - 500);
  });

  test('kill -9 of the primary, which another node coordinates for: writes go on in time after the promotion', async () => {
    await started('ring-1');
    await nodes.kill('ring-0');
    const killedAt = performance.now();
    // Its own copy is dead too, as the new primary will say.
    nodes.operator.holds = () => performance.now() - killedAt < DEAD_AFTER_MS;
    await new Promise((resolve) => setTimeout(resolve, DEAD_AFTER_MS));
    nodes.operator.promote('c-0', 'ring-1');
    const before = writer!.acknowledged;
    await until('writes go on', () => writer!.acknowledged > before + 20);
    if (process.env['ANNULUS_TEST_LOG']) console.log('killed primary', writer!.longestMs);
    expect(writer!.longestMs).toBeLessThan(DEAD_AFTER_MS + 2_000);
    nodes.spawn('ring-0');
    await until('the old primary is in sync again', () => copy('ring-0').inSync, 30_000);
  });
});

describe('a replica with a slow disk', () => {
  let cluster: TestCluster;
  afterEach(() => cluster.stop());

  test('leaves the set, and comes back when the disk is quick again', async () => {
    cluster = await TestCluster.create(2);
    let slow = false;
    await cluster.start('ring-0');
    await cluster.start('ring-1', (host) => withDelay(host, () => (slow ? 20_000 : 0)));
    cluster.operator.start();
    cluster.operator.addCollection({ name: 'c', shards: 1, copies: 2, dimension: 2, metric: 'Euclid' });
    await until('the collection is ready', () => cluster.node('ring-0').maps.collection('c')?.tableVersion === 1);
    const write = (id: number): Promise<unknown> => {
      const points = [{ id, vector: Float32Array.from([id, 1]), payload: null }];
      return cluster.node('ring-0').router.write('c', [{ type: 'upsert', points }], { timeoutMs: 10_000 });
    };
    const inSync = () => cluster.operator.shard('c-0').copies[1]!.inSync;
    await write(1);
    slow = true;
    const startedAt = performance.now();
    await write(2);
    expect(performance.now() - startedAt).toBeLessThan(GAP_MAX_MS);
    expect(inSync()).toBe(false);
    slow = false;
    await write(3);
    await until('in sync again', inSync, 40_000);
    await write(4);
    const [a, b] = await Promise.all([...cluster.hosts.values()].map((host) => host.digest('c-0')));
    expect(a).toEqual(b);
  });
});

/** A host whose applied entries take longer until they are on disk. */
function withDelay(host: ShardHost, delayMs: () => number): ShardHost {
  const { apply } = host;
  host.apply = async (...args) => {
    const applied = await apply.apply(host, args);
    if (delayMs() > 0) await new Promise((resolve) => setTimeout(resolve, delayMs()).unref());
    return applied;
  };
  return host;
}
