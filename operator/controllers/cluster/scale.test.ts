import { expect, test } from '@jest/globals';
import type { Shard, VectorClusterStatus } from '#crds/v1alpha1/index.ts';
import { NO_HEALTH } from '../../failover/health.ts';
import { at } from '../../kube/json.ts';
import type { KubeObject } from '../../kube/object.ts';
import type { Plan } from '../../placement/types.ts';
import { makeCluster, makePod, makeShard } from '../../testing/fixtures.ts';
import type { ClusterInput } from './cluster-input.ts';
import { planCluster, type ClusterPlan } from './cluster.plan.ts';

const NO_MOVES: Plan = { wish: [], allowed: [], blocked: [] };

/** A cluster whose StatefulSet has so many replicas; 0 for none yet. */
function scaled(wanted: number, present: number, shards: Shard[], moves: Plan = NO_MOVES): ClusterPlan {
  const cluster = makeCluster({ nodes: wanted });
  const set: KubeObject = {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'ring' },
    spec: { replicas: present },
  };
  const input: ClusterInput = {
    cluster,
    clusters: [cluster],
    children: new Map(present === 0 ? [] : [['StatefulSet/ring', set]]),
    pods: Array.from({ length: Math.max(wanted, present) }, (_, ordinal) => makePod(ordinal)),
    sights: new Map(),
    shards,
    unreadable: [],
    moves,
    config: {},
    podMonitors: false,
    health: NO_HEALTH,
    publicKey: 'a2V5',
    settled: () => false,
    now: Date.parse('2026-01-01T00:01:00Z'),
  };
  return planCluster(input, 0);
}

const on = (...nodes: string[]): Shard =>
  makeShard(
    { replicationFactor: nodes.length },
    {
      primaryTerm: 1,
      copies: nodes.map((node, i) => ({
        node,
        role: i === 0 ? 'Primary' : 'Replica',
        inSync: true,
        allocationId: node,
      })),
    },
  );

function replicas(plan: ClusterPlan): unknown {
  const sets = plan.actions.flatMap((one) =>
    one.type === 'applyChild' && one.object.kind === 'StatefulSet' ? [one] : [],
  );
  return at(sets[0]?.object, 'spec', 'replicas');
}

function progressing(plan: ClusterPlan): unknown {
  const write = plan.actions.find((action) => action.type === 'writeStatus');
  const status: VectorClusterStatus | undefined = write?.status;
  const found = status?.conditions?.find((condition) => condition.type === 'Progressing');
  return [found?.status, found?.reason];
}

test('nodes stay while they hold copies, and the condition counts them', () => {
  const drain = { kind: 'Drain', shard: 'words-0', from: 'ring-3', to: 'ring-1' } as const;
  const plan = scaled(3, 5, [on('ring-0', 'ring-3')], {
    wish: [drain],
    allowed: [],
    blocked: [{ move: drain, reason: 'MigrationBudgetReached' }],
  });
  expect(replicas(plan)).toBe(4);
  expect(progressing(plan)).toEqual(['False', 'NodesHoldCopies']);
  expect(plan.blocked[0]?.message).toBe(
    '3 nodes wanted: ring-3 still holds 1 copies, 0 of them on the move; waiting: 1 MigrationBudgetReached',
  );
});

test('a move in its cleanup still needs its node', () => {
  const shard = on('ring-0', 'ring-1');
  shard.status!.migration = { from: 'ring-3', to: 'ring-1', phase: 'Cleanup', reason: 'Drain' };
  const plan = scaled(3, 4, [shard]);
  expect(replicas(plan)).toBe(4);
  expect(progressing(plan)).toEqual(['True', 'NodesHoldCopies']);
  shard.status!.migration = { from: 'ring-3', to: 'ring-1', phase: 'Complete', reason: 'Drain' };
  expect(replicas(scaled(3, 4, [shard]))).toBe(3);
});

test('fewer nodes than copies of a shard are refused', () => {
  const plan = scaled(2, 4, [on('ring-0', 'ring-1', 'ring-2')]);
  expect(replicas(plan)).toBe(4);
  expect(plan.blocked[0]?.reason).toBe('ReplicasWouldNotFit');
  expect(progressing(plan)).toEqual(['False', 'ReplicasWouldNotFit']);
  expect(replicas(scaled(3, 4, [on('ring-0', 'ring-1', 'ring-2')]))).toBe(3);
});

test('a cluster made again with fewer nodes than hold copies gets those nodes back first', () => {
  expect(replicas(scaled(2, 0, [on('ring-0', 'ring-3')]))).toBe(4);
  expect(replicas(scaled(2, 0, [on('ring-0', 'ring-1')]))).toBe(2);
});

test('a cluster that always had fewer nodes than copies wanted is no scale down', () => {
  const plan = scaled(1, 1, [makeShard({ replicationFactor: 2 }, on('ring-0').status)]);
  expect(replicas(plan)).toBe(1);
  expect(plan.blocked.map(({ reason }) => reason)).not.toContain('ReplicasWouldNotFit');
});
