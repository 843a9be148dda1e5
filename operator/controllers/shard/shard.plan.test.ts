import { describe, expect, test } from '@jest/globals';
import type { Shard, ShardCopy, ShardStatus } from '#crds/v1alpha1/index.ts';
import type { CopyReport, CopyRequest } from '#proto/control-messages.ts';
import { COUNTER_INTERVAL_MS } from '../../status-write.ts';
import { makeCluster, makeHealth, makeReport, makeShard, makeSight, withStatus } from '../../testing/fixtures.ts';
import { FIRST_COPY_PATIENCE_MS } from './repair.ts';
import { AWAY_GRACE_MS } from './shard-conditions.ts';
import type { ShardInput } from './shard-input.ts';
import { planShard, type ShardPlan } from './shard.plan.ts';

const NOW = 1_000_000;

function input(shard: Shard, change: Partial<ShardInput> = {}): ShardInput {
  const nodes = new Map(['ring-0', 'ring-1', 'ring-2'].map((name) => [name, makeSight(name)]));
  return {
    shard,
    cluster: makeCluster(),
    nodes,
    health: makeHealth(['ring-0', 'ring-1', 'ring-2']),
    placement: { first: [], add: [], remove: [], blocked: [] },
    requests: [],
    newIds: ['new-1', 'new-2', 'new-3'],
    recoveries: new Map(),
    now: NOW,
    ...change,
  };
}

const plan = (of: ShardInput): ShardPlan => planShard(of, 0);

function written(of: ShardPlan): ShardStatus {
  const action = of.actions.find((candidate) => candidate.type === 'writeStatus');
  if (action === undefined) throw new Error('no status is written');
  return action.status;
}

const steps = (of: ShardPlan): string[] =>
  of.actions.flatMap((action) => (action.type === 'writeStatus' ? action.steps.map((step) => step.reason) : []));

const copy = (node: string, role: ShardCopy['role'], inSync: boolean, allocationId = `id-${node}`): ShardCopy => ({
  node,
  role,
  inSync,
  allocationId,
});

/** A shard in term 1 with its primary on ring-0 and a replica on ring-1, and reports that say that all is well. */
function active(change: Partial<ShardStatus> = {}): Shard {
  return makeShard(
    {},
    {
      primaryTerm: 1,
      configVersion: 2,
      copies: [copy('ring-0', 'Primary', true), copy('ring-1', 'Replica', true)],
      ...change,
    },
  );
}

function reports(
  ...copies: (Partial<CopyReport> & { node: string; state: CopyReport['state'] })[]
): ShardInput['nodes'] {
  return new Map(
    ['ring-0', 'ring-1', 'ring-2'].map((name) => {
      const mine = copies.filter(({ node }) => node === name);
      return [
        name,
        makeSight(name, ...mine.map(({ node, ...report }) => makeReport({ allocationId: `id-${node}`, ...report }))),
      ];
    }),
  );
}

const well = reports({ node: 'ring-0', state: 'READY' }, { node: 'ring-1', state: 'READY' });

function request(change: Partial<CopyRequest> = {}): CopyRequest {
  return {
    requestId: 7,
    shard: 'words-0',
    term: 1,
    configVersion: 2,
    node: 'ring-1',
    allocationId: 'id-ring-1',
    action: 'REMOVE_FROM_IN_SYNC',
    reason: 'too slow',
    ...change,
  };
}

const replies = (of: ShardPlan): unknown[] =>
  of.actions.flatMap((action) =>
    action.type === 'reply' ? [[action.verdict.ok, action.verdict.reason, action.configVersion]] : [],
  );

