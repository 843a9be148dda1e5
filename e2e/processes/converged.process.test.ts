import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { accessFromKubeconfig, ContractClient } from '#local/kube-api/contract/client.ts';
import { Embedded, eventually } from './embedded.ts';
import { ask, createCollection, waitUntilGreen } from './rest.ts';

/** No write to the API server in this time, milliseconds. */
const WATCHED_MS = 60_000;
/** Quiet for this long counts as converged, and it must be reached in CONVERGE_MS. */
const QUIET_MS = 8_000;
const CONVERGE_MS = 90_000;
/** Far over what is stated in the README: only a leak or a new heavy dependency reaches it. */
const MAX_RESIDENT_MIB = 250;
const POINTS = 500;

const MANIFEST = `
apiVersion: annulus.dev/v1alpha1
kind: VectorCluster
metadata: { name: calm, namespace: default }
spec: { nodes: 2, replicationFactor: 2, shards: 2, storage: { size: 1Gi } }
---
apiVersion: annulus.dev/v1alpha1
kind: Collection
metadata: { name: from-yaml, namespace: default }
spec: { cluster: calm, name: From_YAML, dimension: 4, metric: Dot }
`;
const API = '/apis/annulus.dev/v1alpha1';
/** Everything that operator, kubelet or controllers might write. */
const LISTS = [
  ...['vectorclusters', 'collections', 'shards', 'workspaces'].map((kind) => `${API}/${kind}`),
  ...['pods', 'services', 'configmaps', 'secrets', 'events', 'persistentvolumeclaims', 'serviceaccounts'].map(
    (kind) => `/api/v1/${kind}`,
  ),
  '/apis/apps/v1/statefulsets',
  '/apis/policy/v1/poddisruptionbudgets',
  '/apis/networking.k8s.io/v1/networkpolicies',
  '/apis/coordination.k8s.io/v1/leases',
];

interface Listed {
  readonly metadata: { readonly name: string; readonly resourceVersion: string };
  readonly spec?: { readonly name?: string; readonly cluster?: string };
  readonly status?: { readonly points?: number };
}

const embedded = new Embedded();
let kube: ContractClient;

async function list(path: string): Promise<{ version: string; items: Listed[] }> {
  const { code, body } = await kube.call('GET', path);
  if (code !== 200) throw new Error(`GET ${path}: ${code}`);
  const { metadata, items } = body as unknown as { metadata: { resourceVersion: string }; items: Listed[] };
  return { version: metadata.resourceVersion, items };
}

/** resourceVersion of every object, by its list and name. */
async function versions(): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const path of LISTS) {
    for (const { metadata } of (await list(path)).items)
      found.set(`${path} ${metadata.name}`, metadata.resourceVersion);
  }
  return found;
}

async function load(collection: string): Promise<void> {
  const points = Array.from({ length: POINTS }, (_, id) => ({ id, vector: [id, 1, -id, 2], payload: { id } }));
  await ask(embedded.url, 'PUT', `/collections/${collection}/points?wait=true`, { points });
}

/** Resident MiB of operator and nodes, by the name of the process's record. */
function residentMiB(): Map<string, number> {
  const folder = join(embedded.home, 'processes');
  const records = readdirSync(folder).filter((file) => file.endsWith('.json'));
  return new Map(
    records.map((file) => {
      const { pid } = JSON.parse(readFileSync(join(folder, file), 'utf8')) as { pid: number };
      const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
      return [file.slice(0, -'.json'.length), Math.round(Number(kib) / 1024)];
    }),
  );
}

beforeAll(async () => {
  await embedded.start(MANIFEST);
  kube = new ContractClient(accessFromKubeconfig(embedded.kubeconfig));
  await createCollection(embedded.url, 'My_Docs', { vectors: { size: 4, distance: 'Dot' } });
  await waitUntilGreen(embedded.url, 'From_YAML');
  await load('My_Docs');
  await load('From_YAML');
}, 180_000);
afterAll(async () => {
  kube.close();
  await embedded.close();
}, 60_000);

describe('a collection is one object, whoever made it', () => {
  test('the Kubernetes API has both, with their names as clients say them', async () => {
    const { items } = await list(`${API}/namespaces/default/collections`);
    const names = new Map(items.map(({ metadata, spec }) => [spec?.name, metadata.name]));
    expect(items).toHaveLength(2);
    expect(names.get('From_YAML')).toBe('from-yaml');
    // Readable, and possible as an object's name.
    expect(names.get('My_Docs')).toMatch(/^calm\.my-docs-[0-9a-f]+$/);
    expect(items.map(({ spec }) => spec?.cluster)).toEqual(['calm', 'calm']);
  });

  test('REST has both', async () => {
    const { collections } = await ask<{ collections: { name: string }[] }>(embedded.url, 'GET', '/collections');
    expect(collections.map(({ name }) => name).sort()).toEqual(['From_YAML', 'My_Docs']);
  });
});

test(`converged: no write to the API server in ${WATCHED_MS / 1000} s`, async () => {
  const collections = `${API}/collections`;
  // What is quiet is also true: the counts are known.
  await eventually('the points are counted', CONVERGE_MS, async () => {
    const { items } = await list(collections);
    return items.every(({ status }) => status?.points === POINTS) ? true : null;
  });
  let { version } = await list(collections);
  const deadline = performance.now() + CONVERGE_MS;
  for (let since = performance.now(); performance.now() - since < QUIET_MS; await sleep(200)) {
    const now = (await list(collections)).version;
    if (now === version) continue;
    version = now;
    since = performance.now();
    if (since > deadline) throw new Error(`still writing after ${CONVERGE_MS / 1000} s`);
  }
  const objects = await versions();
  expect(objects.size).toBeGreaterThan(10);
  for (const end = performance.now() + WATCHED_MS; performance.now() < end; await sleep(1000)) {
    const now = (await list(collections)).version;
    if (now === version) continue;
    const written = [...(await versions())].filter(([name, of]) => objects.get(name) !== of);
    throw new Error(`written while converged: ${written.map(([name]) => name).join(', ') || 'and taken back'}`);
  }
  expect(await versions()).toEqual(objects);

  // The number watched does move when something is written.
  const one = `${API}/namespaces/default/collections/from-yaml`;
  const patch = { metadata: { annotations: { seen: 'yes' } } };
  await kube.call('PATCH', one, { body: patch, contentType: 'application/merge-patch+json' });
  expect((await list('/api/v1/pods')).version).not.toBe(version);
}, 300_000);

test(`operator and nodes are small when idle: under ${MAX_RESIDENT_MIB} MiB`, () => {
  const resident = residentMiB();
  console.info(`idle, MiB resident: ${[...resident].map(([name, mib]) => `${name} ${mib}`).join(', ')}`);
  expect(resident.size).toBe(3);
  for (const [name, mib] of resident) expect([name, mib < MAX_RESIDENT_MIB]).toEqual([name, true]);
});
