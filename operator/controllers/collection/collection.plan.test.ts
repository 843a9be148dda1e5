import { describe, expect, test } from '@jest/globals';
import type { Collection, CollectionStatus, Shard, ShardStatus } from '#crds/v1alpha1/index.ts';
import { parseShard } from '#crds/validate.ts';
import { makeCluster, makeCollection, makeShard, withStatus } from '../../testing/fixtures.ts';
import { planCollection, type CollectionInput, type CollectionPlan } from './collection.plan.ts';

const NOW = Date.parse('2026-01-01T00:01:00Z');
const input = (collection: Collection, change: Partial<CollectionInput> = {}): CollectionInput => ({
  collection,
  collections: [collection],
  clusters: [makeCluster()],
  shards: [],
  sight: { nodes: new Map(), sealedSince: () => undefined, tableSince: () => undefined },
  now: NOW,
  ...change,
});
const plan = (of: CollectionInput): CollectionPlan => planCollection(of, 0);

function written(of: CollectionPlan): CollectionStatus {
  const action = of.actions.find((candidate) => candidate.type === 'writeStatus');
  if (action === undefined) throw new Error('no status is written');
  return action.status;
}
/** The Shards that a plan applies, as the API server would hold them. */
function applied(of: CollectionPlan, status?: ShardStatus): Shard[] {
  return of.actions.flatMap((action) => {
    if (action.type !== 'applyShard') return [];
    const parsed = parseShard({ ...action.object, status });
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
    return [parsed.value];
  });
}
const reason = (status: CollectionStatus, type: string): string | undefined =>
  status.conditions?.find((condition) => condition.type === type)?.reason;

const up: ShardStatus = {
  primaryTerm: 1,
  points: 3,
  conditions: ['Available', 'FullyReplicated'].map((type) => ({
    type,
    status: 'True',
    reason: 'Fine',
    message: '',
    lastTransitionTime: '2026-01-01T00:00:00Z',
  })),
};

describe('shards', () => {
  test('cover every slot, belong to the collection, and are what the spec says', () => {
    const made = applied(plan(input(makeCollection({ sharding: { shards: 3 }, replicationFactor: 3 }))));
    expect(made.map(({ metadata, spec }) => [metadata.name, spec.slots.from, spec.slots.to])).toEqual([
      ['words-0', 0, 5460],
      ['words-1', 5461, 10_921],
      ['words-2', 10_922, 16_383],
    ]);
    expect(made[0]!.spec).toMatchObject({ cluster: 'ring', collection: 'words', replicationFactor: 3, minInSync: 2 });
    expect(made[0]!.metadata.ownerReferences).toMatchObject([
      { kind: 'Collection', uid: 'uid-words', controller: true },
    ]);
  });

  test.each([
    ['the default of the cluster', {}, makeCluster({ shards: 5 }), 5],
    ['one for Single', { sharding: { strategy: 'Single' as const, shards: 4 } }, makeCluster(), 1],
    ['one in a Replicated cluster', { sharding: { shards: 4 } }, makeCluster({ type: 'Replicated' }), 1],
    ['as many for Auto as for Hash', { sharding: { strategy: 'Auto' as const, shards: 4 } }, makeCluster(), 4],
  ])('are %s', (_name, spec, cluster, count) => {
    expect(applied(plan(input(makeCollection(spec), { clusters: [cluster] })))).toHaveLength(count);
  });

  test('of a collection on a Logical cluster are on its host', () => {
    const logical = makeCluster({ type: 'Logical', host: 'ring', shards: 1 }, 'tenant');
    const made = applied(plan(input(makeCollection({ cluster: 'tenant' }), { clusters: [makeCluster(), logical] })));
    expect(made.map((shard) => shard.spec.cluster)).toEqual(['ring']);
  });

  test('that were not made before the operator stopped are made', () => {
    const collection = makeCollection({ sharding: { shards: 3 } });
    const all = applied(plan(input(collection)));
    const made = plan(input(collection, { shards: [all[0]!, all[2]!] }));
    expect(applied(made).map((shard) => shard.metadata.name)).toEqual(['words-1']);
  });

  test('of a former collection of the same name must go first', () => {
    const former = makeShard();
    former.metadata.ownerReferences![0]!.uid = 'uid-of-the-former';
    const made = plan(input(makeCollection(), { shards: [former] }));
    expect(applied(made)).toEqual([]);
    expect(made.blocked[0]?.reason).toBe('OldShardsLeaving');
    expect(made.requeueAfterMs).toBeGreaterThan(0);
  });
});

