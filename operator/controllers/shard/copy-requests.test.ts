import { describe, expect, test } from '@jest/globals';
import type { CopyRequest } from '#proto/control-messages.ts';
import type { NodeState } from '../../failover/health.ts';
import { makeHealth } from '../../testing/fixtures.ts';
import type { ShardConfig } from './config.ts';
import {
  judgeRequests,
  REMOVAL_PATIENCE_MS,
  type Judged,
  type PendingCopyRequest,
  type RequestContext,
} from './copy-requests.ts';

const NOW = 1_000_000;
const NODES = ['ring-0', 'ring-1', 'ring-2'];
const config: ShardConfig = {
  primaryTerm: 2,
  configVersion: 5,
  copies: [
    { node: 'ring-0', role: 'Primary', inSync: true, allocationId: 'id-0' },
    { node: 'ring-1', role: 'Replica', inSync: true, allocationId: 'id-1' },
    { node: 'ring-2', role: 'Joining', inSync: false, allocationId: 'id-2' },
  ],
};

function pending(change: Partial<CopyRequest> = {}, of: Partial<PendingCopyRequest> = {}): PendingCopyRequest {
  const request: CopyRequest = {
    requestId: 7,
    shard: 'words-0',
    term: 2,
    configVersion: 5,
    node: 'ring-1',
    allocationId: 'id-1',
    action: 'REMOVE_FROM_IN_SYNC',
    reason: '',
    ...change,
  };
  return { from: 'ring-0', request, since: NOW, at: NOW, ...of };
}

function judge(requests: PendingCopyRequest[], change: Partial<RequestContext> = {}): Judged {
  const context = { health: makeHealth(NODES), nodes: 3, handoverTo: undefined, now: NOW };
  return judgeRequests(config, { ...context, requests, ...change });
}

/** granted, a reason of refusal, or waits. */
function outcome({ verdicts, askAgainMs }: Judged): string {
  const [verdict] = verdicts;
  if (verdict === undefined) return askAgainMs === undefined ? 'lost' : 'waits';
  return verdict.ok ? 'granted' : verdict.reason;
}

const believed = (states: Record<string, NodeState>, majority = true): Partial<RequestContext> => ({
  health: makeHealth(NODES, states, majority),
});

describe('the removal of a copy from the in-sync set', () => {
  test.each<[string, Partial<RequestContext>, string]>([
    ['both nodes are alive: the copy is slow or broken', {}, 'granted'],
    ['its node is dead', believed({ 'ring-1': 'Dead' }), 'granted'],
    [
      'its node is dead by the word of Kubernetes, without a majority',
      believed({ 'ring-1': 'Dead' }, false),
      'granted',
    ],
    ["the primary's node is dead: the other side goes on", believed({ 'ring-0': 'Dead' }), 'PrimaryDead'],
    ['its node is suspect', believed({ 'ring-1': 'Suspect' }), 'waits'],
    ["the primary's node is suspect", believed({ 'ring-0': 'Suspect' }), 'waits'],
    ['no majority is heard', believed({ 'ring-0': 'Unknown', 'ring-1': 'Unknown' }, false), 'waits'],
    ['no majority is heard, of two nodes', { ...believed({ 'ring-1': 'Unknown' }, false), nodes: 2 }, 'granted'],
    ['two nodes, the other is doubted', { ...believed({ 'ring-1': 'Suspect' }, false), nodes: 2 }, 'granted'],
  ])('%s', (_name, context, expected) => {
    expect(outcome(judge([pending()], context))).toBe(expected);
  });

  test('waits are bounded: what is left of the set has every acknowledged write', () => {
    const asked = pending({}, { since: NOW - REMOVAL_PATIENCE_MS + 5_000 });
    const suspect = believed({ 'ring-1': 'Suspect' });
    expect(judge([asked], suspect)).toMatchObject({ held: [asked], askAgainMs: 5_000, verdicts: [] });
    expect(outcome(judge([asked], { ...suspect, now: NOW + 5_000 }))).toBe('granted');
  });

  test('but not without a majority: the operator may hear the side that can not go on', () => {
    const asked = pending({}, { since: NOW - REMOVAL_PATIENCE_MS - 60_000, at: NOW - 1_000 });
    const alone = believed({ 'ring-0': 'Unknown', 'ring-1': 'Unknown' }, false);
    expect(judge([asked], alone)).toMatchObject({ held: [asked], verdicts: [], askAgainMs: 14_000 });
    expect(outcome(judge([asked], believed({ 'ring-1': 'Dead' }, false)))).toBe('granted');
  });

  test('one that has waited is judged again: granted for a dead node, asked anew for one that lives after all', () => {
    const waiting = pending({}, { held: true, since: NOW - 3_000, at: NOW - 3_000 });
    expect(judge([waiting], believed({ 'ring-1': 'Suspect' })).held).toEqual([]);
    expect(outcome(judge([waiting], believed({ 'ring-1': 'Dead' })))).toBe('granted');
    expect(outcome(judge([waiting]))).toBe('AskAgain');
    expect(outcome(judge([waiting], believed({ 'ring-0': 'Dead' })))).toBe('PrimaryDead');
  });

  test('one that its primary gave up long ago is not done any more', () => {
    const old = pending({}, { held: true, since: NOW - 20_000, at: NOW - 15_000 });
    expect(outcome(judge([old], believed({ 'ring-1': 'Dead' })))).toBe('Expired');
    expect(judge([old]).config).toBe(config);
  });
});

