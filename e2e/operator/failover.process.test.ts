import { availableParallelism, loadavg } from 'node:os';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { MapCopy } from '#model/cluster-map.ts';
import { applyManifests, parseManifests } from '#local/manifests.ts';
import type { FakeNode } from '#operator/testing/fake-node.ts';
import { asObject, until } from '#operator/testing/fixtures.ts';
import { NAMESPACE, OperatorRig } from './rig.ts';

const NODES = 5;
const SHARDS = 8;
const YAML = `
apiVersion: annulus.dev/v1alpha1
kind: VectorCluster
metadata: { name: ring }
spec: { type: Sharded, nodes: ${NODES}, replicationFactor: 3 }
---
apiVersion: annulus.dev/v1alpha1
kind: Collection
metadata: { name: words }
spec: { cluster: ring, dimension: 4, sharding: { shards: ${SHARDS} } }
`;
/** From the report that makes a majority to the map with the new primaries on every living node; a busy machine gets longer. */
const PROMOTION_LIMIT_MS = loadavg()[0]! < 2 * availableParallelism() ? 500 : 2_500;
const DEAD = 'DEAD' as const;

const rig = new OperatorRig('127.77.34');
beforeAll(async () => {
  await rig.start();
  await applyManifests(rig.server.store, parseManifests(YAML));
  await until('StatefulSet', () =>
    rig.get('StatefulSet', 'ring').then(
      () => true,
      () => false,
    ),
  );
  for (let ordinal = 0; ordinal < NODES; ordinal++) await rig.startPod(ordinal);
  await until('routing', async () => (await rig.collection('words')).status?.routing?.version === 1, 20_000);
  await rig.quiet();
}, 60_000);
afterAll(() => rig.stop());

const shards = (): { name: string; primaryTerm: number; copies: MapCopy[] }[] => rig.mapped('words')?.shards ?? [];
const primaryOf = (shard: { copies: MapCopy[] }): MapCopy => shard.copies.find((copy) => copy.role === 'Primary')!;
const node = (name: string): FakeNode => rig.nodes.find((one) => one.options.node === name)!;
const others = (...names: string[]): FakeNode[] => rig.nodes.filter((one) => !names.includes(one.options.node));
/** A node with a primary, which is not the one whose map the rig looks at. */
const victims = (): string[] =>
  [...new Set(shards().map((shard) => primaryOf(shard).node))].filter((name) => name !== 'ring-0');

test('a node whose stream is lost keeps its primaries while the others call it alive', async () => {
  const [victim] = victims();
  const before = rig.mapped('words');
  node(victim!).cut();
  for (const one of others(victim!)) one.believe({ [victim!]: 'SUSPECT' });
  await new Promise((resolve) => setTimeout(resolve, 500));
  for (const one of others(victim!)) one.believe({});
  await until('connected again', () => node(victim!).hellos.length === 2);
  expect(rig.mapped('words')).toEqual(before);
});

