import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KubeObject } from '../kube-api/api-types.ts';
import { asArray, asObject } from '../kube-api/json.ts';
import { CLAIMS, PODS } from './resources.ts';
import { isReady } from './statefulset.plan.ts';
import { isAlive } from './process-identity.ts';
import { readRecord } from './volume-lock.ts';
import { eventually, startTestKubelet } from './testing/test-kubelet.ts';
import type { TestKubelet } from './testing/test-kubelet.ts';

const PROGRAM = join(import.meta.dirname, 'testing', 'kubelet-program.ts');

let folder = '';
let program: ChildProcess | undefined;
let running: TestKubelet | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'annulus-restart-'));
});
afterEach(async () => {
  program?.kill('SIGKILL');
  await running?.close();
  rmSync(folder, { recursive: true, force: true });
});

const readyPod = (kubelet: TestKubelet): Promise<KubeObject> =>
  eventually('pod is ready', async () => {
    const pod = await kubelet.store.get(PODS, 'default', 'one');
    return isReady(pod) ? pod : undefined;
  });
const restarts = (pod: KubeObject): unknown => asObject(asArray(pod.status?.['containerStatuses'])[0])['restartCount'];

test('after kill -9 of the kubelet its children are ended before their pods start again', async () => {
  running = await startTestKubelet(folder);
  await running.store.create(CLAIMS, {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'data', namespace: 'default' },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  });
  const container = {
    name: 'node',
    image: 'fake',
    args: ['serve'],
    env: [{ name: 'DATA_DIR', value: '/data' }],
    volumeMounts: [{ name: 'data', mountPath: '/data' }],
    readinessProbe: { httpGet: { path: '/', port: 8080 }, periodSeconds: 1 },
  };
  const spec = {
    terminationGracePeriodSeconds: 5,
    containers: [container],
    volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }],
  };
  const metadata = { name: 'one', namespace: 'default' };
  await running.store.create(PODS, { apiVersion: 'v1', kind: 'Pod', metadata, spec });
  const first = await readyPod(running);
  await running.close();
  running = undefined;

  // The same folder in a process of its own, killed without warning.
  program = spawn(process.execPath, [PROGRAM, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lock = join(folder, 'volumes', 'default', 'data.lock');
  const orphan = await eventually('the second launcher runs the pod', () => {
    const record = readRecord(lock);
    const logs = readdirSync(join(folder, 'logs'), { recursive: true, withFileTypes: true });
    return record !== undefined && logs.some((each) => each.name === '1.log') ? record : undefined;
  });
  program.kill('SIGKILL');
  expect(isAlive(orphan)).toBe(true);

  running = await startTestKubelet(folder);
  expect(isAlive(orphan)).toBe(false);
  const third = await readyPod(running);
  expect(third.metadata.uid).toBe(first.metadata.uid);
  expect(restarts(third)).toBeGreaterThanOrEqual(1);
  expect(existsSync(join(folder, 'volumes', 'default', 'data', 'TWO-PROCESSES'))).toBe(false);
});

test('a container that never ran is not counted as restarted', async () => {
  running = await startTestKubelet(folder);
  const metadata = { name: 'one', namespace: 'default' };
  const spec = { containers: [{ name: 'node', image: 'nginx:1' }] };
  await running.store.create(PODS, { apiVersion: 'v1', kind: 'Pod', metadata, spec });
  const waits = (kubelet: TestKubelet): Promise<KubeObject> =>
    eventually('it waits for its image', async () => {
      const pod = await kubelet.store.get(PODS, 'default', 'one');
      const state = asObject(asObject(asArray(pod.status?.['containerStatuses'])[0])['state']);
      return String(asObject(state['waiting'])['reason']).includes('Image') ? pod : undefined;
    });
  await waits(running);
  await running.close();
  running = await startTestKubelet(folder);
  const pod = await waits(running);
  expect(restarts(pod)).toBe(0);
  expect(asObject(asObject(asArray(pod.status?.['containerStatuses'])[0])['lastState'])).toEqual({});
});
