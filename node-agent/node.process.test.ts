import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { comparePointIds } from '#model/point-id.ts';
import type { ReadOptions } from './routing/router.ts';
import { TestCluster, until } from './testing/test-cluster.ts';

const READ: ReadOptions = { timeoutMs: 10_000, consistency: 'one' };
const WRITE = { timeoutMs: 10_000 };
const FIELDS = { payload: true, vector: false };
const POINTS = 400;

const vector = (id: number): Float32Array => Float32Array.from([Math.cos(id), Math.sin(id), id / POINTS, 1]);
const points = Array.from({ length: POINTS }, (_, id) => ({ id, vector: vector(id), payload: `{"rank":${id}}` }));

describe('three nodes, four shards, one copy', () => {
  let cluster: TestCluster;

  beforeAll(async () => {
    cluster = await TestCluster.create(3);
    await cluster.startAll();
    cluster.operator.start();
    cluster.operator.addCollection({ name: 'points', shards: 4, copies: 1, dimension: 4, metric: 'Euclid' });
    await until('the collection is ready', () =>
      [...cluster.nodes.values()].every((node) => node.maps.collection('points')?.tableVersion === 1),
    );
  });
  afterAll(() => cluster.stop());

  test('what is written on one node is found on every other', async () => {
    await cluster.node('ring-0').router.write('points', [{ type: 'upsert', points }], WRITE);
    for (const node of cluster.nodes.values()) {
      expect(await node.router.count('points', null, READ)).toBe(POINTS);
      const [hits] = await node.router.search(
        'points',
        [{ vector: vector(7), limit: 5, offset: 0, exact: true, filter: null, fields: FIELDS }],
        READ,
      );
      const nearest = points
        .map(({ id, vector: own }) => ({ id, distance: Math.hypot(...own.map((x, i) => x - vector(7)[i]!)) }))
        .sort((a, b) => a.distance - b.distance || comparePointIds(a.id, b.id))
        .slice(0, 5);
      expect(hits!.map((hit) => hit.id)).toEqual(nearest.map((point) => point.id));
      expect(hits![0]).toMatchObject({ id: 7, score: 0, payload: '{"rank":7}' });
    }
  });

  test('pages of a scroll join without gap or overlap', async () => {
    const seen: unknown[] = [];
    for (let from: unknown = null, page = 0; page < 100; page++) {
      const { points: found, next } = await cluster
        .node('ring-2')
        .router.scroll('points', { from: from as number | null, limit: 37, filter: null, fields: FIELDS }, READ);
      seen.push(...found.map((point) => point.id));
      if (next === null) break;
      from = next;
    }
    expect(seen).toEqual(points.map((point) => point.id));
  });

  test('an update of an unknown id writes nothing anywhere', async () => {
    const { router } = cluster.node('ring-1');
    const ids = [1, 2, 3, 4, 5, 6, 999_999];
    await expect(
      router.write('points', [{ type: 'setPayload', select: { ids }, payload: '{"x":1}' }], WRITE),
    ).rejects.toMatchObject({ code: 'ANN_POINT_NOT_FOUND' });
    const found = await router.retrieve('points', ids, FIELDS, READ);
    expect(found.map((point) => point.payload)).toEqual(ids.slice(0, 6).map((id) => `{"rank":${id}}`));
  });

  test('a collection made and deleted through a node', async () => {
    const { admin, router } = cluster.node('ring-1');
    await admin.create('made', { dimension: 3 }, WRITE);
    await router.write(
      'made',
      [{ type: 'upsert', points: [{ id: 1, vector: new Float32Array(3), payload: null }] }],
      WRITE,
    );
    expect((await router.stats('made', READ)).points).toBe(1);
    await admin.delete('made', WRITE);
    expect(() => router.collection('made')).toThrow('there is no collection "made"');
  });
});
