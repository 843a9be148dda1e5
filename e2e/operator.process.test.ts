import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import type { MapCollection, MapCopy, MapShard } from '#model/cluster-map.ts';
import { parseCollection, parseShard, parseVectorCluster } from '#crds/validate.ts';
import type { Collection, Shard, VectorCluster } from '#crds/v1alpha1/index.ts';
import { startKubeApi, type KubeApi } from '#local/kube-api/server.ts';
import { ensureCredentials, writeKubeconfig } from '#local/kube-api/credentials.ts';
import { applyCRDs, applyManifests, parseManifests } from '#local/manifests.ts';
import { REPOSITORY } from '#local/launcher.ts';
import { createKubeApi } from '#operator/kube/api.ts';
import { loadConnection } from '#operator/kube/credentials.ts';
import { RESOURCES, type KnownKind } from '#operator/kube/resources.ts';
import { createTransport } from '#operator/kube/transport.ts';
import { Operator } from '#operator/operator.ts';
import { FakeNode } from '#operator/testing/fake-node.ts';
import { asObject, until } from '#operator/testing/fixtures.ts';

const NAMESPACE = 'default';
const NODES = 3;
const WRITES = new Set(['create', 'update', 'patch', 'apply', 'delete']);
const log = pino({ level: process.env['ANNULUS_TEST_LOG'] ?? 'silent' });

let home = '';
let server: KubeApi;
let running: Running;
const nodes: FakeNode[] = [];

interface Running {
  operator: Operator;
  /** Writes that the API server answered, `verb kind`. */
  writes: string[];
  stop: () => Promise<void>;
}

/** The operator in this process, over HTTPS as anywhere. */
async function startOperator(): Promise<Running> {
  const shutdown = new AbortController();
  const transport = createTransport(await loadConnection(join(home, 'kubeconfig'), {}));
  const writes: string[] = [];
  const api = createKubeApi(transport, shutdown.signal, (verb, kind) => {
    if (WRITES.has(verb)) writes.push(`${verb} ${kind}`);
  });
  const operator = new Operator({
    api,
    namespace: '',
    identity: 'test',
    version: '0',
    config: {},
    podMonitors: false,
    log,
  });
  await operator.start();
  const stop = async (): Promise<void> => {
    await operator.stop();
    shutdown.abort();
    transport.close();
  };
  return { operator, writes, stop };
}

async function startServer(port: number): Promise<KubeApi> {
  const { token, tls } = await ensureCredentials(join(home, 'pki'));
  return startKubeApi({ dataDir: join(home, 'api'), port, token, tls, logger: pino({ level: 'silent' }) });
}

async function get(kind: KnownKind, name: string): Promise<Record<string, unknown>> {
  const { group, version, plural } = RESOURCES[kind];
  return { ...(await server.store.get({ group, version, resource: plural }, NAMESPACE, name)) };
}
async function list(kind: KnownKind): Promise<unknown[]> {
  const { group, version, plural } = RESOURCES[kind];
  return (await server.store.list({ group, version, resource: plural }, { namespace: NAMESPACE })).items;
}
const cluster = async (): Promise<VectorCluster> => unwrap(parseVectorCluster(await get('VectorCluster', 'ring')));
const collection = async (name: string): Promise<Collection> => unwrap(parseCollection(await get('Collection', name)));
const shard = async (name: string): Promise<Shard> => unwrap(parseShard(await get('Shard', name)));
function unwrap<T>(result: { ok: true; value: T } | { ok: false; errors: unknown }): T {
  if (result.ok) return result.value;
  throw new Error(JSON.stringify(result.errors));
}

/** Makes the pod that a kubelet would, with a fake node behind its address. */
async function startPod(ordinal: number): Promise<void> {
  const name = `ring-${ordinal}`;
  const ip = `127.77.32.${ordinal + 1}`;
  const template = asObject(asObject((await get('StatefulSet', 'ring'))['spec'])['template']);
  const { labels } = asObject(template['metadata']) as { labels: Record<string, string> };
  const resource = { group: '', version: 'v1', resource: 'pods' };
  await server.store.create(resource, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: NAMESPACE, labels },
    spec: { containers: [{ name: 'node-agent', image: 'annulus:latest' }] },
  });
  await setPod(name, { phase: 'Running', podIP: ip, conditions: [{ type: 'Ready', status: 'True' }] });
  const token = Buffer.from(String(asObject((await get('Secret', 'ring-keys'))['data'])['token']), 'base64').toString();
  const node = new FakeNode({
    node: name,
    ip,
    token,
    clusterUID: (await cluster()).metadata.uid ?? '',
    obedient: true,
  });
  await node.start();
  nodes.push(node);
}

