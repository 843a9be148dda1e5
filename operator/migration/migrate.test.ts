import { describe, expect, test } from '@jest/globals';
import type { Shard } from '#crds/v1alpha1/index.ts';
import { HANDOVER_LIMIT_MS, MOVE_PAUSE_MS } from './handover.ts';
import { backOffLeft } from './migration.ts';
import { TARGET_AWAY_MS } from './observe.ts';
import { copiesOf, TICK_MS, ToyCluster } from './toy-cluster.ts';

/** One shard of two copies on three nodes; which are its primary's, its replica's, and the free one. */
function settled(): { toy: ToyCluster; primary: string; replica: string; free: string } {
  const toy = new ToyCluster(3, 1, 2);
  expect(toy.settle()).toBe(true);
  const [first, second] = copiesOf(shardOf(toy)).map((copy) => copy.node);
  const free = [...toy.nodes.keys()].find((name) => name !== first && name !== second);
  toy.events.length = 0;
  return { toy, primary: first!, replica: second!, free: free! };
}

const shardOf = (toy: ToyCluster): Shard => toy.shards[0]!;
const move = (toy: ToyCluster): NonNullable<NonNullable<Shard['status']>['migration']> =>
  shardOf(toy).status!.migration!;
const ask = (toy: ToyCluster, from: string, to: string): void =>
  toy.annotate(0, { 'annulus.dev/migrate': `${from}:${to}` });
const holders = (toy: ToyCluster): string[] => copiesOf(shardOf(toy)).map((copy) => copy.node);
const condition = (toy: ToyCluster, type: string): unknown => {
  const found = shardOf(toy).status?.conditions?.find((one) => one.type === type);
  return found && [found.status, found.reason];
};

/** Ticks until it holds. */
function until(toy: ToyCluster, holds: () => boolean): void {
  for (let ticks = 0; ticks < 300; ticks++) {
    if (holds()) return;
    toy.tick();
  }
  throw new Error('it did not come to be');
}

describe('a move by hand', () => {
  test('of the primary goes through its phases, hands over, and ends', () => {
    const { toy, primary, replica, free } = settled();
    ask(toy, primary, free);
    const phases: string[] = [];
    for (let ticks = 0; ticks < 30; ticks++) {
      toy.tick();
      const { phase } = move(toy);
      if (phases.at(-1) !== phase) phases.push(phase);
    }
    expect(phases).toEqual(['Preparing', 'Copying', 'Switching', 'Cleanup', 'Complete']);
    expect(toy.events).toEqual(['MigrationStarted', 'HandoverStarted', 'PrimaryHandedOver', 'MigrationCompleted']);
    expect(holders(toy).sort()).toEqual([replica, free].sort());
    expect(shardOf(toy).status).toMatchObject({ primary: free, primaryTerm: 2, phase: 'Active' });
    expect(shardOf(toy).status?.handoverTo).toBeUndefined();
    expect(move(toy)).toMatchObject({ reason: 'Manual', copiedPoints: 400, totalPoints: 400 });
    expect(condition(toy, 'Pinned')).toEqual(['True', 'MovedByHand']);
    expect(toy.broken).toEqual([]);
  });

  test('ends well whichever of its writes the operator dies before', () => {
    for (let fatal = 0; fatal < 25; fatal++) {
      const { toy, primary, free } = settled();
      let writes = 0;
      toy.crash = () => (writes++ === fatal ? 'before' : undefined);
      ask(toy, primary, free);
      expect(toy.settle()).toBe(true);
      expect(toy.broken).toEqual([]);
      expect(move(toy).phase).toBe('Complete');
      expect(holders(toy)).not.toContain(primary);
    }
  });

  test('is rolled back when the annotation goes, and nothing is left of it', () => {
    const { toy, replica, free } = settled();
    const before = holders(toy);
    ask(toy, replica, free);
    until(toy, () => shardOf(toy).status?.migration?.phase === 'Copying');
    toy.annotate(0, {});
    expect(toy.settle()).toBe(true);
    expect(holders(toy)).toEqual(before);
    expect(move(toy)).toMatchObject({ phase: 'Failed', message: expect.stringContaining('cancelled') });
    // That is no failure: it may be asked for again at once.
    expect(backOffLeft(move(toy), toy.now)).toBe(0);
  });

  test('that makes no sense is refused by name, once in an event', () => {
    const { toy, primary, replica } = settled();
    ask(toy, primary, replica);
    for (let ticks = 0; ticks < 5; ticks++) toy.tick();
    expect(toy.events).toEqual(['MigrationRefused']);
    expect(condition(toy, 'Pinned')).toEqual(['False', 'TargetHasCopy']);
  });
});

test('pin cancels a move that the planner began, and no other begins', () => {
  const { toy, replica } = settled();
  toy.annotateCluster({ 'annulus.dev/drain': replica });
  until(toy, () => shardOf(toy).status?.migration?.phase === 'Copying');
  toy.annotate(0, { 'annulus.dev/pin': 'true' });
  expect(toy.settle()).toBe(true);
  expect(toy.events).toEqual(['MigrationStarted', 'MigrationCancelled']);
  expect(holders(toy)).toContain(replica);
  expect(condition(toy, 'Pinned')).toEqual(['True', 'PinnedByAnnotation']);
});

