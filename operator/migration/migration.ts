import type { ShardMigration } from '#crds/v1alpha1/index.ts';
import { timeText } from '../conditions.ts';
import { elapsedMs } from '../elapsed.ts';

/** Why a copy moves: the planner's reason, or Manual for the annotation. */
export type MoveReason = NonNullable<ShardMigration['reason']>;

/** A move of one copy of a shard. Times in ms, perhaps by another operator's clock: only elapsedMs reads them. */
interface Move {
  from: string;
  to: string;
  reason: MoveReason;
  startedAt: number;
  /** What it does or waits for, or how it ended, for people. */
  message: string;
  /** Failures of this move in a row before this one. */
  attempts: number;
  copied: Copied;
}

/** How much of the copy there is. */
export interface Copied {
  points: number;
  totalPoints: number;
  bytes: number;
  bytesPerSecond: number;
  /** Undefined while nothing can be told from the progress so far. */
  etaSeconds?: number;
}

/** The phases in which the new copy comes to be, in their order. */
export const FILLING_PHASES = ['Preparing', 'Copying', 'Syncing', 'Verifying'] as const;
export type FillingPhase = (typeof FILLING_PHASES)[number];

/** `to` has a Joining copy: made, filled, caught up, compared. */
export interface Filling extends Move {
  phase: FillingPhase;
  allocationId: string;
  progressAt: number;
}

/** `to` is in sync and `from` is too: the primary is handed over if it is on `from`, then `from` leaves. */
export interface Switching extends Move {
  phase: 'Switching';
  allocationId: string;
  progressAt: number;
}

/** `from` is no copy any more; its node still has the files. */
export interface Cleanup extends Move {
  phase: 'Cleanup';
  progressAt: number;
}

export type RunningMigration = Filling | Switching | Cleanup;

/** `attempts` of a failed one count it too, and are 0 when it was cancelled: that is no reason to wait. */
export interface EndedMigration extends Move {
  phase: 'Complete' | 'Failed';
  endedAt: number;
}

/** A shard's present or last move. */
export type Migration = RunningMigration | EndedMigration;

/** Events of moves. */
export type MigrationEvent =
  | 'MigrationStarted'
  | 'MigrationCompleted'
  | 'MigrationCancelled'
  | 'MigrationFailed'
  | 'MigrationRefused'
  | 'HandoverStarted'
  | 'HandoverGivenUp';

/** True until it is complete or has failed. */
export function isRunning(migration: Migration | undefined): migration is RunningMigration {
  return migration !== undefined && migration.phase !== 'Complete' && migration.phase !== 'Failed';
}

export function isFilling(migration: Migration): migration is Filling {
  return FILLING_PHASES.some((phase) => phase === migration.phase);
}

/** True for a status that says that a copy is on the move. */
export function isMoving(status: ShardMigration | undefined): status is ShardMigration & { from: string } {
  return isRunning(parseMigration(status));
}

/** Reads Shard.status.migration; undefined when there is none, or none that makes sense. */
export function parseMigration(status: ShardMigration | undefined): Migration | undefined {
  if (status?.from === undefined) return undefined;
  const { from, to, phase } = status;
  const startedAt = timeOf(status.startedAt, 0);
  const { reason = 'Balance', message = '', attempts = 0 } = status;
  const move: Move = { from, to, reason, startedAt, message, attempts, copied: copiedOf(status) };
  const progressAt = timeOf(status.progressAt, startedAt);
  switch (phase) {
    case 'Preparing':
    case 'Copying':
    case 'Syncing':
    case 'Verifying':
    case 'Switching':
      // Without the copy's identity nobody could tell whose progress it is.
      if (status.allocationId === undefined) return undefined;
      return { ...move, phase, allocationId: status.allocationId, progressAt };
    case 'Cleanup':
      return { ...move, phase, progressAt };
    case 'Complete':
    case 'Failed':
      return { ...move, phase, endedAt: timeOf(status.endedAt, startedAt) };
  }
}

/** As Shard.status holds it. */
export function migrationStatus(migration: Migration): ShardMigration {
  const { from, to, reason, phase, attempts, copied, message } = migration;
  const allocationId = 'allocationId' in migration ? { allocationId: migration.allocationId } : {};
  const running = isRunning(migration);
  return {
    from,
    to,
    reason,
    ...allocationId,
    ...(attempts === 0 ? {} : { attempts }),
    phase,
    copiedPoints: copied.points,
    totalPoints: copied.totalPoints,
    copiedBytes: copied.bytes,
    bytesPerSecond: copied.bytesPerSecond,
    startedAt: timeText(migration.startedAt),
    ...(running ? { progressAt: timeText(migration.progressAt) } : { endedAt: timeText(migration.endedAt) }),
    ...(running && copied.etaSeconds !== undefined ? { etaSeconds: copied.etaSeconds } : {}),
    message: message.slice(0, MAX_MESSAGE),
  };
}

/** Members of status.migration that change all the time: they alone are written seldom. */
export const MIGRATION_COUNTERS = [
  'copiedPoints',
  'totalPoints',
  'copiedBytes',
  'bytesPerSecond',
  'etaSeconds',
  'progressAt',
];

const MAX_MESSAGE = 1024;
const FIRST_BACK_OFF_MS = 30_000;
const MAX_BACK_OFF_MS = 600_000;

/** In how many ms a shard whose move failed may move again; 0 for at once. */
export function backOffLeft(status: ShardMigration | undefined, now: number): number {
  const last = parseMigration(status);
  if (last?.phase !== 'Failed' || last.attempts === 0) return 0;
  const backOff = Math.min(MAX_BACK_OFF_MS, FIRST_BACK_OFF_MS * 2 ** (last.attempts - 1));
  return Math.max(0, backOff - elapsedMs(last.endedAt, now));
}

/** Whole per cent of the way, for the printed column. */
export function percentOf(migration: RunningMigration): number {
  const { phase, copied } = migration;
  switch (phase) {
    case 'Preparing':
      return 0;
    case 'Copying':
      return copied.totalPoints === 0 ? 0 : Math.min(99, Math.floor((100 * copied.points) / copied.totalPoints));
    case 'Syncing':
    case 'Verifying':
      return 99;
    case 'Switching':
    case 'Cleanup':
      return 100;
  }
}

function copiedOf(status: ShardMigration): Copied {
  return {
    points: status.copiedPoints ?? 0,
    totalPoints: status.totalPoints ?? 0,
    bytes: status.copiedBytes ?? 0,
    bytesPerSecond: status.bytesPerSecond ?? 0,
    ...(status.etaSeconds === undefined ? {} : { etaSeconds: status.etaSeconds }),
  };
}

function timeOf(text: string | undefined, otherwise: number): number {
  const time = Date.parse(text ?? '');
  return Number.isNaN(time) ? otherwise : time;
}