async function setPod(name: string, status: object): Promise<void> {
  const resource = { group: '', version: 'v1', resource: 'pods' };
  await server.store.patch(resource, NAMESPACE, name, { status: { ...status } } as never, { subresource: 'status' });
}

const mapped = (object: string): MapCollection | undefined =>
  nodes[0]?.map?.collections.find((one) => one.object === object);
function mappedShard(name: string): MapShard {
  const found = nodes[0]?.map?.collections.flatMap((one) => one.shards).find((one) => one.name === name);
  if (found === undefined) throw new Error(`no shard ${name} in the map`);
  return found;
}
const nodeOf = (copy: MapCopy): FakeNode => nodes.find((node) => node.options.node === copy.node)!;

/** Waits until no write has left the process for a second. */
async function quiet(): Promise<void> {
  let seen = -1;
  let since = Date.now();
  await until('the operator is quiet', () => {
    if (running.writes.length !== seen) since = Date.now();
    seen = running.writes.length;
    return Date.now() - since > 1_000;
  });
}

const YAML = `
apiVersion: annulus.dev/v1alpha1
kind: VectorCluster
metadata: { name: ring }
spec: { type: Sharded, nodes: ${NODES}, replicationFactor: 2 }
---
apiVersion: annulus.dev/v1alpha1
kind: Collection
metadata: { name: words }
spec: { cluster: ring, dimension: 4, sharding: { shards: 4 } }
`;

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'annulus-operator-'));
  const credentials = await ensureCredentials(join(home, 'pki'));
  server = await startServer(0);
  await applyCRDs(server.store, join(REPOSITORY, 'crds'));
  await writeKubeconfig(join(home, 'kubeconfig'), server.url, credentials);
  running = await startOperator();
});
afterAll(async () => {
  await running.stop();
  for (const node of nodes) node.stop();
  await server.close();
  rmSync(home, { recursive: true, force: true });
});

describe('from one YAML file to a routed collection', () => {
  test('the cluster gets its child objects, and says that its nodes are starting', async () => {
    await applyManifests(server.store, parseManifests(YAML));
    await until('StatefulSet', () =>
      get('StatefulSet', 'ring').then(
        () => true,
        () => false,
      ),
    );
    for (const kind of ['ServiceAccount', 'PodDisruptionBudget', 'NetworkPolicy', 'Service'] as const)
      await get(kind, 'ring');
    for (const kind of ['Secret', 'ConfigMap', 'Service'] as const) {
      await get(kind, { Secret: 'ring-keys', ConfigMap: 'ring-config', Service: 'ring-nodes' }[kind]);
    }
    await until('status', async () => (await cluster()).status?.message === 'no node is ready yet');
    await until(
      'shards wait',
      async () => (await shard('words-3')).status?.message === `waiting for nodes: 0 of ${NODES} are connected`,
    );
    expect((await collection('words')).status?.routing).toBeUndefined();
  });

  test('a pod that cannot run is told in the words of Kubernetes', async () => {
    await startPod(0);
    const waiting = { reason: 'ImagePullBackOff', message: 'Back-off pulling image "annulus:latest"' };
    await setPod('ring-0', { conditions: [], containerStatuses: [{ name: 'node-agent', state: { waiting } }] });
    const words = 'Pod ring-0: ImagePullBackOff: Back-off pulling image "annulus:latest"';
    await until('condition', async () => (await cluster()).status?.message === words);
    await setPod('ring-0', { conditions: [{ type: 'Ready', status: 'True' }], containerStatuses: [] });
  });

  test('shards are placed when the nodes are there, become active, and the table is written', async () => {
    for (let ordinal = 1; ordinal < NODES; ordinal++) await startPod(ordinal);
    await until('routing', async () => (await collection('words')).status?.routing?.version === 1);
    await until('phase', async () => (await cluster()).status?.phase === 'Available');
    expect((await cluster()).status).toMatchObject({ nodes: { desired: 3, ready: 3 }, shards: { summary: '4/4' } });
    const loads = new Map<string, number>();
    for (let index = 0; index < 4; index++) {
      const { status } = await shard(`words-${index}`);
      expect(status).toMatchObject({ primaryTerm: 1, phase: 'Active', inSync: '2/2' });
      for (const { node } of status?.copies ?? []) loads.set(node, (loads.get(node) ?? 0) + 1);
    }
    expect([...loads.values()].toSorted()).toEqual([2, 3, 3]);
  });

  test('every node has the map that the API says, and never had one that it did not say', async () => {
    await quiet();
    const { mapVersion } = (await cluster()).status ?? {};
    for (const node of nodes) {
      expect(node.map?.version).toBe(mapVersion);
      const versions = node.maps.map((map) => map.version);
      expect(versions).toEqual(versions.toSorted((a, b) => a - b));
    }
    expect(mapped('words')).toMatchObject({ tableVersion: 1, name: 'words', replicationFactor: 2 });
  });
});

