import type { ShardMigration } from '#crds/v1alpha1/index.ts';
import type { Verdict } from '../conditions.ts';
import type { ShardInput } from '../controllers/shard/shard-input.ts';
import { PIN_ANNOTATION } from './manual-move.ts';
import { isStalled, stalledText } from './migrate.ts';
import { isRunning, parseMigration } from './migration.ts';

/** Conditions Stalled (while a copy moves) and Pinned (while an annotation says something). */
export function judgeMoves(migration: ShardMigration | undefined, input: ShardInput): Verdict[] {
  return [...judgeStalled(migration, input.now), ...judgePinned(input)];
}

function judgeStalled(status: ShardMigration | undefined, now: number): Verdict[] {
  const migration = parseMigration(status);
  if (!isRunning(migration)) return [];
  return isStalled(migration, now)
    ? [{ type: 'Stalled', status: 'True', reason: 'MigrationStalled', message: stalledText(migration) }]
    : [{ type: 'Stalled', status: 'False', reason: 'Progressing', message: 'the move goes on' }];
}

function judgePinned({ shard, placement: { manual } }: ShardInput): Verdict[] {
  const pinned = (status: Verdict['status'], reason: string, message: string): Verdict[] => [
    { type: 'Pinned', status, reason, message },
  ];
  if (manual !== undefined) {
    switch (manual.kind) {
      case 'refused':
        return pinned('False', manual.reason, manual.message);
      case 'wanted':
        return pinned('True', 'MovesByHand', `the copy on ${manual.from} is to move to ${manual.to}`);
      case 'done':
        return pinned('True', 'MovedByHand', `the copy on ${manual.to} stays there`);
    }
  }
  if (shard.metadata.annotations?.[PIN_ANNOTATION] !== 'true') return [];
  return pinned('True', 'PinnedByAnnotation', `no copy moves while annotation ${PIN_ANNOTATION} is there`);
}
