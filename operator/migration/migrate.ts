import type { ShardMigration } from '#crds/v1alpha1/index.ts';
import type { ShardConfig } from '../controllers/shard/config.ts';
import type { Step } from '../controllers/shard/repair.ts';
import type { ShardInput } from '../controllers/shard/shard-input.ts';

/** What a shard's status should say of its move, and the configuration that follows from it. */
export interface Migrated {
  config: ShardConfig;
  steps: Step[];
  migration?: ShardMigration;
  /** Node that the primary is to hand over to. */
  handoverTo?: string;
}

/** Drives the shard's running migration one step, or begins one. Pure. */
export function migrate(before: ShardConfig, { shard }: ShardInput): Migrated {
  const { migration, handoverTo } = shard.status ?? {};
  return {
    config: before,
    steps: [],
    ...(migration === undefined ? {} : { migration }),
    ...(handoverTo === undefined ? {} : { handoverTo }),
  };
}
