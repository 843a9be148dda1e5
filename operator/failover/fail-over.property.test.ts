import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Shard, ShardCopy } from '#crds/v1alpha1/index.ts';
import type { CopyRequest } from '#proto/control-messages.ts';
import type { PendingCopyRequest } from '../controllers/shard/copy-requests.ts';
import type { ShardInput } from '../controllers/shard/shard-input.ts';
import { planShard } from '../controllers/shard/shard.plan.ts';
import { makeCluster, makeHealth, makeReport, makeShard, makeSight, withStatus } from '../testing/fixtures.ts';
import type { NodeState } from './health.ts';

const NODES = ['ring-0', 'ring-1', 'ring-2', 'ring-3', 'ring-4'];
const STATES: NodeState[] = ['Alive', 'Alive', 'Alive', 'Suspect', 'Dead', 'Unknown'];

/** What the world looks like at one moment: per node, and what primaries and the planner want. */
const moments = fc.record({
  majority: fc.boolean(),
  states: fc.tuple(...NODES.map(() => fc.constantFrom(...STATES))),
  connected: fc.tuple(...NODES.map(() => fc.boolean())),
  reports: fc.tuple(
    ...NODES.map(() =>
      fc.record({
        state: fc.constantFrom(
          'READY' as const,
          'READY' as const,
          'OPENING' as const,
          'MISSING' as const,
          'FAILED' as const,
        ),
        seqNo: fc.nat(20),
        sameAllocation: fc.boolean(),
      }),
    ),
  ),
  requests: fc.array(
    fc.record({
      from: fc.nat(NODES.length - 1),
      node: fc.nat(NODES.length - 1),
      action: fc.constantFrom('REMOVE_FROM_IN_SYNC' as const, 'ADD_TO_IN_SYNC' as const, 'HAND_OVER' as const),
      termsBack: fc.nat(1),
      configsBack: fc.nat(1),
      waited: fc.nat(40_000),
    }),
    { maxLength: 3 },
  ),
  handover: fc.option(fc.nat(NODES.length - 1), { nil: undefined }),
  add: fc.option(fc.nat(NODES.length - 1), { nil: undefined }),
  remove: fc.option(fc.nat(NODES.length - 1), { nil: undefined }),
});
type Moment = typeof moments extends fc.Arbitrary<infer T> ? T : never;

const cluster = makeCluster({ nodes: 5 });
let ids = 0;

function inputAt(moment: Moment, shard: Shard, now: number): ShardInput {
  const copies = shard.status?.copies ?? [];
  const idOf = (node: string): string => copies.find((copy) => copy.node === node)?.allocationId ?? 'none';
  const nodes = NODES.map((node, i): [string, ReturnType<typeof makeSight>] => {
    const { state, seqNo, sameAllocation } = moment.reports[i]!;
    const report = makeReport({ allocationId: sameAllocation ? idOf(node) : 'older', state, seqNo });
    return [node, { ...makeSight(node, report), connected: moment.connected[i]! }];
  });
  const requests = moment.requests.map(({ from, node, action, termsBack, configsBack, waited }): PendingCopyRequest => {
    const request: CopyRequest = {
      requestId: 1,
      shard: shard.metadata.name,
      term: (shard.status?.primaryTerm ?? 0) - termsBack,
      configVersion: (shard.status?.configVersion ?? 0) - configsBack,
      node: NODES[node]!,
      allocationId: idOf(NODES[node]!),
      action,
      reason: '',
    };
    return { from: NODES[from]!, request, since: now - waited, at: now - (waited % 12_000), held: waited > 20_000 };
  });
  const named = (index: number | undefined): string[] => (index === undefined ? [] : [NODES[index]!]);
  return {
    shard,
    cluster,
    nodes: new Map(nodes),
    health: makeHealth([], Object.fromEntries(NODES.map((node, i) => [node, moment.states[i]!])), moment.majority),
    placement: { first: [], add: named(moment.add), remove: named(moment.remove), blocked: [] },
    requests,
    newIds: Array.from({ length: 8 }, () => `new-${(ids += 1)}`),
    recoveries: new Map(),
    now,
  };
}

