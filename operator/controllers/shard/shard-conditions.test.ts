import { expect, test } from '@jest/globals';
import { NO_HEALTH } from '../../failover/health.ts';
import type { Condition, ShardCopy } from '#crds/v1alpha1/index.ts';
import { makeCluster, makeReport, makeShard, makeSight } from '../../testing/fixtures.ts';
import { configOf } from './config.ts';
import { AWAY_GRACE_MS, judgeShard } from './shard-conditions.ts';

const NOW = 1_000_000;

/** FullyReplicated of a shard on ring-0 and ring-1, when ring-1 has been away for a time. */
function replicated(role: ShardCopy['role'], awayMs: number): Partial<Condition> {
  const inSync = role === 'Replica';
  const copies: ShardCopy[] = [
    { node: 'ring-0', role: 'Primary', inSync: true, allocationId: 'id-0' },
    { node: 'ring-1', role, inSync, allocationId: 'id-1' },
  ];
  const shard = makeShard({}, { primaryTerm: 1, configVersion: 2, copies });
  const report = makeReport({ shard: shard.metadata.name, allocationId: 'id-0', state: 'READY' });
  const gone = { node: 'ring-1', connected: false, since: NOW - awayMs, podReady: false };
  const nodes = new Map([
    ['ring-0', makeSight('ring-0', report)],
    ['ring-1', gone],
  ]);
  const verdicts = judgeShard(configOf(shard), {
    shard,
    cluster: makeCluster(),
    nodes,
    health: NO_HEALTH,
    placement: { first: [], add: [], remove: [], blocked: [] },
    requests: [],
    newIds: [],
    recoveries: new Map(),
    now: NOW,
  });
  return verdicts.find((verdict) => verdict.type === 'FullyReplicated')!;
}

test('a copy on a node that is away does not count as replicated, whoever wrote last', () => {
  expect(replicated('Replica', AWAY_GRACE_MS - 1)).toMatchObject({ status: 'True', reason: 'AllInSync' });
  expect(replicated('Replica', AWAY_GRACE_MS)).toEqual({
    type: 'FullyReplicated',
    status: 'False',
    reason: 'NodeAway',
    message: 'the copy on ring-1 cannot be reached: its node is not ready',
  });
});

test('why a joining copy does not get on is said', () => {
  expect(replicated('Joining', AWAY_GRACE_MS).message).toBe(
    '1 of 2 copies in sync; ring-1 joining; node ring-1 is not ready',
  );
});