describe('first copies', () => {
  test('go where the planner says, out of sync, in term 0', () => {
    const made = plan(
      input(makeShard(), { placement: { first: ['ring-2', 'ring-0'], add: [], remove: [], blocked: [] } }),
    );
    expect(steps(made)).toEqual(['Placed']);
    expect(written(made)).toMatchObject({
      primaryTerm: 0,
      configVersion: 1,
      phase: 'Creating',
      copies: [copy('ring-2', 'Primary', false, 'new-1'), copy('ring-0', 'Replica', false, 'new-2')],
    });
  });

  test('a shard that cannot be placed says why', () => {
    const blocked = [{ reason: 'WaitingForNodes', message: 'waiting for nodes: 0 of 3 are connected' }];
    const made = plan(input(makeShard(), { placement: { first: [], add: [], remove: [], blocked } }));
    const status = written(made);
    expect(status.phase).toBe('Pending');
    expect(status.message).toBe('waiting for nodes: 0 of 3 are connected');
    expect(status.conditions?.find((condition) => condition.type === 'Placed')?.reason).toBe('WaitingForNodes');
    expect(
      plan(input(withStatus(makeShard(), status), { placement: { first: [], add: [], remove: [], blocked } })).actions,
    ).toEqual([]);
  });

  const fresh = active({
    primaryTerm: 0,
    configVersion: 1,
    copies: [copy('ring-0', 'Primary', false), copy('ring-1', 'Replica', false)],
  });

  test('the term begins when every one of them was reported, and not before', () => {
    const one = plan(input(fresh, { nodes: reports({ node: 'ring-0', state: 'CREATED' }) }));
    expect(steps(one)).toEqual([]);
    expect(written(one).primaryTerm).toBe(0);
    const stale = reports(
      { node: 'ring-0', state: 'CREATED' },
      { node: 'ring-1', state: 'CREATED', allocationId: 'older' },
    );
    expect(steps(plan(input(fresh, { nodes: stale })))).toEqual([]);
    const both = plan(
      input(fresh, { nodes: reports({ node: 'ring-0', state: 'CREATED' }, { node: 'ring-1', state: 'READY' }) }),
    );
    expect(written(both)).toMatchObject({
      phase: 'Creating',
      primaryTerm: 1,
      configVersion: 2,
      inSync: '2/2',
      copies: [copy('ring-0', 'Primary', true), copy('ring-1', 'Replica', true)],
    });
  });

  test('are placed again when a node stays away: nothing was ever written', () => {
    const nodes = reports({ node: 'ring-0', state: 'CREATED' });
    nodes.set('ring-1', { node: 'ring-1', connected: false, since: NOW - FIRST_COPY_PATIENCE_MS + 1, podReady: false });
    const patient = plan(input(fresh, { nodes }));
    expect(steps(patient)).toEqual([]);
    expect(patient.requeueAfterMs).toBe(1);
    const made = plan(input(fresh, { nodes, now: NOW + 1 }));
    expect(steps(made)).toEqual(['PlacedAgain']);
    expect(written(made)).toMatchObject({ primaryTerm: 0, configVersion: 2, copies: [] });
  });
});

describe('a converged shard', () => {
  test('writes nothing', () => {
    const status = written(plan(input(active(), { nodes: well })));
    expect(status).toMatchObject({
      phase: 'Active',
      primary: 'ring-0',
      replicas: 'ring-1',
      inSync: '2/2',
      message: '',
    });
    const converged = input(withStatus(active(), status), { nodes: well });
    expect(plan(converged)).toEqual({ actions: [], blocked: [] });
    // Nor later, nor while it is paused.
    expect(plan({ ...converged, now: NOW + 1e9 }).actions).toEqual([]);
    expect(plan({ ...converged, cluster: makeCluster({ paused: true }) }).actions).toEqual([]);
  });

  test('writes counters at most every 15 s', () => {
    const status = written(plan(input(active(), { nodes: well })));
    const shard = withStatus(active(), status);
    const busy = reports(
      { node: 'ring-0', state: 'READY', seqNo: 9, points: 5, bytes: 1_500_000 },
      { node: 'ring-1', state: 'READY', seqNo: 7 },
    );
    expect(planShard(input(shard, { nodes: busy }), NOW - COUNTER_INTERVAL_MS + 10)).toEqual({
      actions: [],
      blocked: [],
      requeueAfterMs: 10,
    });
    const later = planShard(input(shard, { nodes: busy }), NOW - COUNTER_INTERVAL_MS);
    expect(written(later)).toMatchObject({ points: 5, lag: 2, size: '1.4 MiB', configVersion: 2 });
    expect(written(later).copies?.map((one) => one.seqNo)).toEqual([9, 7]);
  });
});

