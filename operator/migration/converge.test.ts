import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { copiesOf, ToyCluster } from './toy-cluster.ts';

function settled(nodes: number, shards: number, replicationFactor: number, budget = 2): ToyCluster {
  const toy = new ToyCluster(nodes, shards, replicationFactor, budget);
  expect(toy.settle()).toBe(true);
  toy.starts = 0;
  return toy;
}

const loads = (toy: ToyCluster): number[] => [...toy.nodes.keys()].map((name) => toy.load(name));

/** Everything that must hold when nothing has happened for long. */
function expectQuiet(toy: ToyCluster): void {
  expect(toy.broken).toEqual([]);
  expect(toy.moving).toBe(0);
  expect(toy.advice!.plan.wish.filter((move) => move.to !== undefined || move.kind === 'Remove')).toEqual([]);
  for (const shard of toy.shards) {
    expect(copiesOf(shard).every((copy) => copy.inSync)).toBe(true);
    expect(shard.status?.handoverTo).toBeUndefined();
  }
}

describe('scaling', () => {
  test('a node that joins four gets its share in at most 1.2 times the fewest moves', () => {
    const toy = settled(4, 25, 2);
    toy.scale(5);
    expect(toy.settle()).toBe(true);
    expectQuiet(toy);
    expect(toy.starts).toBeLessThanOrEqual(12);
    expect(Math.max(...loads(toy))).toBeLessThanOrEqual(12);
    expect(Math.min(...loads(toy))).toBeGreaterThanOrEqual(8);
  });

  test('a drain moves only what is on the leaving nodes, and only then are they gone', () => {
    const toy = settled(5, 20, 2);
    const mine = toy.load('ring-3') + toy.load('ring-4');
    toy.scale(3);
    toy.tick();
    expect(toy.nodes.size).toBe(5);
    expect(toy.settle()).toBe(true);
    expectQuiet(toy);
    expect(toy.nodes.size).toBe(3);
    // A shard with both of its copies there moves both.
    expect(toy.starts).toBe(mine);
  });

  test('a scale down that is taken back goes no further', () => {
    const toy = settled(3, 12, 2);
    toy.scale(2);
    for (let i = 0; i < 5; i++) toy.tick();
    expect(toy.moving).toBeGreaterThan(0);
    toy.scale(3);
    expect(toy.settle()).toBe(true);
    expectQuiet(toy);
    expect(toy.nodes.size).toBe(3);
    expect(Math.max(...loads(toy)) - Math.min(...loads(toy))).toBeLessThanOrEqual(2);
  });

  test('one that would not fit drains nothing', () => {
    const toy = settled(3, 12, 2);
    toy.scale(1);
    expect(toy.settle()).toBe(true);
    expect(toy.starts).toBe(0);
    expect(toy.nodes.size).toBe(3);
    expect(toy.broken).toEqual([]);
  });
});

test('a lower replicationFactor leaves every node with the same number of copies, give or take one', () => {
  const toy = settled(5, 20, 3);
  toy.shards.forEach((_, index) => toy.replicate(index, 2));
  expect(toy.settle()).toBe(true);
  expectQuiet(toy);
  expect(Math.max(...loads(toy)) - Math.min(...loads(toy))).toBeLessThanOrEqual(1);
});

type Happening = { at: number; node: number; shard: number } & (
  | { what: 'down' | 'up' | 'cordon' | 'drain' | 'pin' | 'unpin' | 'byHand' }
  | { what: 'scale' | 'replicate'; to: number }
);

const happening: fc.Arbitrary<Happening> = fc
  .record({
    at: fc.integer({ min: 0, max: 120 }),
    node: fc.nat(5),
    shard: fc.nat(20),
    to: fc.integer({ min: 1, max: 6 }),
    what: fc.constantFrom(
      ...([
        'down',
        'down',
        'down',
        'up',
        'up',
        'cordon',
        'drain',
        'scale',
        'scale',
        'replicate',
        'pin',
        'unpin',
        'byHand',
      ] as const),
    ),
  })
  .map((each) => each);

function happen(toy: ToyCluster, { what, node, shard, ...rest }: Happening): void {
  const name = `ring-${node}`;
  const to = 'to' in rest ? rest.to : 1;
  switch (what) {
    case 'down':
    case 'up':
      return toy.setUp(name, what === 'up');
    case 'cordon':
    case 'drain':
      return toy.annotateCluster({ [`annulus.dev/${what}`]: name });
    case 'scale':
      return toy.scale(to);
    case 'replicate':
      return toy.replicate(shard, Math.min(to, 3));
    case 'pin':
      return toy.annotate(shard, { 'annulus.dev/pin': 'true' });
    case 'unpin':
      return toy.annotate(shard, {});
    case 'byHand': {
      const from = copiesOf(toy.shards[shard % toy.shards.length]!)[0]?.node ?? 'ring-0';
      return toy.annotate(shard, { 'annulus.dev/migrate': `${from}:${name}` });
    }
  }
}

/** Runs happenings, then puts everything right, and waits for quiet. */
function runThrough(happenings: Happening[], crashes: (() => 'before' | undefined) | undefined): ToyCluster {
  const toy = settled(4, 6, 2);
  if (crashes !== undefined) toy.crash = crashes;
  const byTick = Map.groupBy(happenings, (each) => each.at);
  for (let tick = 0; tick <= 120; tick++) {
    for (const each of byTick.get(tick) ?? []) happen(toy, each);
    toy.tick();
  }
  toy.crash = () => undefined;
  toy.annotateCluster({});
  toy.scale(4);
  toy.shards.forEach((_, index) => toy.annotate(index, {}));
  for (const name of toy.nodes.keys()) toy.setUp(name, true);
  expect(toy.settle()).toBe(true);
  return toy;
}

/** Shrinking takes minutes: the seed in the failure's text does that again by hand. */
const BOUNDED = { numRuns: 20, endOnFailure: true, interruptAfterTimeLimit: 30_000 };

describe('whatever happens', () => {
  test('copies stay, the budget holds, and it ends in quiet', () => {
    fc.assert(
      fc.property(fc.array(happening, { minLength: 1, maxLength: 25 }), (happenings) => {
        expectQuiet(runThrough(happenings, undefined));
      }),
      BOUNDED,
    );
  });

  test('also with an operator that dies before half of its writes', () => {
    fc.assert(
      fc.property(
        fc.array(happening, { minLength: 1, maxLength: 15 }),
        fc.infiniteStream(fc.boolean()),
        (happenings, lots) => {
          const lot = lots[Symbol.iterator]();
          expectQuiet(runThrough(happenings, () => (lot.next().value === true ? 'before' : undefined)));
        },
      ),
      BOUNDED,
    );
  });
});
