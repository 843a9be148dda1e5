import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { CopyReport } from '#proto/control-messages.ts';
import { call, NodeProcesses } from '../testing/node-processes.ts';
import { until } from '../testing/test-cluster.ts';
import { BATCH_POINTS, WINDOW_BATCHES } from './limits.ts';

const POINTS = 20_000;
const DIMENSION = 64;
/** About 6 MiB are to be sent: time enough to kill in the middle. */
const SLOW = { ANNULUS_RECOVERY_MIB_PER_SECOND: '2' };

describe('recovery of a copy between two processes', () => {
  let nodes: NodeProcesses;
  let written = 0;

  beforeEach(async () => {
    nodes = await NodeProcesses.create(2);
    written = 0;
    for (const name of nodes.names) nodes.spawn(name, SLOW);
    nodes.operator.start();
    await until('both answer', async () => (await nodes.isUp('ring-0')) && (await nodes.isUp('ring-1')));
    nodes.operator.addCollection({ name: 'c', shards: 1, copies: 1, dimension: DIMENSION, metric: 'Euclid' });
    await until('the collection is ready', () => nodes.operator.map.collections[0]!.tableVersion === 1);
    await until('the node has the table', () =>
      write(1).then(
        () => true,
        () => false,
      ),
    );
    written = 0;
    while (written < POINTS) await write(2_000);
  });
  afterEach(() => nodes.stop());

  async function write(count: number): Promise<void> {
    const points = Array.from({ length: count }, (_, i) => ({
      id: written + i,
      vector: Array.from({ length: DIMENSION }, (_number, d) => Math.sin((written + i) * 31 + d)),
    }));
    written += count;
    await call('PUT', nodes.url('ring-0', '/collections/c/points?wait=true'), { points });
  }

  /** Where the primary's log begins. */
  function firstSeqNo(): number {
    const { uid, copies } = nodes.operator.shard('c-0');
    const path = join(nodes.dataDir('ring-0'), 'shards', uid, copies[0]!.allocationId, 'points.sqlite');
    const db = new DatabaseSync(path, { readOnly: true });
    try {
      return Number(db.prepare('SELECT min(seq) AS seq FROM log').get()?.['seq']);
    } finally {
      db.close();
    }
  }

  /** The joining copy as its node reported it since it was started last. */
  function joining(): CopyReport | undefined {
    return nodes.operator.reports.get('ring-1')?.copies.find((copy) => copy.allocationId === 'joining');
  }

  async function copied(points: number): Promise<number> {
    await until(`${points} points are copied`, () => (joining()?.copiedPoints ?? 0) > points);
    return joining()!.copiedPoints;
  }

  async function killAndRestart(name: string): Promise<void> {
    await nodes.kill(name);
    nodes.operator.reports.delete(name);
    if (name === 'ring-0') nodes.operator.reports.delete('ring-1');
    nodes.spawn(name, SLOW);
    await until(`${name} answers`, () => nodes.isUp(name));
  }

  /** The next figure after a restart: what the new session began with, and a little more. */
  async function goesOn(before: number): Promise<void> {
    await until('the recovery goes on', () => (joining()?.totalPoints ?? 0) > 0);
    expect(joining()!.copiedPoints).toBeGreaterThanOrEqual(before - WINDOW_BATCHES * BATCH_POINTS);
    expect(joining()!.totalPoints).toBeGreaterThanOrEqual(POINTS);
  }

  test('goes on where it was after kill -9 of the target, and of the source', async () => {
    // Only a full recovery helps a new copy then.
    await until('the primary let go of its first log', () => firstSeqNo() > 1, 30_000);
    const shard = nodes.operator.shard('c-0');
    shard.copies.push({ node: 'ring-1', role: 'Joining', inSync: false, allocationId: 'joining' });
    shard.configVersion++;
    nodes.operator.push();
    const atTarget = await copied(5_000);
    await killAndRestart('ring-1');
    await goesOn(atTarget);
    await write(100);
    const atSource = await copied(11_000);
    await killAndRestart('ring-0');
    await goesOn(atSource);
    await until('the copy is in sync', () => shard.copies[1]!.inSync, 30_000);
    expect(joining()!.points).toBe(written);
    // The new copy answers alone.
    await nodes.kill('ring-0');
    nodes.operator.promote('c-0', 'ring-1');
    await until('the new copy is primary', async () => {
      const counted = await call('POST', nodes.url('ring-1', '/collections/c/points/count'), { exact: true }).catch(
        String,
      );
      return JSON.stringify(counted).includes(`"count":${written}`);
    });
  }, 90_000);
});
