import type { Resharding, RoutingTable } from '#crds/v1alpha1/index.ts';
import { elapsedSince } from '../elapsed.ts';
import { timeText } from '../conditions.ts';
import { feedings, primaryWord } from './sight.ts';
import { keep, type ReshardingInput, type ReshardingPlan } from './types.ts';

/** Clients wait while the old shards are sealed: after this time they are let go on. */
export const SEAL_MAX_MS = 10_000;
const LOOK_MS = 100;

/**
 * The old shards are sealed. When each says so of its own and each new shard has all of it, the routing table is switched by one write; when
 * that takes too long the seal is taken off and it is tried again later. Pure.
 */
export function switchTable(input: ReshardingInput, before: Resharding, routing: RoutingTable): ReshardingPlan {
  const { now } = input;
  const waits = missing(input, before);
  if (waits === undefined) {
    const entries = before.targets.map((name) => {
      const { slots } = input.shards.find((shard) => shard.metadata.name === name)!.spec;
      return { shard: name, slots };
    });
    const resharding: Resharding = {
      ...before,
      phase: 'Cleanup',
      progressAt: timeText(now),
      message: 'the routing table is switched: the old shards are being removed',
    };
    return { ...keep(resharding), routing: { version: routing.version + 1, entries }, requeueAfterMs: LOOK_MS };
  }
  const left = SEAL_MAX_MS - elapsedSince(before.switchingAt, now);
  if (left > 0) return { ...keep(before), requeueAfterMs: Math.min(left, LOOK_MS) };
  const message = `the switch was given up after ${SEAL_MAX_MS / 1_000} s (waiting for ${waits})`.slice(0, 1_024);
  return { ...keep({ ...before, phase: 'Syncing', message }), requeueAfterMs: LOOK_MS };
}

/** What is missing for the switch; undefined when nothing is. */
function missing(input: ReshardingInput, resharding: Resharding): string | undefined {
  const ends = new Map<string, { seqNo: number; term: number }>();
  for (const source of resharding.sources) {
    const word = primaryWord(source, input);
    if ('waits' in word) return word.waits;
    const { copy, mapVersion } = word.is;
    const since = input.sealedSince(source);
    // Drained under an earlier seal says nothing: writes may have come between.
    const drained = copy.drained && since !== undefined && mapVersion >= since;
    if (!drained) return `the last writes of shard ${source}`;
    ends.set(source, { seqNo: copy.seqNo, term: copy.term });
  }
  const { heard, waits } = feedings(resharding, input);
  if (waits[0] !== undefined) return waits[0];
  for (const { target, source, feed } of heard) {
    const end = ends.get(source);
    const has = end !== undefined && feed.phase === 'ready' && feed.term === end.term && feed.seqNo >= end.seqNo;
    if (!has) return `shard ${target} to take the last of shard ${source}`;
  }
  return undefined;
}
