import { expect, test } from '@jest/globals';
import { makeCluster, makeReport, makeShard, makeSight } from '../../testing/fixtures.ts';
import { configOf } from './config.ts';
import { repair } from './repair.ts';
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

test.each([
  ['away', 'READY'],
  ['OPENING', 'READY'],
  ['MISSING', 'OPENING'],
  ['FAILED', 'FAILED'],
] as const)('an in-sync copy stays while the primary is %s', (primary, replica) => {
  expect(nodesAfter(input(primary, replica))).toEqual(['ring-0', 'ring-1']);
});
