import { describe, expect, test } from '@jest/globals';
import type { Shard, ShardCopy } from '#crds/v1alpha1/index.ts';
import { evenSlots } from '#model/slot.ts';
import { makeCluster, makeShard } from '../../testing/fixtures.ts';
import { NO_HEALTH, type ClusterHealth } from '../../failover/health.ts';
import {
  advise as adviseOn,
  blockOf,
  PATIENCE_MS,
  SETTLE_MS,
  type AdviceInput,
  type AdviceNode,
  type ClusterAdvice,
} from './placement-advice.ts';
import { DEAD_FOR_GOOD_MS } from './placement-nodes.ts';

const NOW = 1_000_000;
const advise = (input: Omit<AdviceInput, 'health'>, health: ClusterHealth = NO_HEALTH): ClusterAdvice =>
  adviseOn({ health, ...input });
const nodes = (connected: number, of = 3, since = 0): AdviceNode[] =>
  Array.from({ length: of }, (_, i) => ({ name: `ring-${i}`, zone: '', connected: i < connected, since }));
const fresh = (count: number): Shard[] => evenSlots(count).map((slots, index) => makeShard({ index, slots }));
const placed = (index: number, ...on: string[]): Shard =>
  makeShard(
    { index },
    {
      primaryTerm: 1,
      copies: on.map((node, i): ShardCopy => ({
        node,
        role: i === 0 ? 'Primary' : 'Replica',
        inSync: true,
        allocationId: node,
      })),
    },
  );

describe('first copies', () => {
  test('all shards are spread when all nodes are there', () => {
    const { byShard } = advise({ cluster: makeCluster(), nodes: nodes(3), shards: fresh(6), now: NOW });
    const loads = new Map<string, number>();
    for (const advice of byShard.values()) {
      expect(new Set(advice.first).size).toBe(2);
      for (const node of advice.first) loads.set(node, (loads.get(node) ?? 0) + 1);
    }
    expect([...loads.values()]).toEqual([4, 4, 4]);
  });

  test('a shard gets the same place whether its sisters are placed already or not', () => {
    const cluster = makeCluster();
    const all = advise({ cluster, nodes: nodes(3), shards: fresh(4), now: NOW });
    const one = all.byShard.get('words-0')!.first;
    const shards = [placed(0, ...one), ...fresh(4).slice(1)];
    const rest = advise({ cluster, nodes: nodes(3), shards, now: NOW });
    expect(rest.byShard.get('words-0')!.first).toEqual([]);
    for (const name of ['words-1', 'words-2', 'words-3']) {
      expect(new Set(rest.byShard.get(name)!.first)).toEqual(new Set(all.byShard.get(name)!.first));
    }
  });

  test('wait for nodes that are on their way, but not for ever', () => {
    const at = (connected: number, quietMs: number): unknown => {
      const input = { cluster: makeCluster(), nodes: nodes(connected, 3, NOW - quietMs), shards: fresh(1), now: NOW };
      const { first, blocked, askAgainMs } = advise(input).byShard.get('words-0')!;
      return [first.length, blocked[0]?.reason, askAgainMs];
    };
    expect(at(0, PATIENCE_MS)).toEqual([0, 'WaitingForNodes', undefined]);
    expect(at(2, SETTLE_MS - 1)).toEqual([0, 'WaitingForNodes', 1]);
    expect(at(2, SETTLE_MS)).toEqual([2, undefined, undefined]);
    expect(at(1, PATIENCE_MS - 1)).toEqual([0, 'WaitingForNodes', 1]);
    expect(at(1, PATIENCE_MS)).toEqual([1, undefined, undefined]);
    expect(at(3, 0)).toEqual([2, undefined, undefined]);
  });
});