const beginning = makeShard(
  { replicationFactor: 3, minInSync: 2 },
  {
    primaryTerm: 1,
    configVersion: 1,
    copies: NODES.slice(0, 3).map((node, i) => ({
      node,
      role: i === 0 ? 'Primary' : 'Replica',
      inSync: true,
      allocationId: `first-${i}`,
    })),
  },
);

const primaryOf = ({ status }: Shard): ShardCopy => status!.copies!.find((copy) => copy.role === 'Primary')!;

function isAskedFor(copy: ShardCopy, before: Shard, { requests }: ShardInput): boolean {
  return requests.some(
    ({ from, request }) =>
      request.action === 'ADD_TO_IN_SYNC' &&
      request.allocationId === copy.allocationId &&
      request.term === before.status!.primaryTerm &&
      request.configVersion === before.status!.configVersion &&
      from === primaryOf(before).node,
  );
}

/** What must hold between a shard's status and the next one, whatever the world looked like. */
function check(before: Shard, after: Shard, input: ShardInput): void {
  const [old, next] = [before.status!, after.status!];
  const primaries = next.copies!.filter((copy) => copy.role === 'Primary');
  expect(primaries).toHaveLength(1);
  // The primary is in sync, so the last in-sync copy was not removed, and no role says otherwise.
  expect(primaries[0]!.inSync).toBe(true);
  for (const copy of next.copies!) expect(copy.inSync).toBe(copy.role !== 'Joining');
  expect(new Set(next.copies!.map((copy) => copy.node)).size).toBe(next.copies!.length);

  const changed = primaryOf(before).node !== primaryOf(after).node;
  expect(next.primaryTerm! - old.primaryTerm!).toBeGreaterThanOrEqual(changed ? 1 : 0);
  if (next.primaryTerm === old.primaryTerm) expect(primaryOf(after).allocationId).toBe(primaryOf(before).allocationId);
  else expect(changed).toBe(true);
  expect(next.configVersion!).toBeGreaterThanOrEqual(old.configVersion!);

  // What is in the set, and so what may be the primary, was in it with this very data, or its living primary has just said that it has everything.
  for (const copy of next.copies!.filter((one) => one.inSync)) {
    const former = old.copies!.find((one) => one.allocationId === copy.allocationId);
    expect(former).toBeDefined();
    expect(former!.inSync || isAskedFor(copy, before, input)).toBe(true);
  }
  const states = new Map(NODES.map((node) => [node, input.health.nodes.get(node)?.state]));
  const handedOver = input.requests.some(({ request }) => request.action === 'HAND_OVER');
  if (changed && !handedOver) expect(['Dead', 'Suspect']).not.toContain(states.get(primaryOf(after).node));
}

test('whatever happens: one primary a term, always an in-sync copy, terms only grow, nothing out of sync is promoted', () => {
  fc.assert(
    fc.property(fc.array(moments, { minLength: 1, maxLength: 12 }), (all) => {
      let shard: Shard = beginning;
      for (const [i, moment] of all.entries()) {
        const handoverTo = moment.handover === undefined ? undefined : NODES[moment.handover];
        const status = { ...shard.status, ...(handoverTo === undefined ? {} : { handoverTo }) };
        const input = inputAt(moment, withStatus(shard, status), 1_000_000 + i * 1_000);
        const { actions } = planShard(input, 0);
        for (const action of actions) {
          // A dead primary's requests change nothing.
          if (action.type === 'reply' && action.verdict.ok)
            expect(input.health.nodes.get(action.verdict.pending.from)?.state).not.toBe('Dead');
          if (action.type !== 'writeStatus') continue;
          const next = withStatus(shard, action.status);
          check(shard, next, input);
          shard = next;
        }
      }
    }),
    { numRuns: 1_000 },
  );
});