test('a copy on a dead node is not added', () => {
  const add = pending({ action: 'ADD_TO_IN_SYNC', node: 'ring-2', allocationId: 'id-2' });
  expect(outcome(judge([add]))).toBe('granted');
  expect(outcome(judge([add], believed({ 'ring-2': 'Suspect' })))).toBe('granted');
  expect(outcome(judge([add], believed({ 'ring-2': 'Dead' })))).toBe('NodeDead');
});

describe('a handover', () => {
  const ask = (change: Partial<CopyRequest> = {}): PendingCopyRequest => pending({ action: 'HAND_OVER', ...change });

  test('makes the in-sync copy the primary in a new term; the drained one stays in sync', () => {
    const judged = judge([ask()], { handoverTo: 'ring-1' });
    expect(outcome(judged)).toBe('granted');
    expect(judged.config).toMatchObject({
      primaryTerm: 3,
      copies: [
        { node: 'ring-0', role: 'Replica', inSync: true },
        { node: 'ring-1', role: 'Primary', inSync: true },
        { node: 'ring-2', role: 'Joining', inSync: false },
      ],
    });
    expect(judged.steps).toMatchObject([{ reason: 'PrimaryHandedOver' }]);
  });

  test.each<[string, PendingCopyRequest, Partial<RequestContext>, string]>([
    ['nobody wants', ask(), {}, 'NoHandoverWanted'],
    ['is wanted to another node', ask(), { handoverTo: 'ring-2' }, 'NoHandoverWanted'],
    [
      'goes to a copy that is not in sync',
      ask({ node: 'ring-2', allocationId: 'id-2' }),
      { handoverTo: 'ring-2' },
      'NotInSync',
    ],
    [
      'was drained for an older configuration',
      ask({ configVersion: 4 }),
      { handoverTo: 'ring-1' },
      'StaleConfigVersion',
    ],
    ['is of an older term', ask({ term: 1 }), { handoverTo: 'ring-1' }, 'StaleTerm'],
    ['goes to a dead node', ask(), { handoverTo: 'ring-1', ...believed({ 'ring-1': 'Dead' }) }, 'NodeDead'],
    ['is asked by a dead primary', ask(), { handoverTo: 'ring-1', ...believed({ 'ring-0': 'Dead' }) }, 'PrimaryDead'],
    ['is asked by another node', { ...ask(), from: 'ring-2' }, { handoverTo: 'ring-1' }, 'NotPrimary'],
  ])('that %s is refused', (_name, request, context, reason) => {
    const judged = judge([request], context);
    expect(outcome(judged)).toBe(reason);
    expect(judged.config).toBe(config);
  });

  test('ends the old primary: what it asks for in the same moment is refused', () => {
    const judged = judge([ask(), pending({ action: 'ADD_TO_IN_SYNC', node: 'ring-2', allocationId: 'id-2' })], {
      handoverTo: 'ring-1',
    });
    expect(judged.verdicts.map(({ reason }) => reason)).toEqual(['', 'StaleTerm']);
  });
});
