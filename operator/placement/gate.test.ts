import { describe, expect, test } from '@jest/globals';
import { planMoves } from './planner.ts';
import { copyOn, newShards, nodeOf, nodesOf, placed, SETTINGS, shardOf } from './test-cluster.ts';
import type { Plan, PlacementNode, PlacementSettings, PlacementShard, RunningMigration } from './types.ts';

function plan(
  nodes: PlacementNode[],
  shards: PlacementShard[],
  settings: Partial<PlacementSettings> = {},
  running: RunningMigration[] = [],
): Plan {
  return planMoves({ nodes, shards, settings: { ...SETTINGS, ...settings }, running });
}

const drainFirst = (count: number): PlacementNode[] =>
  nodesOf(count, 1).map((node, index) => ({ ...node, draining: index === 0 }));

describe('named reasons', () => {
  test('MigrationBudgetReached: running migrations count', () => {
    const shards = placed(nodesOf(3, 1), newShards(9, 2));
    const free = plan(drainFirst(3), shards);
    expect(free.allowed).toHaveLength(2);
    expect(new Set(free.blocked.map(({ reason }) => reason))).toEqual(new Set(['MigrationBudgetReached']));
    const [first] = free.allowed;
    if (first?.from === undefined || first.to === undefined) throw new Error('a drain names both nodes');
    const busy = plan(drainFirst(3), shards, {}, [{ shard: first.shard, from: first.from, to: first.to }]);
    expect(busy.allowed).toHaveLength(1);
    expect(busy.wish).toHaveLength(free.wish.length - 1);
  });

  test('NotEnoughNodes: more copies wanted than nodes can hold', () => {
    expect(plan(nodesOf(2, 1), [shardOf('s', ['n-0', 'n-1'], 3)])).toEqual({
      wish: [{ kind: 'Repair', shard: 's' }],
      allowed: [],
      blocked: [{ move: { kind: 'Repair', shard: 's' }, reason: 'NotEnoughNodes' }],
    });
    expect(plan(drainFirst(2), [shardOf('s', ['n-0', 'n-1'])]).blocked).toEqual([
      { move: { kind: 'Drain', shard: 's', from: 'n-0' }, reason: 'NotEnoughNodes' },
    ]);
  });

  test('Pinned: a pinned copy does not leave even a draining node', () => {
    const shard = shardOf('s', ['n-0', 'n-1']);
    const pinned = { ...shard, copies: shard.copies.map((copy) => ({ ...copy, pinned: true })) };
    expect(plan(drainFirst(3), [pinned]).blocked).toEqual([
      { move: { kind: 'Drain', shard: 's', from: 'n-0', to: 'n-2' }, reason: 'Pinned' },
    ]);
  });

  test('LastInSyncReplica: not moved while the other copy catches up, never removed', () => {
    const joining = { ...copyOn('n-1'), role: 'Joining' as const, inSync: false };
    const shard = { ...shardOf('s', ['n-0'], 2), copies: [copyOn('n-0', true), joining] };
    expect(plan(drainFirst(3), [shard]).blocked[0]?.reason).toBe('LastInSyncReplica');
    const pinnedLaggard = {
      ...shard,
      replicationFactor: 1,
      copies: [copyOn('n-0', true), { ...joining, pinned: true }],
    };
    expect(plan(nodesOf(3, 1), [pinnedLaggard]).blocked).toEqual([
      { move: { kind: 'Remove', shard: 's', from: 'n-0' }, reason: 'LastInSyncReplica' },
    ]);
  });

  test('a single copy may migrate: its successor is in sync before it goes', () => {
    expect(plan(drainFirst(2), [shardOf('s', ['n-0'])]).allowed).toEqual([
      { kind: 'Drain', shard: 's', from: 'n-0', to: 'n-1' },
    ]);
  });

  test('NoInSyncCopy: nothing to copy from', () => {
    const nodes = [nodeOf('n-0', 'a', { dead: true }), nodeOf('n-1', 'a'), nodeOf('n-2', 'a')];
    const stale = { ...copyOn('n-1'), inSync: false };
    const shard = { ...shardOf('s', [], 2), copies: [copyOn('n-0', true), stale] };
    expect(plan(nodes, [shard]).blocked).toEqual([
      { move: { kind: 'Repair', shard: 's', from: 'n-0', to: 'n-2' }, reason: 'NoInSyncCopy' },
    ]);
  });

  test('ShardIsMigrating: one change of a shard at a time', () => {
    const nodes = [nodeOf('n-0', 'a'), nodeOf('n-1', 'a'), nodeOf('n-2', 'a')];
    const result = plan(nodes, [shardOf('s', ['n-0'], 3)]);
    expect(result.allowed).toHaveLength(1);
    expect(result.blocked.map(({ reason }) => reason)).toEqual(['ShardIsMigrating']);
  });

  test('AutomaticRebalanceOff: balance waits for a person, repairs do not', () => {
    const shards = placed(nodesOf(3, 1), newShards(30, 2));
    const off = plan(nodesOf(4, 1), shards, { automatic: false });
    expect(off.wish.length).toBeGreaterThan(0);
    expect(off.allowed).toEqual([]);
    expect(new Set(off.blocked.map(({ reason }) => reason))).toEqual(new Set(['AutomaticRebalanceOff']));
    const dead = nodesOf(4, 1).map((node, index) => ({ ...node, dead: index === 0 }));
    expect(plan(dead, shards, { automatic: false }).allowed.map((move) => move.kind)).toEqual(['Repair', 'Repair']);
  });
});

