import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KubeObject, PodLogOptions } from '../kube-api/api-types.ts';
import { asArray, asObject, asString } from '../kube-api/json.ts';
import type { JsonObject } from '../kube-api/json.ts';
import { CLAIMS, EVENTS, PODS, SECRETS, STATEFUL_SETS } from './resources.ts';
import { isReady } from './statefulset.plan.ts';
import { eventually, startTestKubelet } from './testing/test-kubelet.ts';
import type { TestKubelet } from './testing/test-kubelet.ts';

let folder = '';
let running: TestKubelet;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'annulus-kubelet-'));
  running = await startTestKubelet(folder);
});
afterAll(async () => {
  await running.close();
  rmSync(folder, { recursive: true, force: true });
});

const field = (name: string, fieldPath: string): JsonObject => ({ name, valueFrom: { fieldRef: { fieldPath } } });

function container(mode: string, more: JsonObject = {}): JsonObject {
  return {
    name: 'node',
    image: 'fake',
    args: [mode],
    ports: [{ name: 'http', containerPort: 8080 }],
    env: [field('POD', 'metadata.name'), field('POD_IP', 'status.podIP')],
    ...more,
  };
}

async function createPod(name: string, spec: JsonObject): Promise<void> {
  const object = { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default' }, spec };
  await running.store.create(PODS, object);
}

const find = (name: string): Promise<KubeObject | undefined> =>
  running.store.get(PODS, 'default', name).catch(() => undefined);
const readyPod = (name: string, notUid = ''): Promise<KubeObject> =>
  eventually(`${name} is ready`, async () => {
    const pod = await find(name);
    return pod && isReady(pod) && pod.metadata.uid !== notUid ? pod : undefined;
  });
const gone = (name: string): Promise<true> =>
  eventually(`${name} is gone`, async () => ((await find(name)) === undefined ? true : undefined));
const containerStatus = (pod: KubeObject | undefined): JsonObject =>
  asObject(asArray(pod?.status?.['containerStatuses'])[0]);
const ipOf = (pod: KubeObject): string => asString(pod.status?.['podIP']);

async function log(pod: string, more: Partial<PodLogOptions> = {}): Promise<string> {
  let text = '';
  const options = { follow: false, previous: false, timestamps: false, ...more };
  for await (const part of running.logs.podLogs('default', pod, options) ?? []) text += part.toString();
  return text;
}

describe('a StatefulSet', () => {
  const claimFile = (ordinal: number, name: string): string =>
    join(folder, 'volumes', 'default', `data-db-${ordinal}`, name);

  test('runs pods with claims, secrets and IPs of their own; data and IP survive the pod', async () => {
    await running.store.create(SECRETS, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'keys', namespace: 'default' },
      data: { token: Buffer.from('s3cret').toString('base64') },
    });
    const template = {
      metadata: { labels: { app: 'db' } },
      spec: {
        terminationGracePeriodSeconds: 5,
        volumes: [{ name: 'keys', secret: { secretName: 'keys' } }],
        containers: [
          container('serve', {
            env: [
              field('POD', 'metadata.name'),
              field('POD_IP', 'status.podIP'),
              { name: 'DATA_DIR', value: '/var/lib/db' },
              { name: 'KEYS_DIR', value: '/etc/keys' },
            ],
            readinessProbe: { httpGet: { path: '/readyz', port: 'http' }, periodSeconds: 1, failureThreshold: 1 },
            volumeMounts: [
              { name: 'data', mountPath: '/var/lib/db' },
              { name: 'keys', mountPath: '/etc/keys' },
            ],
          }),
        ],
      },
    };
    await running.store.create(STATEFUL_SETS, {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name: 'db', namespace: 'default' },
      spec: {
        replicas: 2,
        serviceName: 'db',
        podManagementPolicy: 'Parallel',
        updateStrategy: { type: 'OnDelete' },
        selector: { matchLabels: { app: 'db' } },
        template,
        volumeClaimTemplates: [
          {
            metadata: { name: 'data' },
            spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
          },
        ],
      },
    });
    const first = await readyPod('db-0');
    const second = await readyPod('db-1');
    expect(ipOf(first)).not.toBe(ipOf(second));
    const answer = await fetch(`http://${ipOf(second)}:8080/`);
    expect(await answer.json()).toEqual({ pod: 'db-1', secret: 's3cret', ip: ipOf(second) });
    const claim = await running.store.get(CLAIMS, 'default', 'data-db-0');
    expect(claim.status).toMatchObject({ phase: 'Bound', capacity: { storage: '1Gi' } });
    const secretFile = join(folder, 'pods', `default_db-0_${first.metadata.uid}`, 'volumes', 'keys', 'token');
    expect(statSync(secretFile).mode & 0o777).toBe(0o600);
    expect(await log('db-0')).toBe('serving as db-0\n');
    const set = await eventually('status', async () => {
      const now = await running.store.get(STATEFUL_SETS, 'default', 'db');
      return now.status?.['readyReplicas'] === 2 ? now : undefined;
    });
    expect(set.status).toMatchObject({ replicas: 2, updatedReplicas: 2, observedGeneration: 1 });

    await running.store.delete(PODS, 'default', 'db-0');
    const again = await readyPod('db-0', first.metadata.uid);
    expect(ipOf(again)).toBe(ipOf(first));
    expect(readFileSync(claimFile(0, 'starts'), 'utf8')).toBe('db-0\ndb-0\n');
    expect(existsSync(claimFile(0, 'TWO-PROCESSES'))).toBe(false);
  });

  test('an unready pod says so, and a changed Secret reaches its files', async () => {
    const pod = await readyPod('db-0');
    writeFileSync(claimFile(0, 'unready'), '');
    await eventually('not ready', async () => {
      const now = await find('db-0');
      return now && !isReady(now) ? true : undefined;
    });
    rmSync(claimFile(0, 'unready'));
    await readyPod('db-0');
    const data = { token: Buffer.from('changed').toString('base64') };
    await running.store.patch(SECRETS, 'default', 'keys', { data });
    await eventually('new secret', async () => {
      const answer = asObject(await (await fetch(`http://${ipOf(pod)}:8080/`)).json());
      return answer['secret'] === 'changed' ? true : undefined;
    });
  });

  test('scaled down it loses the highest ordinal and keeps its claim; deleting a claim removes its folder', async () => {
    await running.store.patch(STATEFUL_SETS, 'default', 'db', { spec: { replicas: 1 } });
    await gone('db-1');
    expect(existsSync(claimFile(1, 'starts'))).toBe(true);
    expect(await find('db-0')).toBeDefined();
    await running.store.delete(CLAIMS, 'default', 'data-db-1');
    await eventually('folder is gone', () => (existsSync(claimFile(1, '')) ? undefined : true));
  });

  test('at rest it writes nothing', async () => {
    await readyPod('db-0');
    const version = async (): Promise<string> => (await running.store.list(PODS)).metadata.resourceVersion;
    const before = await version();
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(await version()).toBe(before);
  });
});

