import type { Resharding, RoutingTable, Shard } from '#crds/v1alpha1/index.ts';
import { elapsedSince } from '../elapsed.ts';
import { timeText } from '../conditions.ts';
import { fill } from './fill.ts';
import { switchTable } from './switch-table.ts';
import { isOf, newNames, strayShards } from './targets.ts';
import { cancelled, hasFailed, keep, type ReshardingInput, type ReshardingPlan } from './types.ts';

/** A failed resharding is begun again after this time; at once when the wanted number changes. */
export const FAILED_RETRY_MS = 600_000;
/** Nodes that took the new table may have reads of the old shards under way. */
export const SWITCH_GRACE_MS = 5_000;
const POLL_MS = 500;

/** Drives a collection's resharding one step, or begins one. Pure. */
export function planResharding(input: ReshardingInput): ReshardingPlan {
  const { resharding, routing } = input.collection.status ?? {};
  if (routing === undefined) return { create: [], remove: [] };
  const plan = step(input, resharding, routing);
  const strays = removable(strayShards(input, resharding, routing)).filter((shard) => !plan.remove.includes(shard));
  return strays.length === 0 ? plan : { ...plan, remove: [...plan.remove, ...strays] };
}

function step(input: ReshardingInput, resharding: Resharding | undefined, routing: RoutingTable): ReshardingPlan {
  if (resharding === undefined) return begin(input, routing);
  switch (resharding.phase) {
    case 'Complete':
      return begin(input, routing);
    case 'Failed':
      return clearAway(input, resharding, routing);
    case 'Cleanup':
      return cleanUp(input, resharding, routing);
    case 'Switching':
      return switchTable(input, resharding, routing);
    case 'Preparing':
    case 'Copying':
    case 'Syncing':
    case 'Verifying':
      return input.wanted === resharding.to || input.frozen !== undefined
        ? fill(input, resharding, routing)
        : { ...keep(cancelled(resharding, input.wanted, input.now)), requeueAfterMs: POLL_MS };
  }
}

/** The names are in the status before the first object is made, so that a restarted operator finds what it began. */
function begin(input: ReshardingInput, routing: RoutingTable): ReshardingPlan {
  const { collection, wanted, now } = input;
  const before = collection.status?.resharding;
  const from = routing.entries.length;
  if (wanted === from || input.frozen !== undefined) return keep(before);
  const resharding: Resharding = {
    phase: 'Preparing',
    from,
    to: wanted,
    sources: routing.entries.map((entry) => entry.shard),
    targets: newNames(input, before),
    startedAt: timeText(now),
    progressAt: timeText(now),
    message: `${from} to ${wanted} shards: the new shards are being created`,
  };
  return { ...keep(resharding), requeueAfterMs: POLL_MS };
}

/** Removes the new shards of one that failed; then the next may begin. */
function clearAway(input: ReshardingInput, resharding: Resharding, routing: RoutingTable): ReshardingPlan {
  const left = input.shards.filter((shard) => isOf(resharding.targets, shard, routing));
  if (left.length > 0) return { ...keep(resharding), remove: removable(left), requeueAfterMs: POLL_MS };
  const pause = FAILED_RETRY_MS - elapsedSince(resharding.endedAt, input.now);
  const again = hasFailed(resharding) && input.wanted === resharding.to && pause > 0;
  return again ? { ...keep(resharding), requeueAfterMs: pause } : begin(input, routing);
}

/** Removes the old shards when nobody routes to them any more. */
function cleanUp(input: ReshardingInput, resharding: Resharding, routing: RoutingTable): ReshardingPlan {
  const { now, nodes, tableSince } = input;
  const left = input.shards.filter((shard) => isOf(resharding.sources, shard, routing));
  if (left.length === 0) {
    const { message: _, ...rest } = resharding;
    return keep({ ...rest, phase: 'Complete', endedAt: timeText(now) });
  }
  const version = tableSince(routing.version);
  const behind = [...nodes.values()].find(
    ({ connected, report }) => connected && (version === undefined || (report?.mapVersion ?? 0) < version),
  );
  const grace = SWITCH_GRACE_MS - elapsedSince(resharding.progressAt, now);
  const message =
    behind === undefined
      ? 'the routing table is switched: the old shards are being removed'
      : `the routing table is switched: waiting for node ${behind.node} to take it before the old shards are removed`;
  const remove = version !== undefined && behind === undefined && grace <= 0 ? removable(left) : [];
  return { ...keep({ ...resharding, message }), remove, requeueAfterMs: POLL_MS };
}

function removable(shards: Shard[]): Shard[] {
  return shards.filter((shard) => shard.metadata.deletionTimestamp === undefined);
}
