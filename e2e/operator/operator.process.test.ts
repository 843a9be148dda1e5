import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { applyManifests, parseManifests } from '#local/manifests.ts';
import { applyStatus } from '#operator/kube/apply.ts';
import { isConflict } from '#operator/kube/errors.ts';
import { RESOURCES } from '#operator/kube/resources.ts';
import { asObject, until } from '#operator/testing/fixtures.ts';
import { NAMESPACE, OperatorRig } from './rig.ts';

const NODES = 3;
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

const rig = new OperatorRig();
beforeAll(() => rig.start());
afterAll(() => rig.stop());

describe('from one YAML file to a routed collection', () => {
  test('the cluster gets its child objects, and says that its nodes are starting', async () => {
    await applyManifests(rig.server.store, parseManifests(YAML));
    await until('StatefulSet', () =>
      rig.get('StatefulSet', 'ring').then(
        () => true,
        () => false,
      ),
    );
    for (const kind of ['ServiceAccount', 'PodDisruptionBudget', 'NetworkPolicy', 'Service'] as const)
      await rig.get(kind, 'ring');
    for (const kind of ['Secret', 'ConfigMap', 'Service'] as const) {
      await rig.get(kind, { Secret: 'ring-keys', ConfigMap: 'ring-config', Service: 'ring-nodes' }[kind]);
    }
    await until('status', async () => (await rig.cluster()).status?.message === 'no node is ready yet');
    await until(
      'shards wait',
      async () => (await rig.shard('words-3')).status?.message === `waiting for nodes: 0 of ${NODES} are connected`,
    );
    expect((await rig.collection('words')).status?.routing).toBeUndefined();
  });

  test('a pod that cannot run is told in the words of Kubernetes', async () => {
    await rig.startPod(0);
    const waiting = { reason: 'ImagePullBackOff', message: 'Back-off pulling image "annulus:latest"' };
    await rig.setPod('ring-0', { conditions: [], containerStatuses: [{ name: 'node-agent', state: { waiting } }] });
    const words = 'Pod ring-0: ImagePullBackOff: Back-off pulling image "annulus:latest"';
    await until('condition', async () => (await rig.cluster()).status?.message === words);
    await rig.setPod('ring-0', { conditions: [{ type: 'Ready', status: 'True' }], containerStatuses: [] });
  });

  test('shards are placed when the nodes are there, become active, and the table is written', async () => {
    for (let ordinal = 1; ordinal < NODES; ordinal++) await rig.startPod(ordinal);
    await until('routing', async () => (await rig.collection('words')).status?.routing?.version === 1);
    await until('phase', async () => (await rig.cluster()).status?.phase === 'Available');
    expect((await rig.cluster()).status).toMatchObject({ nodes: { desired: 3, ready: 3 }, shards: { summary: '4/4' } });
    const loads = new Map<string, number>();
    for (let index = 0; index < 4; index++) {
      const { status } = await rig.shard(`words-${index}`);
      expect(status).toMatchObject({ primaryTerm: 1, phase: 'Active', inSync: '2/2' });
      for (const { node } of status?.copies ?? []) loads.set(node, (loads.get(node) ?? 0) + 1);
    }
    expect([...loads.values()].toSorted()).toEqual([2, 3, 3]);
  });

  test('every node has the map that the API says, and never had one that it did not say', async () => {
    await rig.quiet();
    const { mapVersion } = (await rig.cluster()).status ?? {};
    for (const node of rig.nodes) {
      expect(node.map?.version).toBe(mapVersion);
      const versions = node.maps.map((map) => map.version);
      expect(versions).toEqual(versions.toSorted((a, b) => a - b));
    }
    expect(rig.mapped('words')).toMatchObject({ tableVersion: 1, name: 'words', replicationFactor: 2 });
  });
});

