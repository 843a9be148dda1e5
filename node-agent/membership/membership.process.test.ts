import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { call, NodeProcesses } from '../testing/node-processes.ts';
import { until } from '../testing/until.ts';

const COUNT = 5;
let nodes: NodeProcesses;

beforeEach(async () => {
  nodes = await NodeProcesses.create(COUNT);
  nodes.startAll();
  nodes.operator.start();
  await until(
    'every node reports every other alive',
    () => nodes.names.every((name) => reported(name, 'ALIVE')),
    80_000,
  );
}, 90_000);
afterEach(() => nodes.stop());

/** Every other node's last report to the operator says so. */
const reported = (about: string, state: string): boolean =>
  nodes.names
    .filter((name) => name !== about)
    .every((name) =>
      nodes.operator.reports.get(name)?.members.some((member) => member.node === about && member.state === state),
    );

test('a node that was killed is reported dead by every other within 5 s, and alive soon after it is back', async () => {
  const killed = Date.now();
  await nodes.kill('ring-3');
  await until('all report it dead', () => reported('ring-3', 'DEAD'), 10_000);
  expect(Date.now() - killed).toBeLessThan(5_000);
  const metrics = await (await fetch(nodes.url('ring-0', '/metrics'))).text();
  expect(metrics).toMatch(/^annulus_members\{state="Dead"\} 1$/m);
  expect(metrics).toMatch(/^annulus_members\{state="Alive"\} 3$/m);
  nodes.spawn('ring-3');
  await until('it is up', () => nodes.isUp('ring-3'), 30_000);
  await until('all report it alive', () => reported('ring-3', 'ALIVE'), 2_000);
}, 90_000);

test('reads go on while a node with copies stands still, and calls to it work at once when it goes on', async () => {
  nodes.operator.addCollection({ name: 'c', shards: 4, copies: 2, dimension: 4, metric: 'Euclid' });
  const count = (node: string): Promise<unknown> =>
    call('POST', nodes.url(node, '/collections/c/points/count'), { exact: true }, 3_000);
  await until('the collection is ready', async () => (await count('ring-0').catch(() => null)) !== null, 30_000);
  nodes.signal('ring-1', 'SIGSTOP');
  await until('all report it dead', () => reported('ring-1', 'DEAD'), 10_000);
  // Dead is known: nobody waits for it any more.
  const startedAt = Date.now();
  for (let i = 0; i < 20; i++) await count('ring-0');
  expect(Date.now() - startedAt).toBeLessThan(2_000);
  nodes.signal('ring-1', 'SIGCONT');
  await until('all report it alive', () => reported('ring-1', 'ALIVE'), 3_000);
  await count('ring-1');
}, 90_000);