describe('requests of a primary', () => {
  const ask = (shard: Shard, ...all: CopyRequest[]): ShardPlan =>
    plan(
      input(shard, {
        nodes: well,
        requests: all.map((one) => ({ from: 'ring-0', request: one, since: NOW, at: NOW })),
      }),
    );

  test('a replica that cannot keep up leaves the in-sync set, in a new configuration, before the answer', () => {
    const made = ask(active(), request());
    expect(made.actions.map((action) => action.type)).toEqual(['writeStatus', 'reply']);
    expect(written(made)).toMatchObject({
      primaryTerm: 1,
      configVersion: 3,
      inSync: '1/2',
      copies: [copy('ring-0', 'Primary', true), copy('ring-1', 'Joining', false)],
    });
    expect(replies(made)).toEqual([[true, '', 3]]);
  });

  test('a joined copy comes into the set', () => {
    const shard = active({ copies: [copy('ring-0', 'Primary', true), copy('ring-1', 'Joining', false)] });
    const made = ask(shard, request({ action: 'ADD_TO_IN_SYNC' }));
    expect(written(made).copies).toMatchObject([copy('ring-0', 'Primary', true), copy('ring-1', 'Replica', true)]);
    expect(replies(made)).toEqual([[true, '', 3]]);
  });

  test('the last in-sync copy never leaves', () => {
    expect(replies(ask(active(), request({ node: 'ring-0', allocationId: 'id-ring-0' })))).toEqual([
      [false, 'LastInSyncReplica', 2],
    ]);
  });

  test('stale terms, stale configurations, strangers and unknown copies are refused by name', () => {
    const made = ask(
      active(),
      request({ term: 0 }),
      request({ configVersion: 1 }),
      request({ allocationId: 'other' }),
      request({ node: 'ring-2' }),
      request({ action: 'COPY_ACTION_UNSPECIFIED' }),
    );
    expect(replies(made).map((reply) => (reply as unknown[])[1])).toEqual([
      'StaleTerm',
      'StaleConfigVersion',
      'UnknownCopy',
      'UnknownCopy',
      'UnknownAction',
    ]);
    const stranger = plan(
      input(active(), { nodes: well, requests: [{ from: 'ring-1', request: request(), since: NOW, at: NOW }] }),
    );
    expect(replies(stranger)).toEqual([[false, 'NotPrimary', 2]]);
  });

  test('one whose answer was lost is answered again; a removal fences a late addition by a new version', () => {
    const out = active({
      configVersion: 3,
      copies: [copy('ring-0', 'Primary', true), copy('ring-1', 'Joining', false)],
    });
    expect(replies(ask(out, request()))).toEqual([[true, '', 4]]);
    expect(written(ask(out, request())).copies).toMatchObject(out.status!.copies!);
    expect(replies(ask(active({ configVersion: 3 }), request({ action: 'ADD_TO_IN_SYNC' })))).toEqual([[true, '', 3]]);
  });

  test('two made for one configuration are done together', () => {
    const shard = active({
      copies: [copy('ring-0', 'Primary', true), copy('ring-1', 'Replica', true), copy('ring-2', 'Joining', false)],
    });
    const made = ask(
      shard,
      request(),
      request({ node: 'ring-2', allocationId: 'id-ring-2', action: 'ADD_TO_IN_SYNC' }),
    );
    expect(replies(made)).toEqual([
      [true, '', 3],
      [true, '', 3],
    ]);
    expect(written(made).copies?.map((one) => one.inSync)).toEqual([true, false, true]);
  });

  test('are heard while the cluster is paused: a write waits for the answer', () => {
    const paused = plan(
      input(active(), {
        nodes: well,
        cluster: makeCluster({ paused: true }),
        requests: [{ from: 'ring-0', request: request(), since: NOW, at: NOW }],
      }),
    );
    expect(replies(paused)).toEqual([[true, '', 3]]);
  });
});