describe('a converged cluster', () => {
  test('writes nothing, though nodes go on reporting', async () => {
    await rig.quiet();
    const before = rig.writes.length;
    for (let i = 0; i < 4; i++) {
      for (const node of rig.nodes) {
        const copies = rig.nodes[0]!.map!.collections.flatMap((one) => one.shards).flatMap((one) =>
          one.copies
            .filter((copy) => copy.node === node.options.node)
            .map(({ allocationId }) => ({ shard: one.name, allocationId, state: 'READY' as const, term: 1 })),
        );
        node.report(...copies);
      }
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    expect(rig.writes.slice(before)).toEqual([]);
  });

  test('an operator that starts anew writes nothing and sends the same map', async () => {
    const { resourceVersion } = (await rig.cluster()).metadata;
    const { mapVersion } = (await rig.cluster()).status ?? {};
    await rig.stopOperator();
    await rig.startOperator();
    await until('nodes dialled again', () => rig.nodes.every((node) => node.hellos.length === 2 && node.connected));
    await until('map sent', () => rig.nodes.every((node) => node.map?.version === mapVersion));
    await rig.quiet();
    expect(rig.writes).toEqual([]);
    expect((await rig.cluster()).metadata.resourceVersion).toBe(resourceVersion);
  });

  test('puts back what someone changed by hand', async () => {
    const services = { group: '', version: 'v1', resource: 'services' };
    await rig.server.store.patch(services, NAMESPACE, 'ring', { spec: { selector: { wrong: 'pods' } } });
    await until('service restored', async () => {
      const selector = asObject(asObject((await rig.get('Service', 'ring'))['spec'])['selector']);
      return selector['app.kubernetes.io/component'] === 'node';
    });
    await rig.quiet();
  });
});

test('an API server that goes away and comes back is found again, and nothing was lost', async () => {
  const { port } = rig.server;
  await rig.server.close();
  // A report that would be written: the write fails, and is made when it can be.
  const copy = rig.mappedShard('words-2').copies.find((one) => one.role === 'Replica')!;
  rig.nodeOf(copy).report({ shard: 'words-2', allocationId: copy.allocationId, state: 'MISSING' });
  await new Promise((resolve) => setTimeout(resolve, 300));
  await rig.startServer(port);
  const allocation = (): string | undefined =>
    rig.mappedShard('words-2').copies.find((one) => one.node === copy.node)?.allocationId;
  await until('copy made anew', () => allocation() !== copy.allocationId, 20_000);
  const { configVersion } = (await rig.shard('words-2')).status ?? {};
  expect(configVersion).toBe(rig.mappedShard('words-2').configVersion);
});

describe('requests of nodes', () => {
  test('a replica leaves the in-sync set in the API before the primary hears so, and comes back', async () => {
    const before = rig.mappedShard('words-0');
    const primary = before.copies.find((copy) => copy.role === 'Primary')!;
    const replica = before.copies.find((copy) => copy.role === 'Replica')!;
    const request = {
      shard: 'words-0',
      term: 1,
      node: replica.node,
      allocationId: replica.allocationId,
      reason: 'too slow',
    };
    const node = rig.nodeOf(primary);
    node.requestCopy({ ...request, requestId: 1, configVersion: before.configVersion, action: 'REMOVE_FROM_IN_SYNC' });
    await until('reply', () => node.copyReplies.length === 1);
    const removed = await rig.shard('words-0');
    expect(node.copyReplies[0]).toEqual({
      requestId: 1,
      ok: true,
      reason: '',
      configVersion: before.configVersion + 1,
    });
    expect(removed.status).toMatchObject({ configVersion: before.configVersion + 1, inSync: '1/2' });
    await until('map', () => rig.mappedShard('words-0').configVersion === before.configVersion + 1);
    node.requestCopy({ ...request, requestId: 2, configVersion: before.configVersion, action: 'ADD_TO_IN_SYNC' });
    await until('reply', () => node.copyReplies.length === 2);
    expect(node.copyReplies[1]).toMatchObject({ ok: false, reason: 'StaleConfigVersion' });
    node.requestCopy({ ...request, requestId: 3, configVersion: before.configVersion + 1, action: 'ADD_TO_IN_SYNC' });
    await until('reply', () => node.copyReplies.length === 3);
    expect((await rig.shard('words-0')).status).toMatchObject({
      configVersion: before.configVersion + 2,
      inSync: '2/2',
    });
  });

  test('a collection is created, indexed and deleted as one object', async () => {
    const node = rig.nodes[1]!;
    node.requestCollection(1, 'CREATE', 'My_Words', { dimension: 4, sharding: { shards: 1 } });
    await until('created', () => node.collectionReplies.length === 1);
    expect(node.collectionReplies[0]).toMatchObject({ ok: true });
    const object = (await rig.collections()).find((one) => one.spec.name === 'My_Words')!;
    await until('in the map', () => rig.mapped(object.metadata.name)?.tableVersion === 1);
    node.requestCollection(2, 'CREATE', 'My_Words', { dimension: 4 });
    node.requestCollection(3, 'CREATE', 'bad', { dimension: 0 });
    node.requestCollection(4, 'UPDATE', 'My_Words', { payloadIndexes: [{ field: 'a', type: 'keyword' }] });
    await until('answers', () => node.collectionReplies.length === 4);
    const reply = (id: number): unknown => node.collectionReplies.find((one) => one.requestId === id);
    expect(reply(2)).toMatchObject({ ok: false, code: 'ANN_COLLECTION_EXISTS' });
    expect(reply(3)).toMatchObject({ ok: false, code: 'ANN_INVALID_OBJECT', field: 'spec.dimension' });
    expect(reply(4)).toMatchObject({ ok: true });
    await until('index in the map', () => rig.mapped(object.metadata.name)?.payloadIndexes.length === 1);
    node.requestCollection(5, 'DELETE', 'My_Words');
    await until('gone from the map', () => rig.mapped(object.metadata.name) === undefined);
    await until('its shard is collected', async () => (await rig.list('Shard')).length === 4);
    // The same name again at once is a new collection.
    node.requestCollection(6, 'CREATE', 'My_Words', { dimension: 8, sharding: { shards: 1 } });
    await until('made again', () => rig.mapped(object.metadata.name)?.tableVersion === 1);
    expect(rig.mapped(object.metadata.name)).toMatchObject({ dimension: 8 });
    expect(rig.mapped(object.metadata.name)?.uid).not.toBe(object.metadata.uid);
  });
});

test('a status that was decided from an old object is refused', async () => {
  const { apiVersion, kind, metadata } = await rig.shard('words-0');
  const stale = { apiVersion, kind, metadata: { ...metadata, resourceVersion: '1' } };
  const write = applyStatus(rig.api, RESOURCES.Shard, stale, { primaryTerm: 99 });
  const refusal: unknown = await write.catch((error: unknown) => error);
  expect(isConflict(refusal)).toBe(true);
  expect((await rig.shard('words-0')).status?.primaryTerm).toBe(1);
});

describe('a lost volume', () => {
  test("a replica's copy is made anew; a primary's hands over first", async () => {
    const before = rig.mappedShard('words-1');
    const primary = before.copies.find((copy) => copy.role === 'Primary')!;
    const replica = before.copies.find((copy) => copy.role === 'Replica')!;
    rig.nodeOf(primary).report({ shard: 'words-1', allocationId: primary.allocationId, state: 'MISSING' });
    await until('new term', () => rig.mappedShard('words-1').primaryTerm === 2);
    const after = rig.mappedShard('words-1');
    expect(after.copies.find((copy) => copy.node === replica.node)).toMatchObject({
      role: 'Primary',
      allocationId: replica.allocationId,
    });
    const again = after.copies.find((copy) => copy.node === primary.node)!;
    expect(again).toMatchObject({ role: 'Joining', inSync: false });
    expect(again.allocationId).not.toBe(primary.allocationId);
  });

  test('the last in-sync copy stays, and the shard says why it is unavailable', async () => {
    const before = rig.mappedShard('words-1');
    const primary = before.copies.find((copy) => copy.role === 'Primary')!;
    rig.nodeOf(primary).report({
      shard: 'words-1',
      allocationId: primary.allocationId,
      state: 'MISSING',
      message: 'no folder',
    });
    await until('unavailable', async () => (await rig.shard('words-1')).status?.phase === 'Unavailable');
    expect((await rig.shard('words-1')).status?.message).toContain('last in-sync copy');
    expect(rig.mappedShard('words-1').copies).toEqual(before.copies);
    await until('cluster says so', async () =>
      /words-1: .*no folder/.test((await rig.cluster()).status?.message ?? ''),
    );
  });
});

test('deleting everything leaves nothing of ours', async () => {
  const { group, version } = RESOURCES.Collection;
  for (const { metadata } of await rig.collections()) {
    await rig.server.store.delete({ group, version, resource: 'collections' }, NAMESPACE, metadata.name);
  }
  await rig.server.store.delete({ group, version, resource: 'vectorclusters' }, NAMESPACE, 'ring');
  for (const kind of ['Shard', 'StatefulSet', 'Service', 'Secret', 'ConfigMap', 'NetworkPolicy'] as const) {
    await until(`no ${kind}`, async () => (await rig.list(kind)).length === 0);
  }
  const connected = rig.operator.metrics.registry.getSingleMetric('annulus_operator_nodes_connected');
  await until('streams hung up', async () => (await connected?.get())?.values[0]?.value === 0);
});
