import type { Collection, Resharding, RoutingTable, Shard, ShardSpec } from '#crds/v1alpha1/index.ts';
import { shardObjectName } from '#model/object-name.ts';
import { evenSlots } from '#model/slot.ts';
import type { ReshardingInput } from './types.ts';

/** Names of new shards: indices go on counting, past those of an attempt that failed. */
export function newNames({ collection, shards, wanted }: ReshardingInput, before: Resharding | undefined): string[] {
  const used = [...(before?.targets ?? []), ...(before?.sources ?? [])].map((name) => indexOf(collection, name));
  const next = Math.max(-1, ...shards.map((shard) => shard.spec.index), ...used) + 1;
  return Array.from({ length: wanted }, (_, i) => shardObjectName(collection.metadata.name, next + i));
}

/** Specs of the new shards that are not there yet. */
export function missingTargets(input: ReshardingInput, resharding: Resharding, routing: RoutingTable): ShardSpec[] {
  const there = new Set(input.shards.map((shard) => shard.metadata.name));
  const ranges = evenSlots(resharding.to);
  return resharding.targets.flatMap((name, i) => {
    const slots = ranges[i]!;
    const sources = routing.entries
      .filter((entry) => entry.slots.from <= slots.to && entry.slots.to >= slots.from)
      .map((entry) => entry.shard);
    return there.has(name) ? [] : [{ ...input.template, index: indexOf(input.collection, name), slots, sources }];
  });
}

/** The number at the end of a shard's name. */
function indexOf({ metadata }: Collection, shard: string): number {
  return Number(shard.slice(shardObjectName(metadata.name, 0).length - 1));
}

/**
 * Shards of an earlier attempt that nobody knows any more: the cache showed them only after that was cleared away. Names are never used again,
 * and later tables hold only what is known here or has a higher index: so it is safe however old the view of the collection is.
 */
export function strayShards(
  { collection, shards }: ReshardingInput,
  resharding: Resharding | undefined,
  routing: RoutingTable,
): Shard[] {
  const table = routing.entries.map((entry) => entry.shard);
  const known = new Set([...table, ...(resharding?.sources ?? []), ...(resharding?.targets ?? [])]);
  const newest = Math.max(...[...known].map((name) => indexOf(collection, name)));
  return shards.filter(({ metadata, spec }) => !known.has(metadata.name) && spec.index < newest);
}

/** One of these names, and not in the table: what is in the table is never removed. */
export function isOf(names: string[], shard: Shard, routing: RoutingTable): boolean {
  const { name } = shard.metadata;
  return names.includes(name) && !routing.entries.some((entry) => entry.shard === name);
}