test('a crashing container is restarted with growing pauses, and its last words are kept', async () => {
  await createPod('crash', { containers: [container('crash')] });
  const pod = await eventually('crash loop', async () => {
    const now = await find('crash');
    const waiting = asObject(asObject(containerStatus(now)['state'])['waiting']);
    return waiting['reason'] === 'CrashLoopBackOff' && Number(containerStatus(now)['restartCount']) >= 2
      ? now
      : undefined;
  });
  expect(asObject(asObject(containerStatus(pod)['lastState'])['terminated'])).toMatchObject({
    exitCode: 3,
    reason: 'Error',
    message: expect.stringContaining('cannot open the frobnicator'),
  });
  expect(isReady(pod)).toBe(false);
  expect(await log('crash', { previous: true })).toContain('cannot open the frobnicator');
  await running.store.delete(PODS, 'default', 'crash');
  await gone('crash');
});

test('a process that ignores TERM is killed when its grace is over', async () => {
  await createPod('stubborn', { containers: [container('stubborn')] });
  const pod = await readyPod('stubborn');
  await eventually('it serves', async () => {
    const answer = await fetch(`http://${ipOf(pod)}:8080/`).catch(() => undefined);
    return answer?.ok ? true : undefined;
  });
  const begun = Date.now();
  await running.store.delete(PODS, 'default', 'stubborn', { gracePeriodSeconds: 1 });
  await gone('stubborn');
  expect(Date.now() - begun).toBeGreaterThanOrEqual(900);
  await expect(fetch(`http://${ipOf(pod)}:8080/`)).rejects.toThrow();
});

test('a failing liveness probe restarts the container', async () => {
  const livenessProbe = { httpGet: { path: '/', port: 8080 }, periodSeconds: 1, failureThreshold: 1 };
  const startupProbe = { ...livenessProbe, failureThreshold: 30 };
  await createPod('lively', { containers: [container('serve', { livenessProbe, startupProbe })] });
  const pod = await readyPod('lively');
  expect((await fetch(`http://${ipOf(pod)}:8080/die`)).status).toBe(503);
  await eventually('restarted', async () => {
    const now = await find('lively');
    return now && containerStatus(now)['restartCount'] === 1 && isReady(now) ? true : undefined;
  });
});

test('what cannot run says why', async () => {
  await createPod('no-image', { containers: [container('serve', { image: 'nginx:1' })] });
  await createPod('no-secret', {
    containers: [
      container('serve', { env: [{ name: 'X', valueFrom: { secretKeyRef: { name: 'absent', key: 'k' } } }] }),
    ],
  });
  const waiting = (name: string, reason: string) =>
    eventually(`${name}: ${reason}`, async () => {
      const state = asObject(asObject(containerStatus(await find(name))['state'])['waiting']);
      return state['reason'] === reason ? state : undefined;
    });
  expect((await waiting('no-image', 'ErrImagePull'))['message']).toContain('"docker.io/library/nginx:1": not found');
  expect((await waiting('no-secret', 'CreateContainerConfigError'))['message']).toBe('secret "absent" not found');
  const event = await eventually('event', async () => {
    const events = await running.store.list(EVENTS, { namespace: 'default' });
    return events.items.find(
      (each) => asObject(each['involvedObject'])['name'] === 'no-image' && each['reason'] === 'Failed',
    );
  });
  expect(event['message']).toContain('Failed to pull image "nginx:1"');
});