describe('later', () => {
  test('a missing copy goes to a connected node, a copy too many goes away', () => {
    const shards = [placed(0, 'ring-0'), placed(1, 'ring-0', 'ring-1', 'ring-2')];
    const { byShard } = advise({ cluster: makeCluster(), nodes: nodes(3), shards, now: NOW });
    expect(byShard.get('words-0')!.add).toHaveLength(1);
    expect(['ring-1', 'ring-2']).toContain(byShard.get('words-0')!.add[0]);
    expect(byShard.get('words-1')!.remove).toHaveLength(1);
  });

  test('without a free node it says so', () => {
    const { byShard } = advise({ cluster: makeCluster(), nodes: nodes(1), shards: [placed(0, 'ring-0')], now: NOW });
    expect(byShard.get('words-0')).toMatchObject({ add: [], blocked: [{ reason: 'NotEnoughNodes' }] });
  });

  test('recoveries under way use up the budget', () => {
    const joining = (index: number): Shard => {
      const shard = placed(index, 'ring-0', 'ring-1');
      shard.status!.copies![1] = { node: 'ring-1', role: 'Joining', inSync: false, allocationId: 'x' };
      return shard;
    };
    const shards = [joining(0), joining(1), placed(2, 'ring-0')];
    const { byShard } = advise({ cluster: makeCluster(), nodes: nodes(3), shards, now: NOW });
    expect(byShard.get('words-2')).toMatchObject({ add: [], blocked: [{ reason: 'MigrationBudgetReached' }] });
  });

  test('a copy whose node is only away is not made elsewhere', () => {
    const { byShard } = advise({
      cluster: makeCluster(),
      nodes: nodes(2),
      shards: [placed(0, 'ring-0', 'ring-2')],
      now: NOW,
    });
    expect(byShard.get('words-0')).toEqual({ first: [], add: [], remove: [], blocked: [] });
  });

  test('a drain may start, and names both nodes', () => {
    const cluster = makeCluster({ nodes: 2 });
    const { plan, byShard } = advise({ cluster, nodes: nodes(3), shards: [placed(0, 'ring-0', 'ring-2')], now: NOW });
    const drain = plan.wish.find((move) => move.kind === 'Drain')!;
    expect(drain).toMatchObject({ from: 'ring-2', to: 'ring-1' });
    expect(blockOf(drain, plan)).toBeUndefined();
    expect(byShard.get('words-0')).toMatchObject({ add: [], remove: [], move: drain });
  });

  test('a dead node is replaced after a while, at once where writes wait for it', () => {
    const at = (deadForMs: number, minInSync: number): string[] => {
      const shard = placed(0, 'ring-0', 'ring-2');
      shard.spec.minInSync = minInSync;
      const dead = { state: 'Dead', since: NOW - deadForMs, why: 'test' } as const;
      const health = { majority: true, nodes: new Map([['ring-2', dead]]) };
      const advice = advise({ cluster: makeCluster(), nodes: nodes(2), shards: [shard], now: NOW }, health);
      return advice.byShard.get('words-0')!.add;
    };
    expect(at(DEAD_FOR_GOOD_MS - 1, 1)).toEqual([]);
    expect(at(DEAD_FOR_GOOD_MS, 1)).toEqual(['ring-1']);
    expect(at(0, 2)).toEqual(['ring-1']);
  });

  test('cordon keeps copies, drain gives them away', () => {
    const shards = [placed(0, 'ring-0', 'ring-1')];
    const under = (annotations: Record<string, string>): unknown => {
      const cluster = makeCluster();
      cluster.metadata.annotations = annotations;
      return advise({ cluster, nodes: nodes(3), shards, now: NOW }).byShard.get('words-0')!.move;
    };
    expect(under({ 'annulus.dev/cordon': 'ring-0, ring-1' })).toBeUndefined();
    expect(under({ 'annulus.dev/drain': 'ring-1' })).toMatchObject({ kind: 'Drain', from: 'ring-1', to: 'ring-2' });
    expect(under({ 'annulus.dev/drain': 'ring-1', 'annulus.dev/cordon': 'ring-2' })).toBeUndefined();
  });

  test.each([
    ['ring-0', 'MalformedAnnotation'],
    ['ring-0:ring-0', 'SameNode'],
    ['ring-0:ring-9', 'UnknownNode'],
    ['ring-2:ring-1', undefined],
    ['ring-2:ring-0', undefined],
    ['ring-0:ring-1', 'TargetHasCopy'],
  ])('a move by hand "%s" is refused as %s', (text, reason) => {
    const shard = placed(0, 'ring-0', 'ring-1');
    shard.metadata.annotations = { 'annulus.dev/migrate': text };
    const { manual, move } = advise({ cluster: makeCluster(), nodes: nodes(3), shards: [shard], now: NOW }).byShard.get(
      'words-0',
    )!;
    expect(move).toBeUndefined();
    expect(manual?.kind === 'refused' ? manual.reason : undefined).toBe(reason);
  });

  test('a move by hand may start, and its copy stays where it was put', () => {
    const shard = placed(0, 'ring-0', 'ring-1');
    shard.metadata.annotations = { 'annulus.dev/migrate': 'ring-1:ring-2' };
    const wanted = advise({ cluster: makeCluster(), nodes: nodes(3), shards: [shard], now: NOW }).byShard.get(
      'words-0',
    )!;
    expect(wanted.move).toEqual({ kind: 'Manual', shard: 'words-0', from: 'ring-1', to: 'ring-2' });
    const there = placed(0, 'ring-0', 'ring-2');
    there.metadata.annotations = shard.metadata.annotations;
    const cluster = makeCluster();
    cluster.metadata.annotations = { 'annulus.dev/drain': 'ring-2' };
    expect(advise({ cluster, nodes: nodes(3), shards: [there], now: NOW }).byShard.get('words-0')!).toMatchObject({
      manual: { kind: 'done' },
      blocked: [{ reason: 'Pinned' }],
    });
  });

  test('20,000 shards are advised in seconds', () => {
    const many = Array.from({ length: 20_000 }, (_, index) =>
      placed(index, `ring-${index % 50}`, `ring-${(index + 1) % 50}`),
    );
    many.forEach((shard, index) => void (shard.metadata.name = `words-${index}`));
    const start = performance.now();
    advise({ cluster: makeCluster({ nodes: 51 }), nodes: nodes(51, 51), shards: many, now: NOW });
    expect(performance.now() - start).toBeLessThan(10_000);
  });
});
