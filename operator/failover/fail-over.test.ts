import { describe, expect, test } from '@jest/globals';
import type { ShardCopy, ShardStatus } from '#crds/v1alpha1/index.ts';
import type { CopyReport } from '#proto/control-messages.ts';
import type { ShardInput } from '../controllers/shard/shard-input.ts';
import { planShard } from '../controllers/shard/shard.plan.ts';
import { makeCluster, makeHealth, makeReport, makeShard, makeSight } from '../testing/fixtures.ts';
import type { NodeState } from './health.ts';

const NODES = ['ring-0', 'ring-1', 'ring-2', 'ring-3', 'ring-4'];
const NOW = 1_000_000;

const copy = (node: string, role: ShardCopy['role'], inSync = role !== 'Joining'): ShardCopy => ({
  node,
  role,
  inSync,
  allocationId: `id-${node}`,
});

interface Scene {
  copies?: ShardCopy[];
  states?: Record<string, NodeState>;
  reports?: Record<string, Partial<CopyReport>>;
  change?: Partial<ShardInput>;
}

const THREE = [copy('ring-0', 'Primary'), copy('ring-1', 'Replica'), copy('ring-2', 'Replica')];

/** A shard in term 3 whose copies are all reported ready, but for dead nodes. */
function scene({ copies = THREE, states = { 'ring-0': 'Dead' }, reports = {}, change = {} }: Scene): ShardInput {
  const shard = makeShard({ replicationFactor: 3, minInSync: 2 }, { primaryTerm: 3, configVersion: 8, copies });
  const nodes = NODES.map((node): [string, ShardInput['nodes'] extends Map<string, infer T> ? T : never] => {
    if (states[node] === 'Dead') return [node, { node, connected: false, since: NOW, podReady: false }];
    const mine = copies.filter((one) => one.node === node);
    const { allocationId = '', inSync } = mine[0] ?? {};
    const state = inSync ? ('READY' as const) : ('RECOVERING' as const);
    return [node, makeSight(node, ...mine.map(() => makeReport({ allocationId, state, ...reports[node] })))];
  });
  return {
    shard,
    cluster: makeCluster({ nodes: 5 }),
    nodes: new Map(nodes),
    health: makeHealth(NODES, states),
    placement: { first: [], add: [], remove: [], blocked: [] },
    requests: [],
    newIds: ['new-1', 'new-2', 'new-3'],
    recoveries: new Map(),
    now: NOW,
    ...change,
  };
}

function after(of: Scene): ShardStatus {
  const input = scene(of);
  const action = planShard(input, 0).actions.find((one) => one.type === 'writeStatus');
  return action?.status ?? input.shard.status ?? {};
}

const roles = ({ copies }: ShardStatus): string[] =>
  (copies ?? []).map(({ node, role, inSync }) => `${node} ${role}${inSync ? '' : ' out'}`);
const available = ({ conditions }: ShardStatus): unknown => conditions?.find(({ type }) => type === 'Available');

