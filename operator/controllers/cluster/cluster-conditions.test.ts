import { expect, test } from '@jest/globals';
import type { Shard } from '#crds/v1alpha1/index.ts';
import type { NodeState } from '../../failover/health.ts';
import { makeCluster, makeHealth, makePod, makeShard } from '../../testing/fixtures.ts';
import type { Verdict } from '../../conditions.ts';
import type { JsonObject } from '../../kube/json.ts';
import { judgeCluster } from './cluster-conditions.ts';

const NODES = ['ring-0', 'ring-1', 'ring-2'];

function degraded(states: Record<string, NodeState>, primary = 'ring-0', pod: JsonObject = {}): Verdict | undefined {
  const copies = ['ring-0', 'ring-1'].map((node) => ({
    node,
    role: node === primary ? ('Primary' as const) : ('Replica' as const),
    inSync: true,
    allocationId: node,
  }));
  const shard: Shard = makeShard({}, { primaryTerm: 1, configVersion: 2, primary, copies });
  const cluster = makeCluster();
  const verdicts = judgeCluster(
    {
      cluster,
      clusters: [cluster],
      children: new Map(),
      pods: NODES.map((_, ordinal) => makePod(ordinal, ordinal === 0 ? pod : {}, cluster)),
      sights: new Map(),
      health: makeHealth(NODES, states),
      shards: [shard],
      unreadable: [],
      moves: { wish: [], allowed: [], blocked: [] },
      config: {},
      podMonitors: false,
      publicKey: undefined,
      settled: () => true,
      now: 0,
    },
    undefined,
    [],
  );
  return verdicts.find((verdict) => verdict.type === 'Degraded');
}

test('a dead node that holds copies is named, with who says so, and whether writes go on', () => {
  expect(degraded({})).toMatchObject({ status: 'False' });
  expect(degraded({ 'ring-1': 'Dead' })).toMatchObject({
    status: 'True',
    reason: 'NodesDead',
    message: 'dead: ring-1 (a test says so); every shard has a living primary',
  });
  expect(degraded({ 'ring-0': 'Dead' })?.message).toBe(
    'dead: ring-0 (a test says so); 1 of 1 shards have no living primary',
  );
});

test("the words of Kubernetes on the dead node's pod stand beside it", () => {
  const waiting = { reason: 'CrashLoopBackOff', message: 'back-off 10s' };
  const crashed = { conditions: [], containerStatuses: [{ name: 'node-agent', state: { waiting } }] };
  expect(degraded({ 'ring-0': 'Dead' }, 'ring-1', crashed)?.message).toContain('Pod ring-0: CrashLoopBackOff');
});

test('a node that never held a copy is not there yet rather than dead', () => {
  expect(degraded({ 'ring-2': 'Dead' })).toMatchObject({ status: 'False' });
  expect(degraded({ 'ring-1': 'Suspect' })).toMatchObject({ status: 'False' });
});