test('a target that dies fails the move; it is tried again after a pause that grows', () => {
  const { toy, replica, free } = settled();
  ask(toy, replica, free);
  until(toy, () => shardOf(toy).status?.migration?.phase === 'Copying');
  toy.setUp(free, false);
  until(toy, () => move(toy).phase === 'Failed');
  expect(holders(toy)).not.toContain(free);
  expect(move(toy)).toMatchObject({ attempts: 1, message: expect.stringContaining(free) });
  const endedAt = Date.parse(move(toy).endedAt!);
  const pause = backOffLeft(move(toy), endedAt);
  expect(pause).toBeGreaterThanOrEqual(30_000);
  expect(backOffLeft({ ...move(toy), attempts: 2 }, endedAt)).toBe(2 * pause);
  // Written by a clock that is an hour ahead.
  expect(backOffLeft(move(toy), endedAt - 3_600_000)).toBe(0);
  toy.setUp(free, true);
  expect(toy.settle()).toBe(true);
  expect(move(toy)).toMatchObject({ phase: 'Complete' });
  expect(move(toy).attempts).toBeUndefined();
  expect(holders(toy)).toContain(free);
});

test('when the source dies the new copy takes its place', () => {
  const { toy, primary, replica, free } = settled();
  ask(toy, primary, free);
  until(toy, () => shardOf(toy).status?.migration?.phase === 'Copying');
  toy.setUp(primary, false);
  expect(toy.settle()).toBe(true);
  expect(holders(toy).sort()).toEqual([replica, free].sort());
  expect(toy.broken).toEqual([]);
});

test('when another copy is lost meanwhile both the old and the new one stay', () => {
  const { toy, primary, replica, free } = settled();
  toy.deaf = true;
  ask(toy, primary, free);
  until(toy, () => shardOf(toy).status?.handoverTo === free);
  toy.setUp(replica, false);
  until(toy, () => copiesOf(shardOf(toy)).find((copy) => copy.node === replica)?.inSync !== true);
  toy.deaf = false;
  for (let ticks = 0; ticks < TARGET_AWAY_MS / TICK_MS + 60; ticks++) toy.tick();
  const living = copiesOf(shardOf(toy))
    .filter((copy) => copy.inSync)
    .map((copy) => copy.node);
  expect(living.sort()).toEqual([primary, free].sort());
  expect(toy.broken).toEqual([]);
});

test('a primary that does not hand over is unsealed after the limit, tried again after a pause, and the move is called stalled', () => {
  const { toy, primary, free } = settled();
  toy.deaf = true;
  ask(toy, primary, free);
  until(toy, () => shardOf(toy).status?.handoverTo === free);
  const version = shardOf(toy).status!.configVersion!;
  let sealed = 0;
  for (let ms = 0; ms < HANDOVER_LIMIT_MS + MOVE_PAUSE_MS; ms += TICK_MS) {
    if (shardOf(toy).status?.handoverTo !== undefined) sealed += TICK_MS;
    toy.tick();
  }
  expect(sealed).toBeLessThanOrEqual(HANDOVER_LIMIT_MS + TICK_MS);
  expect(toy.events).toContain('HandoverGivenUp');
  expect(shardOf(toy).status!.configVersion).toBeGreaterThan(version);
  until(toy, () => condition(toy, 'Stalled')?.toString() === 'True,MigrationStalled');
  expect(shardOf(toy).status?.message).toContain('hand');
  expect(holders(toy)).toContain(primary);
  toy.deaf = false;
  expect(toy.settle()).toBe(true);
  expect(move(toy).phase).toBe('Complete');
});

test('a paused cluster keeps its move and unseals its primary', () => {
  const { toy, primary, free } = settled();
  toy.deaf = true;
  ask(toy, primary, free);
  until(toy, () => shardOf(toy).status?.handoverTo === free);
  toy.cluster = { ...toy.cluster, spec: { ...toy.cluster.spec, paused: true } };
  toy.tick();
  expect(shardOf(toy).status?.handoverTo).toBeUndefined();
  expect(move(toy).phase).toBe('Switching');
});

test('a clock that was an hour ahead does not keep a move in its last phase', () => {
  const { toy, replica, free } = settled();
  toy.keepsFiles = true;
  ask(toy, replica, free);
  until(toy, () => shardOf(toy).status?.migration?.phase === 'Cleanup');
  for (let ticks = 0; ticks < 10; ticks++) toy.tick();
  expect(move(toy).phase).toBe('Cleanup');
  const ahead = new Date(toy.now + 3_600_000).toISOString();
  toy.change(0, (shard) => ({
    ...shard,
    status: { ...shard.status!, migration: { ...move(toy), progressAt: ahead } },
  }));
  toy.tick();
  expect(move(toy).phase).toBe('Complete');
});

test('annotation annulus.dev/primary hands the primary over', () => {
  const { toy, replica } = settled();
  toy.annotate(0, { 'annulus.dev/primary': replica });
  expect(toy.settle()).toBe(true);
  expect(shardOf(toy).status?.primary).toBe(replica);
  expect(toy.events).toEqual(['HandoverStarted', 'PrimaryHandedOver']);
});