describe('the routing table', () => {
  const collection = makeCollection({ sharding: { shards: 2 } });

  test('is written when every shard has its first term', () => {
    const shards = applied(plan(input(collection)), up);
    const waiting = [shards[0]!, withStatus(shards[1]!, { primaryTerm: 0, message: 'waiting for nodes' })];
    const before = written(plan(input(collection, { shards: waiting })));
    expect(before.routing).toBeUndefined();
    expect(before.message).toBe('1 of 2 shards created: waiting for nodes');
    const after = written(plan(input(collection, { shards })));
    expect(after).toMatchObject({
      routing: { version: 1, entries: [{ shard: 'words-0', slots: { from: 0, to: 8191 } }, { shard: 'words-1' }] },
      shards: 2,
      points: 6,
      message: '',
    });
  });

  test('a converged collection writes nothing', () => {
    const shards = applied(plan(input(collection)), up);
    const status = written(plan(input(collection, { shards })));
    const converged = input(withStatus(collection, status), { shards });
    expect(plan(converged)).toEqual({ actions: [], blocked: [] });
    expect(
      planCollection({ ...converged, shards: shards.map((s) => withStatus(s, { ...up, points: 9 })) }, NOW),
    ).toMatchObject({
      actions: [],
      requeueAfterMs: 15_000,
    });
  });
});

describe('refusals have names', () => {
  const refusal = (collection: Collection, change: Partial<CollectionInput> = {}): unknown => {
    const made = plan(input(collection, change));
    expect(applied(made)).toEqual([]);
    const accepted = written(made).conditions?.find((condition) => condition.type === 'Accepted');
    expect(accepted?.status).toBe('False');
    expect(written(made).message).toBe(accepted?.message);
    return accepted?.reason;
  };
  test('no cluster named, none of that name, a Logical one without host', () => {
    expect(refusal(makeCollection({ cluster: undefined }))).toBe('Unassigned');
    expect(refusal(makeCollection({ cluster: 'nowhere' }))).toBe('ClusterNotFound');
    const logical = makeCluster({ type: 'Logical', host: 'nowhere' }, 'tenant');
    expect(refusal(makeCollection({ cluster: 'tenant' }), { clusters: [logical] })).toBe('HostNotFound');
  });
  test('a strategy that is not built yet', () => {
    expect(refusal(makeCollection({ sharding: { strategy: 'Custom' } }))).toBe('NotYetSupported');
    expect(refusal(makeCollection({ sharding: { strategy: 'Content' } }))).toBe('NotYetSupported');
  });
  test('a name is taken by the older one only', () => {
    const older = makeCollection({ name: 'My Words' }, 'a');
    const younger = makeCollection({ name: 'My Words' }, 'b');
    younger.metadata.creationTimestamp = '2026-01-02T00:00:00Z';
    const collections = [younger, older];
    expect(refusal(younger, { collections })).toBe('NameTaken');
    expect(applied(plan(input(older, { collections })))).not.toEqual([]);
    // Not in another cluster.
    const elsewhere = makeCollection({ name: 'My Words', cluster: 'other' }, 'c');
    expect(applied(plan(input(older, { collections: [older, elsewhere] })))).not.toEqual([]);
  });
});

describe('changes of an existing collection', () => {
  const collection = makeCollection({ sharding: { shards: 2 } });
  const shards = applied(plan(input(collection)), up);
  const status = written(plan(input(collection, { shards })));

  test('another number of shards is noted before anything is made, and everything goes on', () => {
    const changed = withStatus(makeCollection({ sharding: { shards: 5 } }), status);
    const made = plan(input(changed, { shards }));
    expect(applied(made)).toEqual([]);
    expect(reason(written(made), 'Progressing')).toBe('Resharding');
    expect(written(made).resharding).toMatchObject({ phase: 'Preparing', sources: ['words-0', 'words-1'] });
    expect(reason(written(made), 'Available')).toBe('AllShardsAvailable');
    expect(written(made).routing).toEqual(status.routing);
  });

  test('another number of copies goes to the shards', () => {
    const changed = withStatus(makeCollection({ sharding: { shards: 2 }, replicationFactor: 3 }), status);
    const made = applied(plan(input(changed, { shards })));
    expect(made.map(({ spec }) => [spec.index, spec.replicationFactor, spec.minInSync])).toEqual([
      [0, 3, 2],
      [1, 3, 2],
    ]);
  });

  test('another host is blocked by name', () => {
    const other = makeCluster({}, 'other');
    const changed = withStatus(makeCollection({ sharding: { shards: 2 }, cluster: 'other' }), status);
    const made = plan(input(changed, { shards, clusters: [makeCluster(), other] }));
    expect(applied(made)).toEqual([]);
    expect(made.blocked[0]?.reason).toBe('MoveNeedsMigration');
  });

  test('a shard that is down is named', () => {
    const down = withStatus(shards[1]!, { ...up, conditions: [], message: 'no primary' });
    const made = written(plan(input(withStatus(collection, status), { shards: [shards[0]!, down] })));
    expect(made.message).toBe('1 of 2 shards not available; words-1: no primary');
  });

  test('a collection that is being deleted is left alone', () => {
    const leaving = makeCollection();
    leaving.metadata.deletionTimestamp = '2026-01-01T00:00:30Z';
    expect(plan(input(leaving)).actions).toEqual([]);
  });
});
