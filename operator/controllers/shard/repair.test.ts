import { expect, test } from '@jest/globals';
import { makeCluster, makeReport, makeShard, makeSight } from '../../testing/fixtures.ts';
import { configOf } from './config.ts';
import { FAILED_COPY_PATIENCE_MS, repair } from './repair.ts';
import { NO_HEALTH } from '../../failover/health.ts';
import type { ShardInput } from './shard-input.ts';

type State = Parameters<typeof makeReport>[0]['state'];

/** A shard of one wanted copy with primary on ring-0 and replica on ring-1, which the planner wants to lose its copy. */
function input(primary: State | 'away', replica: State): ShardInput {
  const shard = makeShard(
    { replicationFactor: 1 },
    {
      primaryTerm: 1,
      configVersion: 2,
      copies: [
        { node: 'ring-0', role: 'Primary', inSync: true, allocationId: 'id-0' },
        { node: 'ring-1', role: 'Replica', inSync: true, allocationId: 'id-1' },
      ],
    },
  );
  const sight = (node: string, allocationId: string, state: State): ReturnType<typeof makeSight> =>
    makeSight(node, makeReport({ shard: shard.metadata.name, allocationId, state }));
  const first = sight('ring-0', 'id-0', primary === 'away' ? 'READY' : primary);
  return {
    shard,
    cluster: makeCluster(),
    nodes: new Map([
      ['ring-0', { ...first, connected: primary !== 'away' }],
      ['ring-1', sight('ring-1', 'id-1', replica)],
    ]),
    health: NO_HEALTH,
    placement: { first: [], add: [], remove: ['ring-1'], blocked: [] },
    requests: [],
    newIds: ['new-1', 'new-2'],
    recoveries: new Map(),
    now: 1_000_000,
  };
}

const nodesAfter = (of: ShardInput): string[] => repair(configOf(of.shard), of).config.copies.map((copy) => copy.node);

test('a copy too many goes while another one is known to be well', () => {
  expect(nodesAfter(input('READY', 'READY'))).toEqual(['ring-0']);
});

test('a missing copy joins where the planner says; the primary is never removed', () => {
  const of = input('READY', 'READY');
  of.placement = { first: [], add: ['ring-2'], remove: ['ring-0'], blocked: [] };
  expect(repair(configOf(of.shard), of).config.copies).toMatchObject([
    { node: 'ring-0', role: 'Primary', inSync: true },
    { node: 'ring-1' },
    { node: 'ring-2', role: 'Joining', inSync: false, allocationId: 'new-1' },
  ]);
});

test.each([
  ['away', 'READY'],
  ['OPENING', 'READY'],
  ['MISSING', 'OPENING'],
  ['FAILED', 'FAILED'],
] as const)('an in-sync copy stays while the primary is %s', (primary, replica) => {
  expect(nodesAfter(input(primary, replica))).toEqual(['ring-0', 'ring-1']);
});

test('a joining copy that failed is left to its node for a while, and then made anew, each as patiently as the one before', () => {
  const shard = makeShard(
    {},
    {
      primaryTerm: 1,
      configVersion: 2,
      copies: [
        { node: 'ring-0', role: 'Primary', inSync: true, allocationId: 'id-0' },
        { node: 'ring-1', role: 'Joining', inSync: false, allocationId: 'id-1' },
      ],
    },
  );
  const nodes = new Map([
    ['ring-0', makeSight('ring-0', makeReport({ allocationId: 'id-0', state: 'READY' }))],
    ['ring-1', makeSight('ring-1', makeReport({ allocationId: 'id-1', state: 'FAILED', message: 'damaged page' }))],
  ]);
  const at = (failedForMs: number): string[] => {
    const now = 1_000_000;
    const failures = new Map([['id-1', now - failedForMs]]);
    const of: ShardInput = { ...input('READY', 'READY'), shard, nodes, failures, now };
    of.placement = { first: [], add: [], remove: [], blocked: [] };
    return repair(configOf(shard), of).config.copies.map((copy) => copy.allocationId);
  };
  expect(at(FAILED_COPY_PATIENCE_MS - 1)).toEqual(['id-0', 'id-1']);
  expect(at(FAILED_COPY_PATIENCE_MS)).toEqual(['id-0', 'new-1']);
});
