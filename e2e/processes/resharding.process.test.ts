import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { accessFromKubeconfig, ContractClient } from '#local/kube-api/contract/client.ts';
import { Broken, Embedded, eventually } from './embedded.ts';
import { DIMENSION, Load } from './resharding-load.ts';
import { createCollection } from './rest.ts';

const MANIFEST = `
apiVersion: annulus.dev/v1alpha1
kind: VectorCluster
metadata: { name: cut, namespace: default }
spec: { nodes: 3, replicationFactor: 2, shards: 1, storage: { size: 2Gi } }
`;
const API = '/apis/annulus.dev/v1alpha1/namespaces/default';
const COLLECTION = 'words';
const RESHARD_MS = 90_000;

interface Sharded {
  readonly metadata: { readonly name: string };
  readonly status?: {
    readonly routing?: { readonly version: number; readonly entries: { readonly shard: string }[] };
    readonly resharding?: { readonly phase: string; readonly to: number; readonly message?: string };
  };
}

const embedded = new Embedded();
let kube: ContractClient;
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

async function reshard(shards: number): Promise<string[]> {
  const phases: string[] = [];
  const startedAt = performance.now();
  await setShards(shards);
  await eventually(`${shards} shards`, RESHARD_MS, async () => {
    const { status } = await collection();
    const { phase = '', to, message = '' } = status?.resharding ?? {};
    if (phases.at(-1) !== phase) {
      phases.push(phase);
      console.info(`${Math.round(performance.now() - startedAt)} ms: ${phase} ${message}`);
    }
    if (phase === 'Failed') throw new Broken(message);
    return phase === 'Complete' && to === shards ? true : null;
  });
  return phases;
}

test('1 to 2 to 4 to 3 shards under load: no error, no other answer, nothing lost or doubled', async () => {
  const load = new Load(embedded.url, COLLECTION);
  await load.fill();
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
