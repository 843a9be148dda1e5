import { describe, expect, test } from '@jest/globals';
import type { Shard } from '#crds/v1alpha1/index.ts';
import { makeReport, makeSight } from '../../testing/fixtures.ts';
import { Divergences } from './divergences.ts';

const KEY = 'default/words-0';

function shard(): Shard {
  const copy = { node: 'ring-0', role: 'Primary' as const, inSync: true, allocationId: 'a' };
  return { metadata: { name: 'words-0' }, spec: {}, status: { copies: [copy] } } as unknown as Shard;
}

function nodes(divergences: number, term = 1, allocationId = 'a') {
  return new Map([['ring-0', makeSight('ring-0', makeReport({ allocationId, state: 'READY', term, divergences }))]]);
}

describe('Divergences', () => {
  test('each copy that was found is told once', () => {
    const seen = new Divergences();
    expect(seen.note(KEY, shard(), nodes(0))).toBeNull();
    expect(seen.note(KEY, shard(), nodes(1))).toMatchObject({ type: 'Warning', reason: 'CopyDiverged' });
    expect(seen.note(KEY, shard(), nodes(1))).toBeNull();
    expect(seen.note(KEY, shard(), nodes(3))?.message).toMatch(/found 2 copies/);
  });

  test('what an earlier operator has told is not told again', () => {
    const seen = new Divergences();
    expect(seen.note(KEY, shard(), nodes(2))).toBeNull();
    expect(seen.note(KEY, shard(), nodes(3))?.message).toMatch(/found 1 copy that differed from the primary on ring-0/);
  });

  test('a new primary counts anew', () => {
    const seen = new Divergences();
    seen.note(KEY, shard(), nodes(2));
    expect(seen.note(KEY, shard(), nodes(0, 2))).toBeNull();
    expect(seen.note(KEY, shard(), nodes(1, 2))?.message).toMatch(/found 1/);
  });

  test('nothing is said while the primary is not heard, or after the shard is gone', () => {
    const seen = new Divergences();
    seen.note(KEY, shard(), nodes(0));
    expect(seen.note(KEY, shard(), new Map())).toBeNull();
    expect(seen.note(KEY, shard(), nodes(1, 1, 'other'))).toBeNull();
    seen.forget(KEY);
    expect(seen.note(KEY, shard(), nodes(1))).toBeNull();
  });
});