describe('a converged cluster', () => {
  test('writes nothing, though nodes go on reporting', async () => {
    await quiet();
    const before = running.writes.length;
    for (let i = 0; i < 4; i++) {
      for (const node of nodes) {
        const copies = nodes[0]!
          .map!.collections.flatMap((one) => one.shards)
          .flatMap((one) =>
            one.copies
              .filter((copy) => copy.node === node.options.node)
              .map(({ allocationId }) => ({ shard: one.name, allocationId, state: 'READY' as const, term: 1 })),
          );
        node.report(...copies);
      }
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    expect(running.writes.slice(before)).toEqual([]);
  });

  test('an operator that starts anew writes nothing and sends the same map', async () => {
    const { resourceVersion } = (await cluster()).metadata;
    const { mapVersion } = (await cluster()).status ?? {};
    await running.stop();
    running = await startOperator();
    await until('nodes dialled again', () => nodes.every((node) => node.hellos.length === 2 && node.connected));
    await until('map sent', () => nodes.every((node) => node.map?.version === mapVersion));
    await quiet();
    expect(running.writes).toEqual([]);
    expect((await cluster()).metadata.resourceVersion).toBe(resourceVersion);
  });

  test('puts back what someone changed by hand', async () => {
    const services = { group: '', version: 'v1', resource: 'services' };
    await server.store.patch(services, NAMESPACE, 'ring', { spec: { selector: { wrong: 'pods' } } });
    await until('service restored', async () => {
      const selector = asObject(asObject((await get('Service', 'ring'))['spec'])['selector']);
      return selector['app.kubernetes.io/component'] === 'node';
    });
    await quiet();
  });
});

test('an API server that goes away and comes back is found again, and nothing was lost', async () => {
  const { port } = server;
  await server.close();
  // A report that would be written: the write fails, and is made when it can be.
  const copy = mappedShard('words-2').copies.find((one) => one.role === 'Replica')!;
  nodeOf(copy).report({ shard: 'words-2', allocationId: copy.allocationId, state: 'MISSING' });
  await new Promise((resolve) => setTimeout(resolve, 300));
  server = await startServer(port);
  const allocation = (): string | undefined =>
    mappedShard('words-2').copies.find((one) => one.node === copy.node)?.allocationId;
  await until('copy made anew', () => allocation() !== copy.allocationId, 20_000);
  const { configVersion } = (await shard('words-2')).status ?? {};
  expect(configVersion).toBe(mappedShard('words-2').configVersion);
});

describe('requests of nodes', () => {
  test('a replica leaves the in-sync set in the API before the primary hears so, and comes back', async () => {
    const before = mappedShard('words-0');
    const primary = before.copies.find((copy) => copy.role === 'Primary')!;
    const replica = before.copies.find((copy) => copy.role === 'Replica')!;
    const request = {
      shard: 'words-0',
      term: 1,
      node: replica.node,
      allocationId: replica.allocationId,
      reason: 'too slow',
    };
    const node = nodeOf(primary);
    node.requestCopy({ ...request, requestId: 1, configVersion: before.configVersion, action: 'REMOVE_FROM_IN_SYNC' });
    await until('reply', () => node.copyReplies.length === 1);
    const removed = await shard('words-0');
    expect(node.copyReplies[0]).toEqual({
      requestId: 1,
      ok: true,
      reason: '',
      configVersion: before.configVersion + 1,
    });
    expect(removed.status).toMatchObject({ configVersion: before.configVersion + 1, inSync: '1/2' });
    await until('map', () => mappedShard('words-0').configVersion === before.configVersion + 1);
    node.requestCopy({ ...request, requestId: 2, configVersion: before.configVersion, action: 'ADD_TO_IN_SYNC' });
    await until('reply', () => node.copyReplies.length === 2);
    expect(node.copyReplies[1]).toMatchObject({ ok: false, reason: 'StaleConfigVersion' });
    node.requestCopy({ ...request, requestId: 3, configVersion: before.configVersion + 1, action: 'ADD_TO_IN_SYNC' });
    await until('reply', () => node.copyReplies.length === 3);
    expect((await shard('words-0')).status).toMatchObject({ configVersion: before.configVersion + 2, inSync: '2/2' });
  });

  test('a collection is created, indexed and deleted as one object', async () => {
    const node = nodes[1]!;
    node.requestCollection(1, 'CREATE', 'My_Words', { dimension: 4, sharding: { shards: 1 } });
    await until('created', () => node.collectionReplies.length === 1);
    expect(node.collectionReplies[0]).toMatchObject({ ok: true });
    const object = (await list('Collection'))
      .map((json) => unwrap(parseCollection(json)))
      .find((one) => one.spec.name === 'My_Words')!;
    await until('in the map', () => mapped(object.metadata.name)?.tableVersion === 1);
    node.requestCollection(2, 'CREATE', 'My_Words', { dimension: 4 });
    node.requestCollection(3, 'CREATE', 'bad', { dimension: 0 });
    node.requestCollection(4, 'UPDATE', 'My_Words', { payloadIndexes: [{ field: 'a', type: 'keyword' }] });
    await until('answers', () => node.collectionReplies.length === 4);
    const reply = (id: number): unknown => node.collectionReplies.find((one) => one.requestId === id);
    expect(reply(2)).toMatchObject({ ok: false, code: 'ANN_COLLECTION_EXISTS' });
    expect(reply(3)).toMatchObject({ ok: false, code: 'ANN_INVALID_OBJECT', field: 'spec.dimension' });
    expect(reply(4)).toMatchObject({ ok: true });
    await until('index in the map', () => mapped(object.metadata.name)?.payloadIndexes.length === 1);
    node.requestCollection(5, 'DELETE', 'My_Words');
    await until('gone from the map', () => mapped(object.metadata.name) === undefined);
    await until('its shard is collected', async () => (await list('Shard')).length === 4);
    // The same name again at once is a new collection.
    node.requestCollection(6, 'CREATE', 'My_Words', { dimension: 8, sharding: { shards: 1 } });
    await until('made again', () => mapped(object.metadata.name)?.tableVersion === 1);
    expect(mapped(object.metadata.name)).toMatchObject({ dimension: 8 });
    expect(mapped(object.metadata.name)?.uid).not.toBe(object.metadata.uid);
  });
});

describe('a lost volume', () => {
  test("a replica's copy is made anew; a primary's hands over first", async () => {
    const before = mappedShard('words-1');
    const primary = before.copies.find((copy) => copy.role === 'Primary')!;
    const replica = before.copies.find((copy) => copy.role === 'Replica')!;
    nodeOf(primary).report({ shard: 'words-1', allocationId: primary.allocationId, state: 'MISSING' });
    await until('new term', () => mappedShard('words-1').primaryTerm === 2);
    const after = mappedShard('words-1');
    expect(after.copies.find((copy) => copy.node === replica.node)).toMatchObject({
      role: 'Primary',
      allocationId: replica.allocationId,
    });
    const again = after.copies.find((copy) => copy.node === primary.node)!;
    expect(again).toMatchObject({ role: 'Joining', inSync: false });
    expect(again.allocationId).not.toBe(primary.allocationId);
  });

  test('the last in-sync copy stays, and the shard says why it is unavailable', async () => {
    const before = mappedShard('words-1');
    const primary = before.copies.find((copy) => copy.role === 'Primary')!;
    nodeOf(primary).report({
      shard: 'words-1',
      allocationId: primary.allocationId,
      state: 'MISSING',
      message: 'no folder',
    });
    await until('unavailable', async () => (await shard('words-1')).status?.phase === 'Unavailable');
    expect((await shard('words-1')).status?.message).toContain('last in-sync copy');
    expect(mappedShard('words-1').copies).toEqual(before.copies);
    await until('cluster says so', async () => /words-1: .*no folder/.test((await cluster()).status?.message ?? ''));
  });
});

test('deleting everything leaves nothing of ours', async () => {
  const { group, version } = RESOURCES.Collection;
  for (const json of await list('Collection')) {
    await server.store.delete(
      { group, version, resource: 'collections' },
      NAMESPACE,
      unwrap(parseCollection(json)).metadata.name,
    );
  }
  await server.store.delete({ group, version, resource: 'vectorclusters' }, NAMESPACE, 'ring');
  for (const kind of ['Shard', 'StatefulSet', 'Service', 'Secret', 'ConfigMap', 'NetworkPolicy'] as const) {
    await until(`no ${kind}`, async () => (await list(kind)).length === 0);
  }
  const connected = running.operator.metrics.registry.getSingleMetric('annulus_operator_nodes_connected');
  await until('streams hung up', async () => (await connected?.get())?.values[0]?.value === 0);
});