describe("a primary's node is dead", () => {
  test('the in-sync copy with the highest seqNo is the primary in a new term; the old copy keeps its data and may come back', () => {
    const status = after({ reports: { 'ring-1': { seqNo: 7 }, 'ring-2': { seqNo: 8 } } });
    expect(status).toMatchObject({ primaryTerm: 4, configVersion: 9, primary: 'ring-2' });
    expect(roles(status)).toEqual(['ring-0 Joining out', 'ring-1 Replica', 'ring-2 Primary']);
    expect(status.copies?.[0]?.allocationId).toBe('id-ring-0');
  });

  test('the event names the dead, the heir and who says so', () => {
    const [action] = planShard(scene({ reports: { 'ring-1': { seqNo: 1 } } }), 0).actions;
    expect(action).toMatchObject({
      steps: [
        {
          reason: 'PrimaryChanged',
          message: 'ring-0 (primary) is dead (a test says so): ring-1 is the primary now, in term 4',
        },
      ],
    });
  });

  test('copies on other dead nodes leave the set in the same change: the first write does not wait for them', () => {
    const status = after({ states: { 'ring-0': 'Dead', 'ring-2': 'Dead' } });
    expect(roles(status)).toEqual(['ring-0 Joining out', 'ring-1 Primary', 'ring-2 Joining out']);
    expect(status.configVersion).toBe(9);
  });

  test('primaries of a dead node are spread when their copies are equal', () => {
    const heirs = new Set<string>();
    for (let index = 0; index < 16; index++) {
      const input = scene({});
      const shard = makeShard({ index }, input.shard.status);
      for (const sight of input.nodes.values())
        for (const one of sight.report?.copies ?? []) one.shard = shard.metadata.name;
      const [action] = planShard({ ...input, shard }, 0).actions;
      if (action?.type === 'writeStatus') heirs.add(action.status.primary ?? '');
    }
    expect([...heirs].toSorted()).toEqual(['ring-1', 'ring-2']);
  });

  test.each<[string, Scene]>([
    [
      'out of sync',
      {
        copies: [copy('ring-0', 'Primary'), copy('ring-1', 'Joining'), copy('ring-2', 'Replica')],
        reports: { 'ring-1': { state: 'READY' } },
      },
    ],
    ['suspect', { states: { 'ring-0': 'Dead', 'ring-1': 'Suspect' } }],
    ['still opening', { reports: { 'ring-1': { state: 'OPENING' } } }],
    ['failed', { reports: { 'ring-1': { state: 'FAILED' } } }],
    ['another allocation', { reports: { 'ring-1': { allocationId: 'older' } } }],
  ])('a copy that is %s is not promoted, though its seqNo is higher', (_name, of) => {
    const reports = { ...of.reports, 'ring-1': { seqNo: 99, ...of.reports?.['ring-1'] } };
    expect(after({ ...of, reports }).primary).toBe('ring-2');
  });

  test('nor one whose node has not reported lately', () => {
    const input = scene({ reports: { 'ring-1': { seqNo: 99 } } });
    input.nodes.get('ring-1')!.reportAt = NOW - 60_000;
    expect(planShard(input, 0).actions[0]).toMatchObject({ status: { primary: 'ring-2' } });
  });

  test.each<NodeState>(['Suspect', 'Unknown', 'Alive'])('nothing happens while it is %s', (state) => {
    expect(after({ states: { 'ring-0': state } })).toMatchObject({ primaryTerm: 3, configVersion: 8 });
  });

  test('its requests are refused, and the heir takes over in the same plan', () => {
    const request = {
      requestId: 1,
      shard: 'words-0',
      term: 3,
      configVersion: 8,
      node: 'ring-1',
      allocationId: 'id-ring-1',
      action: 'REMOVE_FROM_IN_SYNC' as const,
      reason: '',
    };
    const input = scene({ change: { requests: [{ from: 'ring-0', request, since: NOW, at: NOW }] } });
    const { actions } = planShard(input, 0);
    expect(actions).toMatchObject([
      { type: 'writeStatus', status: { primaryTerm: 4 } },
      { type: 'reply', verdict: { ok: false, reason: 'PrimaryDead' } },
    ]);
  });

  test('a handover that was under way to another copy ends when that is not in sync any more', () => {
    const status = { primaryTerm: 3, configVersion: 8, copies: THREE, handoverTo: 'ring-1' };
    const input = scene({ states: { 'ring-0': 'Dead', 'ring-1': 'Dead' } });
    const [action] = planShard({ ...input, shard: makeShard({ replicationFactor: 3 }, status) }, 0).actions;
    expect(action).toMatchObject({ status: { primary: 'ring-2' } });
    expect(action).not.toHaveProperty('status.handoverTo');
  });
});

test('the begin and the end of a handover are new configurations: a late request to hand over fits neither', () => {
  const status = { primaryTerm: 3, configVersion: 8, copies: THREE };
  const gone = scene({ states: { 'ring-1': 'Dead' } });
  const shard = makeShard({ replicationFactor: 3 }, { ...status, copies: THREE.slice(0, 1), handoverTo: 'ring-1' });
  const [ended] = planShard({ ...gone, shard }, 0).actions;
  expect(ended).toMatchObject({ status: { configVersion: 9, primaryTerm: 3 } });
  expect(ended).not.toHaveProperty('status.handoverTo');
});

describe('without an heir the shard says precisely what it waits for', () => {
  test('all in-sync copies are on dead nodes', () => {
    const copies = [copy('ring-0', 'Primary'), copy('ring-1', 'Replica'), copy('ring-2', 'Joining')];
    const status = after({ copies, states: { 'ring-0': 'Dead', 'ring-1': 'Dead' } });
    expect(roles(status)).toEqual(['ring-0 Primary', 'ring-1 Replica', 'ring-2 Joining out']);
    expect(status).toMatchObject({ primaryTerm: 3, configVersion: 8, phase: 'Unavailable' });
    expect(available(status)).toMatchObject({
      status: 'False',
      reason: 'NoLivingInSyncCopy',
      message:
        "ring-0, the primary's node, is dead (a test says so): ring-0, ring-1 hold the only in-sync copies, and only those have every acknowledged write; bring one of these nodes back",
    });
  });

  test('an in-sync copy lives but cannot take over yet', () => {
    const status = after({
      states: { 'ring-0': 'Dead', 'ring-1': 'Suspect' },
      reports: { 'ring-2': { state: 'OPENING' } },
    });
    expect(available(status)).toMatchObject({
      reason: 'WaitingForHeir',
      message:
        "ring-0, the primary's node, is dead (a test says so); waiting for an in-sync copy that can take over: ring-1 (its node is suspect: a test says so), ring-2 (it is opening)",
    });
  });

  test('a paused cluster is left as it is, and says so', () => {
    const status = after({ change: { cluster: makeCluster({ paused: true }) } });
    expect(status.primaryTerm).toBe(3);
    expect(available(status)).toMatchObject({ status: 'False', reason: 'Paused' });
  });
});
