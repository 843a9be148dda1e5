import { describe, expect, test } from '@jest/globals';
import { testCollection } from '../testing/test-map.ts';
import { planCopy, wantedCopy, type KnownCopy, type LocalState, type WantedCopy } from './copy-plan.ts';

const collection = testCollection('c', 1);
const shard = collection.shards[0]!;
const wanted = wantedCopy(collection, shard, shard.copies[0]!);
const known = (state: LocalState, more: Partial<KnownCopy> = {}): KnownCopy => ({
  uid: wanted.uid,
  allocationId: wanted.allocationId,
  settings: wanted.settings,
  state,
  ...more,
});
const open: LocalState = { kind: 'open', created: false, seqNo: 5, term: 1 };

describe('an empty copy may be made', () => {
  test.each([
    ['before the first term', { primaryTerm: 0 }, { role: 'Primary', inSync: true }, true],
    ['for a joining copy', { primaryTerm: 3 }, { role: 'Joining', inSync: false }, true],
    ['never for a replica in sync', { primaryTerm: 3 }, { role: 'Replica', inSync: true }, false],
    ['never for the primary', { primaryTerm: 1 }, { role: 'Primary', inSync: true }, false],
    ['never for a primary that is not in sync', { primaryTerm: 1 }, { role: 'Primary', inSync: false }, false],
  ] as const)('%s', (_, shardPart, copyPart, expected) => {
    const copy = { ...shard.copies[0]!, ...copyPart };
    expect(wantedCopy(collection, { ...shard, ...shardPart }, copy).mayCreate).toBe(expected);
  });
});

describe('planCopy', () => {
  const plan = (want: WantedCopy | null, have: KnownCopy | null, live = true, now = 0) =>
    planCopy(want, have, live, now);

  test('opens what is wanted and not known', () => {
    expect(plan(wanted, null)).toEqual({ type: 'open', create: false });
    expect(plan({ ...wanted, mayCreate: true }, null)).toEqual({ type: 'open', create: true });
  });

  test('missing data of a copy in sync is never made anew', () => {
    expect(plan(wanted, known({ kind: 'missing' }))).toEqual({ type: 'none' });
    expect(plan({ ...wanted, mayCreate: true }, known({ kind: 'missing' }))).toEqual({ type: 'open', create: true });
  });

  test('a copy that is no longer wanted goes, but not by the word of a map from disk', () => {
    expect(plan(null, known(open))).toEqual({ type: 'destroy' });
    expect(plan(null, known(open), false)).toEqual({ type: 'none' });
    expect(plan(wanted, known(open, { allocationId: 'older' }))).toEqual({ type: 'destroy' });
    expect(plan(wanted, known(open, { uid: 'older' }), false)).toEqual({ type: 'none' });
  });

  test('changed settings only', () => {
    expect(plan(wanted, known(open))).toEqual({ type: 'none' });
    const textFields = ['title'];
    expect(plan({ ...wanted, settings: { ...wanted.settings, textFields } }, known(open))).toEqual({
      type: 'configure',
      settings: { textFields },
    });
  });

  test('a failed copy is tried again later', () => {
    const failed = known({ kind: 'failed', message: 'x', retryAt: 100 });
    expect(plan(wanted, failed, true, 99)).toEqual({ type: 'none' });
    expect(plan(wanted, failed, true, 100)).toEqual({ type: 'open', create: false });
  });
});
