import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { accessFromKubeconfig, ContractClient } from '#local/kube-api/contract/client.ts';
import { isAlive, signalProcess, type ProcessIdentity } from '#local/kubelet/process-identity.ts';
import { Broken, Embedded, eventually } from './embedded.ts';
import { DIMENSION, Load } from './resharding-load.ts';
import { createCollection, waitUntilGreen } from './rest.ts';

const MANIFEST = `
apiVersion: annulus.dev/v1alpha1
kind: VectorCluster
metadata: { name: cut, namespace: default }
spec: { nodes: 3, replicationFactor: 2, shards: 1, storage: { size: 2Gi } }
`;
const API = '/apis/annulus.dev/v1alpha1/namespaces/default';
const COLLECTION = 'words';
const RESHARD_MS = 150_000;

interface Sharded {
  readonly metadata: { readonly name: string };
  readonly status?: {
    readonly routing?: { readonly version: number; readonly entries: { readonly shard: string }[] };
    readonly resharding?: { readonly phase: string; readonly to: number; readonly message?: string };
  };
}

const embedded = new Embedded();
let kube: ContractClient;
let load: Load;
let object = '';

beforeAll(async () => {
  await embedded.start(MANIFEST);
  kube = new ContractClient(accessFromKubeconfig(embedded.kubeconfig));
  await createCollection(embedded.url, COLLECTION, {
    vectors: { size: DIMENSION, distance: 'Euclid' },
    shard_number: 1,
  });
  const { body } = await kube.call('GET', `${API}/collections`);
  object = (body as unknown as { items: Sharded[] }).items[0]!.metadata.name;
  load = new Load(embedded.url, COLLECTION);
  await load.fill();
}, 120_000);
afterAll(() => embedded.close(), 60_000);

async function collection(): Promise<Sharded> {
  const { code, body } = await kube.call('GET', `${API}/collections/${object}`);
  if (code !== 200) throw new Error(`GET collection: ${code}`);
  return body as unknown as Sharded;
}

async function setShards(shards: number): Promise<void> {
  const { code, body } = await kube.call('PATCH', `${API}/collections/${object}`, {
    contentType: 'application/merge-patch+json',
    body: { spec: { sharding: { shards } } },
  });
  if (code !== 200) throw new Error(`PATCH collection: ${code} ${JSON.stringify(body)}`);
}

/** `onPhase` is told each phase that is seen. */
async function reshard(shards: number, onPhase: (phase: string) => Promise<void> = async () => {}): Promise<void> {
  const phases: string[] = [];
  const startedAt = performance.now();
  await setShards(shards);
  await eventually(`${shards} shards`, RESHARD_MS, async () => {
    const { status } = await collection();
    const { phase = '', to, message = '' } = status?.resharding ?? {};
    if (phases.at(-1) !== phase) {
      phases.push(phase);
      console.info(`${Math.round(performance.now() - startedAt)} ms: ${phase} ${message}`);
      await onPhase(phase);
    }
    if (phase === 'Failed') throw new Broken(message);
    return phase === 'Complete' && to === shards ? true : null;
  });
}

/** kill -9 of the process of a pod, or of the operator: it is started again by itself. */
async function kill(pod: string | null): Promise<void> {
  const folder = join(embedded.home, 'processes');
  let prefix = 'operator';
  if (pod !== null) {
    const { body } = await kube.call('GET', `/api/v1/namespaces/default/pods/${pod}`);
    prefix = (body as unknown as { metadata: { uid: string } }).metadata.uid;
  }
  const file = readdirSync(folder).find((name) => name.startsWith(prefix) && name.endsWith('.json'));
  const process = JSON.parse(readFileSync(join(folder, file ?? ''), 'utf8')) as ProcessIdentity;
  expect(isAlive(process) && signalProcess(process.pid, 'SIGKILL')).toBe(true);
}

test('1 to 2 to 4 to 3 shards under load: no error, no other answer, nothing lost or doubled', async () => {
  for (const shards of [2, 4, 3]) {
    load.start();
    await sleep(500);
    const before = load.writes;
    await reshard(shards);
    await sleep(500);
    await load.stop();
    const { routing } = (await collection()).status ?? {};
    expect(routing?.entries).toHaveLength(shards);
    const { body } = await kube.call('GET', `${API}/shards`);
    const names = (body as unknown as { items: Sharded[] }).items.map((shard) => shard.metadata.name);
    expect(names.sort()).toEqual(routing?.entries.map((entry) => entry.shard).sort());
    await load.compare();
    expect(load.wrong).toEqual([]);
    expect(load.writes).toBeGreaterThan(before + 50);
    console.info(
      `${shards} shards: ${load.writes} writes, slowest ${Math.round(load.slowestWriteMs)} ms, ${load.reads} reads`,
    );
    load.slowestWriteMs = 0;
  }
}, 300_000);

test('nodes and operator that die on the way cost time only', async () => {
  const wounds: Record<string, string | null> = {
    Preparing: 'cut-0',
    Copying: null,
    Verifying: 'cut-1',
    Switching: 'cut-2',
  };
  await reshard(2, async (phase) => {
    const pod = wounds[phase];
    if (pod === undefined) return;
    delete wounds[phase];
    await kill(pod);
  });
  await waitUntilGreen(embedded.url, COLLECTION);
  await load.compare();
  expect(load.wrong).toEqual([]);
  expect(Object.keys(wounds).length).toBeLessThan(4);
  await reshard(3);
}, 300_000);

test('a change taken back before the switch leaves everything as it was', async () => {
  const before = (await collection()).status?.routing;
  await setShards(6);
  await eventually('it has begun', 20_000, async () =>
    (await collection()).status?.resharding?.to === 6 ? true : null,
  );
  await setShards(3);
  await eventually('it is called off, and the new shards are gone', 30_000, async () => {
    const { body } = await kube.call('GET', `${API}/shards`);
    const count = (body as unknown as { items: unknown[] }).items.length;
    return (await collection()).status?.resharding?.phase === 'Failed' && count === 3 ? true : null;
  });
  expect((await collection()).status?.routing).toEqual(before);
}, 90_000);