test('a majority calls a node dead: every shard of it has another primary in time, in the API and on the nodes', async () => {
  const [victim] = victims();
  const orphans = shards().filter((shard) => primaryOf(shard).node === victim);
  expect(orphans.length).toBeGreaterThan(0);
  const terms = new Map(shards().map((shard) => [shard.name, shard.primaryTerm]));
  const [first, second, third, fourth] = others(victim!);
  node(victim!).stop();
  first!.believe({ [victim!]: DEAD });
  second!.believe({ [victim!]: DEAD });
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(shards().every((shard) => shard.primaryTerm === terms.get(shard.name))).toBe(true);

  const started = performance.now();
  third!.believe({ [victim!]: DEAD });
  const isDone = (of: FakeNode): boolean => {
    const mapped = of.map?.collections.find((one) => one.object === 'words')?.shards ?? [];
    return mapped.length === SHARDS && mapped.every((shard) => primaryOf(shard).node !== victim);
  };
  await until('new primaries', () => [first!, second!, third!, fourth!].every(isDone));
  const took = performance.now() - started;
  process.stdout.write(`promotion of ${orphans.length} shards: ${took.toFixed(0)} ms\n`);
  expect(took).toBeLessThan(PROMOTION_LIMIT_MS);
  for (const { name, primaryTerm } of shards()) {
    const orphan = orphans.find((one) => one.name === name);
    expect(primaryTerm).toBe((terms.get(name) ?? 0) + (orphan === undefined ? 0 : 1));
    if (orphan === undefined) continue;
    const old = (await rig.shard(name)).status?.copies?.find((copy) => copy.node === victim);
    expect(old).toMatchObject({ role: 'Joining', inSync: false, allocationId: primaryOf(orphan).allocationId });
  }
  const failovers = await rig.operator.metrics.failovers.get();
  expect(failovers.values).toMatchObject([{ labels: { cluster: `${NAMESPACE}/ring` }, value: orphans.length }]);
  await until('cluster says so', async () => /^dead: /.test((await rig.cluster()).status?.message ?? ''));
  const events = (await rig.list('Event')).map(asObject);
  const changed = events.filter((event) => event['reason'] === 'PrimaryChanged');
  expect(changed).toHaveLength(orphans.length);
  expect(JSON.stringify(changed[0])).toContain(`${victim} (primary) is dead (3 of 5 nodes call it dead)`);
});

test('an operator that starts anew with a node dead since does the same, once it has heard a majority', async () => {
  const dead = (await rig.cluster()).status?.message?.match(/^dead: (ring-\d)/)?.[1] ?? '';
  await rig.stopOperator();
  const second = victims().find((name) => name !== dead)!;
  const living = others(dead, second);
  for (const one of living) one.believe({ [dead]: DEAD, [second]: DEAD });
  node(second).stop();
  const orphans = shards()
    .filter((shard) => primaryOf(shard).node === second)
    .map(({ name }) => name);
  expect(orphans.length).toBeGreaterThan(0);
  await rig.startOperator();
  // Two deaths among five: a shard may have its last living copy still to be asked for.
  const done = (): boolean => shards().every((shard) => ![dead, second].includes(primaryOf(shard).node));
  await until('connected', () => living.every((one) => one.connected && one.hellos.length > 1));
  for (const one of living) one.believe({ [dead]: DEAD, [second]: DEAD });
  await until('new primaries', done, 5_000);
});

test('a removal waits while a node is doubted, and is granted when it is dead', async () => {
  const [shard] = shards().filter((one) => one.copies.filter((copy) => copy.inSync).length >= 2);
  if (shard === undefined) throw new Error('no shard with two in-sync copies');
  const primary = primaryOf(shard);
  const replica = shard.copies.find((copy) => copy.role === 'Replica')!;
  const asker = node(primary.node);
  const living = rig.nodes.filter((one) => one.connected && one.options.node !== replica.node);
  const gone = rig.nodes.filter((one) => !one.connected).map((one) => one.options.node);
  const deaths = Object.fromEntries(gone.map((name) => [name, DEAD]));
  for (const one of living) one.believe({ ...deaths, [replica.node]: 'SUSPECT' });
  await new Promise((resolve) => setTimeout(resolve, 200));
  const { configVersion } = rig.mappedShard(shard.name);
  const replies = asker.copyReplies.length;
  asker.requestCopy({
    requestId: 77,
    shard: shard.name,
    term: rig.mappedShard(shard.name).primaryTerm,
    configVersion,
    node: replica.node,
    allocationId: replica.allocationId,
    action: 'REMOVE_FROM_IN_SYNC',
    reason: 'silent',
  });
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(asker.copyReplies).toHaveLength(replies);
  // Its pod is killed too: of five nodes only two are left to speak, so this is Kubernetes' to say.
  node(replica.node).stop();
  const terminated = { exitCode: 137, reason: 'Error' };
  await rig.setPod(replica.node, {
    containerStatuses: [{ name: 'node-agent', state: { terminated } }],
    conditions: [],
  });
  await until('granted', () => asker.copyReplies.length === replies + 1, 12_000);
  expect(asker.copyReplies.at(-1)).toMatchObject({ requestId: 77, ok: true });
});