describe('urgency', () => {
  test('repairs come before drains, and the shard with the fewest copies first', () => {
    const nodes = [nodeOf('n-0', 'a', { draining: true }), ...nodesOf(5, 1).slice(1)];
    const shards = [
      shardOf('drained', ['n-0', 'n-1']),
      shardOf('two-left', ['n-1', 'n-2'], 3),
      shardOf('one-left', ['n-3'], 2),
    ];
    expect(
      plan(nodes, shards)
        .wish.slice(0, 3)
        .map((move) => `${move.kind} ${move.shard}`),
    ).toEqual(['Repair one-left', 'Repair two-left', 'Drain drained']);
  });

  test('a surplus copy goes at once, a draining one or a laggard before others, the primary last', () => {
    const surplus = shardOf('s', ['n-0', 'n-1', 'n-2'], 2);
    expect(plan(drainFirst(3), [surplus]).allowed).toEqual([{ kind: 'Remove', shard: 's', from: 'n-0' }]);
    const laggard = { ...surplus, copies: surplus.copies.map((copy) => ({ ...copy, inSync: copy.node !== 'n-1' })) };
    expect(plan(nodesOf(3, 1), [laggard]).allowed).toEqual([{ kind: 'Remove', shard: 's', from: 'n-1' }]);
    expect(plan(nodesOf(3, 1), [surplus], { maxConcurrentMigrations: 1 }).allowed[0]?.from).not.toBe('n-0');
  });

  test('a copy on a lost node is given up only when all wanted copies are in sync without it', () => {
    const shard = { ...shardOf('s', ['n-0', 'n-1', 'n-9']), replicationFactor: 2 };
    expect(plan(nodesOf(3, 1), [shard]).allowed).toEqual([{ kind: 'Remove', shard: 's', from: 'n-9' }]);
    const behind = { ...shard, copies: shard.copies.map((copy) => ({ ...copy, inSync: copy.node !== 'n-1' })) };
    expect(plan(nodesOf(3, 1), [behind]).wish).toEqual([]);
  });

  test('a running migration is seen as done: its shard has neither a surplus nor a missing copy', () => {
    const shard = shardOf('s', ['n-0', 'n-1', 'n-2'], 2);
    expect(plan(nodesOf(3, 1), [shard], {}, [{ shard: 's', from: 'n-0', to: 'n-2' }]).wish).toEqual([]);
  });
});
