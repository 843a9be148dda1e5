import { describe, expect, test } from '@jest/globals';
import type { Resharding, Shard } from '#crds/v1alpha1/index.ts';
import { evenSlots } from '#model/slot.ts';
import type { CopyReport, FeedReport } from '#proto/control-messages.ts';
import type { NodeSight } from '../control/sights.ts';
import { makeCollection, makeReport, makeShard, makeSight } from '../testing/fixtures.ts';
import { FAILED_RETRY_MS, planResharding, SWITCH_GRACE_MS } from './plan.ts';
import { SEAL_MAX_MS } from './switch-table.ts';
import type { ReshardingInput, ReshardingPlan } from './types.ts';
import { wantedCount } from './wanted.ts';

const NOW = Date.parse('2026-01-01T00:10:00Z');
const SECONDS_AGO = (seconds: number): string => new Date(NOW - seconds * 1_000).toISOString();
const ENTRIES = evenSlots(2).map((slots, i) => ({ shard: `words-${i}`, slots }));
const TARGETS = ['words-2', 'words-3', 'words-4', 'words-5'];

function placed(index: number, spec: Partial<Shard['spec']>): Shard {
  const copies = [{ node: 'ring-0', role: 'Primary' as const, inSync: true, allocationId: `a-${index}` }];
  return makeShard({ index, replicationFactor: 1, ...spec }, { primaryTerm: 3, configVersion: 3, copies, points: 10 });
}
const sources = ENTRIES.map(({ slots }, index) => placed(index, { slots }));
const targets = evenSlots(4).map((slots, i) => placed(i + 2, { slots, sources: [`words-${i >> 1}`] }));

const resharding = (change: Partial<Resharding> = {}): Resharding => ({
  phase: 'Copying',
  from: 2,
  to: 4,
  sources: ['words-0', 'words-1'],
  targets: TARGETS,
  startedAt: SECONDS_AGO(100),
  progressAt: SECONDS_AGO(1),
  ...change,
});
const feed = (change: Partial<FeedReport> = {}): FeedReport => ({
  source: 'words-0',
  phase: 'ready',
  seqNo: 50,
  term: 3,
  copiedPoints: 5,
  totalPoints: 5,
  failure: '',
  ...change,
});
const source = (index: number, change: Partial<CopyReport> = {}): CopyReport =>
  makeReport({
    shard: `words-${index}`,
    allocationId: `a-${index}`,
    state: 'READY',
    term: 3,
    seqNo: 50,
    checkpoint: 50,
    ...change,
  });
const target = (i: number, change: Partial<FeedReport> = {}): CopyReport =>
  makeReport({
    shard: `words-${i + 2}`,
    allocationId: `a-${i + 2}`,
    state: 'READY',
    term: 3,
    feeds: [feed({ source: `words-${i >> 1}`, ...change })],
  });
const READY = [source(0), source(1), ...TARGETS.map((_, i) => target(i))];
const DRAINED = [source(0, { drained: true }), source(1, { drained: true }), ...READY.slice(2)];

function sights(copies: CopyReport[], mapVersion = 20): Map<string, NodeSight> {
  const sight = makeSight('ring-0', ...copies);
  sight.report!.mapVersion = mapVersion;
  return new Map([['ring-0', sight]]);
}

function plan(
  status: Resharding | undefined,
  change: Partial<ReshardingInput> = {},
  routing = ENTRIES,
): ReshardingPlan {
  const collection = makeCollection();
  const given = status === undefined ? {} : { resharding: status };
  return planResharding({
    collection: { ...collection, status: { routing: { version: 1, entries: routing }, ...given } },
    shards: [...sources, ...targets],
    wanted: 4,
    template: { cluster: 'ring', collection: 'words', replicationFactor: 2, minInSync: 1 },
    nodes: sights(READY),
    sealedSince: () => 15,
    tableSince: () => 18,
    now: NOW,
    ...change,
  });
}

describe('begin', () => {
  test('the names are noted first, and counted on; the shards are made from the note', () => {
    const begun = plan(undefined, { shards: sources });
    expect(begun).toMatchObject({ create: [], resharding: { phase: 'Preparing', from: 2, to: 4, targets: TARGETS } });
    const made = plan(begun.resharding, { shards: sources });
    expect(made.create.map(({ index, slots, sources: from }) => [index, slots.from, from])).toEqual([
      [2, 0, ['words-0']],
      [3, 4096, ['words-0']],
      [4, 8192, ['words-1']],
      [5, 12_288, ['words-1']],
    ]);
  });
  test('those that a crash left out are made', () => {
    expect(plan(resharding(), { shards: [...sources, targets[1]!] }).create.map((spec) => spec.index)).toEqual([
      2, 4, 5,
    ]);
  });
  test('a merge reads every shard that has some of its slots', () => {
    const merged = plan(undefined, { shards: sources, wanted: 1 });
    expect(plan(merged.resharding, { shards: sources, wanted: 1 }).create[0]?.sources).toEqual(['words-0', 'words-1']);
  });
  test('nothing is begun while frozen, or when nothing else is wanted', () => {
    expect(plan(undefined, { frozen: 'x' }).resharding).toBeUndefined();
    expect(plan(undefined, { wanted: 2 }).resharding).toBeUndefined();
  });
});

