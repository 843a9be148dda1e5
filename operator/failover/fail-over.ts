import type { ShardConfig } from '../controllers/shard/config.ts';
import type { Step } from '../controllers/shard/repair.ts';
import type { ShardInput } from '../controllers/shard/shard-input.ts';

/** Gives a shard whose primary's node is dead a new primary. Pure. */
export function failOver(before: ShardConfig, _input: ShardInput): { config: ShardConfig; steps: Step[] } {
  return { config: before, steps: [] };
}
