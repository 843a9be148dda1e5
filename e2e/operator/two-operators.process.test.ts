import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { REPOSITORY } from '#local/launcher.ts';
import { applyManifests, parseManifests } from '#local/manifests.ts';
import { until } from '#operator/testing/fixtures.ts';
import { ApiProxy } from './api-proxy.ts';
import { OperatorRig } from './rig.ts';

const LOST_LEASE = 3;
const cluster = (name: string): string => `
apiVersion: annulus.dev/v1alpha1
kind: VectorCluster
metadata: { name: ${name} }
spec: { type: Sharded, nodes: 1 }
`;

interface Running {
  proxy: ApiProxy;
  process: ChildProcess;
  output: () => string;
  exited: Promise<number | null>;
}

const rig = new OperatorRig();
const home = mkdtempSync(join(tmpdir(), 'annulus-two-'));
const started: Running[] = [];
beforeAll(() => rig.startApi());
afterAll(async () => {
  for (const one of started) {
    one.process.kill('SIGKILL');
    one.proxy.close();
  }
  await rig.stop();
  rmSync(home, { recursive: true });
});

async function start(name: string): Promise<Running> {
  const proxy = new ApiProxy();
  const kubeconfig = join(home, name);
  await proxy.start(rig.kubeconfig, kubeconfig);
  const child = spawn(process.execPath, [join(REPOSITORY, 'operator/main.ts')], {
    env: { PATH: process.env['PATH'], KUBECONFIG: kubeconfig, ANNULUS_METRICS_PORT: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const exited = new Promise<number | null>((resolve) => child.on('exit', resolve));
  const running = { proxy, process: child, output: () => output, exited };
  started.push(running);
  return running;
}

const leads = (one: Running): boolean => one.output().includes('the operator leads and works');
const made = async (name: string): Promise<boolean> =>
  rig.get('StatefulSet', name).then(
    () => true,
    () => false,
  );

test('a leader that was stopped beyond its lease writes nothing when it wakes up, and ends', async () => {
  const first = await start('first');
  await until('the first leads', () => leads(first), 20_000);
  const second = await start('second');
  await until('the second waits', () => second.output().includes('the operator starts'), 20_000);
  await applyManifests(rig.server.store, parseManifests(cluster('one')));
  await until('the first works', () => made('one'));
  expect(second.proxy.writesSince(0)).toEqual([]);

  first.process.kill('SIGSTOP');
  await until('the second leads', () => leads(second), 40_000);
  // What the stopped one would do when it wakes up, if it still led: these changes are waiting in its watches.
  await applyManifests(rig.server.store, parseManifests(cluster('two') + '---' + cluster('three')));
  await until('the second works', async () => (await made('two')) && (await made('three')));
  const { group, version } = { group: '', version: 'v1' };
  await rig.server.store.delete({ group, version, resource: 'configmaps' }, 'default', 'one-config');
  await delay(1_000);

  const woken = Date.now();
  first.process.kill('SIGCONT');
  expect(await first.exited).toBe(LOST_LEASE);
  expect(first.proxy.writesSince(woken)).toEqual([]);
  expect(first.output()).toContain('lost the leader lease');
  expect(second.process.exitCode).toBeNull();
}, 90_000);
