import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { call, NodeProcesses } from './testing/node-processes.ts';
import { until } from './testing/until.ts';

const STOPPED_MS = 2_500;
const LATE_MS = 500;

let nodes: NodeProcesses;

beforeEach(async () => {
  nodes = await NodeProcesses.create(2);
  nodes.startAll();
  nodes.operator.start();
  nodes.operator.addCollection({ name: 'c', shards: 1, copies: 1, dimension: 2, metric: 'Euclid' });
  await until('a write is taken through both', async () => {
    for (const name of nodes.names) if (!(await nodes.isReady(name))) return false;
    return write('ring-1', 1).then(
      () => true,
      () => false,
    );
  });
});

afterEach(async () => {
  for (const name of nodes.names) nodes.signal(name, 'SIGCONT');
  await nodes.stop();
});

function write(node: string, value: number, query = 'wait=true', timeoutMs = 10_000): Promise<unknown> {
  const body = { points: [{ id: 1, vector: [value, 0] }] };
  return call('PUT', nodes.url(node, `/collections/c/points?${query}`), body, timeoutMs);
}

async function read(node: string): Promise<unknown> {
  const answer = await call('POST', nodes.url(node, '/collections/c/points'), { ids: [1], with_vector: true });
  return (answer as { result: { vector: number[] }[] }).result[0]?.vector[0];
}

/** A write that finds the primary's node stopped, whose sender gives up before the node goes on. */
async function writeThatIsGivenUp(send: () => Promise<unknown>): Promise<void> {
  nodes.signal('ring-0', 'SIGSTOP');
  const stoppedAt = performance.now();
  await expect(send()).rejects.toThrow();
  await sleep(STOPPED_MS - (performance.now() - stoppedAt));
  nodes.signal('ring-0', 'SIGCONT');
  await sleep(LATE_MS);
}

test('a write that its client gave up while the node stood still is not done when the node goes on', async () => {
  await writeThatIsGivenUp(() => write('ring-0', 2, 'wait=true', 500));
  expect(await read('ring-0')).toBe(1);
  await write('ring-0', 3);
  expect(await read('ring-1')).toBe(3);
});

test('nor is one that waited at the primary for a coordinator that gave it up', async () => {
  await writeThatIsGivenUp(() => write('ring-1', 2, 'wait=true&timeout=1'));
  expect(await read('ring-0')).toBe(1);
  await write('ring-1', 3);
  expect(await read('ring-0')).toBe(3);
});

test('a client that still waits gets its write done', async () => {
  nodes.signal('ring-0', 'SIGSTOP');
  const [direct, through] = [write('ring-0', 4), write('ring-1', 4)];
  await sleep(STOPPED_MS);
  nodes.signal('ring-0', 'SIGCONT');
  await direct;
  await through;
  expect(await read('ring-0')).toBe(4);
});