describe('lost data', () => {
  test.each(['MISSING', 'FAILED'] as const)('a replica that reports %s is made anew', (state) => {
    const made = plan(
      input(active(), { nodes: reports({ node: 'ring-0', state: 'READY' }, { node: 'ring-1', state }) }),
    );
    expect(steps(made)).toEqual(['CopyReplaced']);
    expect(written(made)).toMatchObject({
      configVersion: 3,
      primaryTerm: 1,
      phase: 'Recovering',
      copies: [copy('ring-0', 'Primary', true), copy('ring-1', 'Joining', false, 'new-1')],
    });
  });

  test('a primary that reports its data missing hands over to the in-sync copy with the highest seqNo', () => {
    const shard = active({
      copies: [copy('ring-0', 'Primary', true), copy('ring-1', 'Replica', true), copy('ring-2', 'Replica', true)],
    });
    const nodes = reports(
      { node: 'ring-0', state: 'MISSING' },
      { node: 'ring-1', state: 'READY', seqNo: 4 },
      { node: 'ring-2', state: 'READY', seqNo: 5 },
    );
    const made = plan(input(shard, { nodes }));
    expect(steps(made)).toEqual(['PrimaryChanged']);
    expect(written(made)).toMatchObject({ primaryTerm: 2, configVersion: 3, primary: 'ring-2' });
    expect(written(made).copies?.map(({ node, role, inSync }) => [node, role, inSync])).toEqual([
      ['ring-0', 'Joining', false],
      ['ring-1', 'Replica', true],
      ['ring-2', 'Primary', true],
    ]);
  });

  test('the last in-sync copy is never replaced by an empty one: the shard says so', () => {
    const shard = active({ copies: [copy('ring-0', 'Primary', true), copy('ring-1', 'Joining', false)] });
    const nodes = reports({ node: 'ring-0', state: 'MISSING', message: 'no data' }, { node: 'ring-1', state: 'READY' });
    const made = plan(input(shard, { nodes }));
    expect(steps(made)).toEqual([]);
    const status = written(made);
    expect(status.phase).toBe('Unavailable');
    expect(status.message).toMatch(/ring-0 \(primary\) reports MISSING \(no data\): it is the last in-sync copy/);
    expect(status.copies).toMatchObject(shard.status!.copies!);
  });

  test.each(['MISSING', 'FAILED', 'OPENING'] as const)(
    'a damaged replica is not given up while the primary is %s: it may be all there is',
    (state) => {
      const nodes = reports({ node: 'ring-0', state }, { node: 'ring-1', state: 'FAILED' });
      expect(steps(plan(input(active(), { nodes })))).toEqual([]);
      nodes.set('ring-0', { node: 'ring-0', connected: false, since: 0, podReady: false });
      expect(steps(plan(input(active(), { nodes })))).toEqual([]);
    },
  );

  test('nothing is changed while the cluster is paused', () => {
    const nodes = reports({ node: 'ring-0', state: 'READY' }, { node: 'ring-1', state: 'MISSING' });
    expect(steps(plan(input(active(), { nodes, cluster: makeCluster({ paused: true }) })))).toEqual([]);
  });

  test('a Joining copy that failed is left to its node', () => {
    const shard = active({ copies: [copy('ring-0', 'Primary', true), copy('ring-1', 'Joining', false)] });
    const nodes = reports(
      { node: 'ring-0', state: 'READY' },
      { node: 'ring-1', state: 'FAILED', message: 'disk full' },
    );
    const made = plan(input(shard, { nodes }));
    expect(steps(made)).toEqual([]);
    expect(written(made).message).toBe('ring-1 reports FAILED (disk full)');
  });
});

describe('a primary whose node is away', () => {
  const settled = withStatus(active(), written(plan(input(active(), { nodes: well }))));
  const away = (forMs: number, podReady: boolean): ShardInput => {
    const nodes = new Map(well);
    nodes.set('ring-0', { node: 'ring-0', connected: false, since: NOW - forMs, podReady });
    return input(settled, { nodes });
  };

  test('is not judged before the grace is over', () => {
    const made = plan(away(AWAY_GRACE_MS - 5, false));
    expect(made).toEqual({ actions: [], blocked: [], requeueAfterMs: 5 });
  });

  test('is unknown while its pod is ready, and not available when that is not either', () => {
    const available = (of: ShardPlan): unknown => written(of).conditions?.find((one) => one.type === 'Available');
    expect(available(plan(away(AWAY_GRACE_MS, true)))).toMatchObject({
      status: 'Unknown',
      reason: 'PrimaryNotConnected',
    });
    expect(available(plan(away(AWAY_GRACE_MS, false)))).toMatchObject({ status: 'False', reason: 'PrimaryNotReady' });
  });
});

test('progress and time left of a recovery', () => {
  const shard = active({ copies: [copy('ring-0', 'Primary', true), copy('ring-1', 'Joining', false)] });
  const nodes = reports(
    { node: 'ring-0', state: 'READY', points: 1000 },
    { node: 'ring-1', state: 'RECOVERING', copiedPoints: 300, totalPoints: 1000 },
  );
  const recoveries = new Map([['id-ring-1', { at: NOW - 20_000, copiedPoints: 100 }]]);
  expect(written(plan(input(shard, { nodes, recoveries })))).toMatchObject({
    phase: 'Recovering',
    progress: '30%',
    eta: '1m',
    message: '1 of 2 copies in sync; ring-1 joining',
  });
});