describe('fill', () => {
  test.each([
    ['Copying', target(0, { phase: 'copying' })],
    ['Syncing', target(0, { phase: 'syncing' })],
    ['Verifying', target(0, { phase: 'verifying' })],
  ])('%s is the phase of the slowest, which is named', (phase, slow) => {
    const made = plan(resharding(), { nodes: sights([...READY.slice(0, 2), slow, ...READY.slice(3)]) });
    expect(made.resharding).toMatchObject({ phase, copiedPoints: 20, message: expect.stringContaining('words-2') });
  });
  test('a primary that is not heard is named', () => {
    expect(plan(resharding(), { nodes: sights(READY.slice(0, 5)) }).resharding?.message).toContain(
      'ring-0, the primary of shard words-5',
    );
  });
  test('when all are ready and close the old shards are sealed', () => {
    expect(plan(resharding()).resharding).toMatchObject({ phase: 'Switching', attempts: 1 });
  });
  test('not while one is far behind, or a primary is about to change', () => {
    const ahead = sights([source(0, { checkpoint: 9_000 }), ...READY.slice(1)]);
    expect(plan(resharding(), { nodes: ahead }).resharding?.message).toContain(
      'words-2 to catch up with shard words-0',
    );
    const moving = { ...sources[0]!, status: { ...sources[0]!.status, handoverTo: 'ring-1' } };
    const made = plan(resharding(), { shards: [moving, sources[1]!, ...targets] });
    expect(made.resharding?.message).toContain('change its primary');
  });
  test('a feed that gives up fails it, and the old shards are not touched', () => {
    const broken = sights([...READY.slice(0, 5), target(3, { phase: 'failed', failure: 'digests differ' })]);
    const made = plan(resharding(), { nodes: broken });
    expect(made).toMatchObject({
      remove: [],
      resharding: { phase: 'Failed', message: expect.stringContaining('digests differ') },
    });
  });
});

describe('switch', () => {
  const switching = resharding({ phase: 'Switching', switchingAt: SECONDS_AGO(2), attempts: 1 });
  test('is one write when the old shards are drained and the new ones have all of it', () => {
    const made = plan(switching, { nodes: sights(DRAINED) });
    expect(made.routing).toMatchObject({ version: 2, entries: TARGETS.map((shard) => ({ shard })) });
    expect(made).toMatchObject({ remove: [], resharding: { phase: 'Cleanup' } });
  });
  test.each<[string, Partial<ReshardingInput>]>([
    ['a source is not drained', { nodes: sights(READY) }],
    ['it was drained under an earlier seal', { nodes: sights(DRAINED, 14) }],
    ['no map that was sent has the seal', { nodes: sights(DRAINED), sealedSince: () => undefined }],
    ['a new shard lacks the last entry', { nodes: sights([...DRAINED.slice(0, 5), target(3, { seqNo: 49 })]) }],
    ['it read the log of an older primary', { nodes: sights([...DRAINED.slice(0, 5), target(3, { term: 2 })]) }],
    ['it is scanned again', { nodes: sights([...DRAINED.slice(0, 5), target(3, { phase: 'copying' })]) }],
    ['the source has a newer primary', { nodes: sights([source(0, { drained: true, term: 2 }), ...DRAINED.slice(1)]) }],
    ['a new shard is not heard of', { nodes: sights(DRAINED.slice(0, 5)) }],
  ])('not when %s', (_name, change) => {
    const made = plan(switching, change);
    expect(made.routing).toBeUndefined();
    expect(made.resharding).toEqual(switching);
    // Clients are let go on in time, and hear why.
    const late = plan({ ...switching, switchingAt: SECONDS_AGO(SEAL_MAX_MS / 1_000) }, change);
    expect(late.resharding).toMatchObject({
      phase: 'Syncing',
      message: expect.stringContaining('given up after 10 s'),
    });
  });
  test('after it was given up it is tried again, later each time', () => {
    const givenUp = resharding({
      phase: 'Syncing',
      switchingAt: SECONDS_AGO(12),
      attempts: 1,
      message: 'x (waiting for y)',
    });
    expect(plan(givenUp).resharding).toMatchObject({
      phase: 'Verifying',
      message: expect.stringContaining('waiting for y'),
    });
    expect(plan({ ...givenUp, switchingAt: SECONDS_AGO(16) }).resharding).toMatchObject({
      phase: 'Switching',
      attempts: 2,
    });
    expect(plan({ ...givenUp, attempts: 2, switchingAt: SECONDS_AGO(16) }).resharding?.phase).toBe('Verifying');
  });
  test('a paused cluster does not stay sealed', () => {
    const late = { ...switching, switchingAt: SECONDS_AGO(11) };
    expect(plan(late, { frozen: 'paused' }).resharding?.phase).toBe('Syncing');
  });
});

