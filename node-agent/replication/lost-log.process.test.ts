import { afterEach, expect, test } from '@jest/globals';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { call, NodeProcesses } from '../testing/node-processes.ts';
import { until } from '../testing/until.ts';

const POINTS = 200;

let nodes: NodeProcesses;
afterEach(() => nodes.stop());

async function upsert(ids: number[]): Promise<void> {
  const points = ids.map((id) => ({ id, vector: [id, 1], payload: { n: id } }));
  await call('PUT', nodes.url('ring-1', '/collections/c/points?wait=true'), { points });
}

async function count(node: string): Promise<unknown> {
  const answer = await call('POST', nodes.url(node, '/collections/c/points/count?consistency=primary'), {});
  return (answer as { result: { count: number } }).result.count;
}

/** Flips a bit in the middle of the write-ahead log: SQLite takes that for its end. */
async function damageLog(node: string): Promise<void> {
  const root = join(nodes.dataDir(node), 'shards');
  const name = (await readdir(root, { recursive: true })).find((path) => path.endsWith('points.sqlite-wal'));
  const file = await open(join(root, name!), 'r+');
  const middle = Math.floor((await file.stat()).size / 2);
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, middle);
  byte[0]! ^= 4;
  await file.write(byte, 0, 1, middle);
  await file.close();
}

test('a primary whose write-ahead log was damaged is not followed: it fails, and the copy that has everything takes over', async () => {
  nodes = await NodeProcesses.create(2);
  nodes.startAll();
  nodes.operator.start();
  nodes.operator.addCollection({ name: 'c', shards: 1, copies: 2, dimension: 2, metric: 'Euclid' });
  await until('a write is taken', () =>
    upsert([0]).then(
      () => true,
      () => false,
    ),
  );
  for (let id = 1; id < POINTS; id++) await upsert([id]);
  await nodes.kill('ring-0');
  await damageLog('ring-0');
  nodes.spawn('ring-0');
  const reported = (): { state: string; message: string } | undefined =>
    nodes.operator.reports.get('ring-0')?.copies.find(({ state }) => state === 'FAILED');
  const late = upsert([POINTS]);
  await until('the primary says that it has failed', () => reported() !== undefined);
  expect(reported()?.message).toMatch(/has entry \d+ of term 1, written here; the log here ends at \d+/);
  nodes.operator.promote('c-0', 'ring-1');
  await late;
  expect(await count('ring-1')).toBe(POINTS + 1);
}, 60_000);