describe('clean up', () => {
  const switched = evenSlots(4).map((slots, i) => ({ shard: TARGETS[i]!, slots }));
  const cleaning = resharding({ phase: 'Cleanup', progressAt: SECONDS_AGO(SWITCH_GRACE_MS / 1_000 + 1) });
  test('the old shards go when every connected node has the table, and some time has passed', () => {
    expect(plan(cleaning, {}, switched).remove.map((shard) => shard.metadata.name)).toEqual(['words-0', 'words-1']);
    expect(plan({ ...cleaning, progressAt: SECONDS_AGO(1) }, {}, switched).remove).toEqual([]);
    const behind = plan(cleaning, { nodes: sights(READY, 17) }, switched);
    expect(behind).toMatchObject({ remove: [], resharding: { message: expect.stringContaining('ring-0') } });
    expect(plan(cleaning, { tableSince: () => undefined }, switched).remove).toEqual([]);
  });
  test('then it is complete, and quiet', () => {
    const done = plan(cleaning, { shards: targets }, switched);
    expect(done.resharding?.phase).toBe('Complete');
    expect(plan(done.resharding, { shards: targets }, switched)).toEqual({
      resharding: done.resharding,
      create: [],
      remove: [],
    });
  });
});

describe('called off', () => {
  test('the new shards go, the old ones stay, and the next has names of its own', () => {
    const off = plan(resharding(), { wanted: 2 });
    expect(off).toMatchObject({
      remove: [],
      resharding: { phase: 'Failed', message: expect.stringContaining('cancelled') },
    });
    const cleared = plan(off.resharding, { wanted: 3 });
    expect(cleared.remove.map((shard) => shard.metadata.name)).toEqual(TARGETS);
    expect(cleared.resharding?.phase).toBe('Failed');
    const again = plan(off.resharding, { wanted: 3, shards: sources });
    expect(again.resharding).toMatchObject({ phase: 'Preparing', targets: ['words-6', 'words-7', 'words-8'] });
  });
  test('one that failed by itself is tried again after a while only', () => {
    const failed = resharding({ phase: 'Failed', endedAt: SECONDS_AGO(1), message: 'digests differ' });
    expect(plan(failed, { shards: sources }).resharding).toEqual(failed);
    const old = { ...failed, endedAt: new Date(NOW - FAILED_RETRY_MS).toISOString() };
    expect(plan(old, { shards: sources }).resharding?.phase).toBe('Preparing');
  });
});

test('Auto doubles when shards are full, never shrinks, and does not change its mind', () => {
  const auto = makeCollection({ sharding: { strategy: 'Auto', pointsPerShard: 1_000 } });
  const full = (points: number | undefined): Shard[] =>
    sources.map((shard) => ({
      ...shard,
      status: { ...shard.status, ...(points === undefined ? { points: undefined } : { points }) } as Shard['status'] &
        object,
    }));
  expect(wantedCount(auto, full(1_000), 1)).toBe(2);
  expect(wantedCount(auto, full(1_001), 1)).toBe(4);
  expect(wantedCount(auto, full(undefined), 1)).toBe(2);
  const under = { ...auto, status: { resharding: resharding() } };
  expect(wantedCount(under, full(10), 1)).toBe(4);
  expect(wantedCount(makeCollection({ sharding: { strategy: 'Hash' } }), full(9_999), 1)).toBe(1);
});

describe('shards of an attempt that nobody knows any more (late in the cache)', () => {
  const later = (phase: Resharding['phase']): Resharding =>
    resharding({ phase, to: 2, targets: ['words-6', 'words-7'], endedAt: SECONDS_AGO(1) });
  const names = (shards: Shard[]): string[] => shards.map((shard) => shard.metadata.name);
  const fresh = evenSlots(2).map((slots, i) => placed(i + 6, { slots, sources: [`words-${i}`] }));

  test.each(['Preparing', 'Copying', 'Complete'] as const)('go, while %s', (phase) => {
    const table =
      phase === 'Complete' ? fresh.map((shard) => ({ shard: shard.metadata.name, slots: shard.spec.slots })) : ENTRIES;
    const input = { wanted: 2, shards: [...sources, ...targets, ...fresh] };
    expect(names(plan(later(phase), input, table).remove)).toEqual(TARGETS);
  });

  test('but none that a newer state of the collection may have in its table', () => {
    const input = { wanted: 2, shards: [...sources, ...targets, ...fresh] };
    expect(names(plan(undefined, input).remove)).toEqual([]);
    expect(names(plan(resharding({ phase: 'Copying' }), { ...input, wanted: 4 }).remove)).toEqual([]);
  });
});
