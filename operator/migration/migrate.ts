import type { ShardCopy, ShardMigration } from '#crds/v1alpha1/index.ts';
import { addJoining, removeCopy, type ShardConfig } from '../controllers/shard/config.ts';
import type { Step } from '../controllers/shard/repair.ts';
import type { ShardInput } from '../controllers/shard/shard-input.ts';
import { elapsedMs } from '../elapsed.ts';
import { handOver, IDLE_PAUSE_MS, MOVE_PAUSE_MS, type Handover } from './handover.ts';
import { mayRemove } from './may-remove.ts';
import {
  backOffLeft,
  isFilling,
  isRunning,
  migrationStatus,
  parseMigration,
  type Cleanup,
  type EndedMigration,
  type Filling,
  type Migration,
  type RunningMigration,
  type Switching,
} from './migration.ts';
import { isDead, observeFilling } from './observe.ts';

/** A move that did not go on for so long is called stalled. */
export const STALL_MS = 60_000;
/** Files that a node did not delete by then are its own business: its map no longer names them. */
export const CLEANUP_LIMIT_MS = 120_000;
/** A move that waits for copies to be well looks again after this. */
const LOOK_AGAIN_MS = 1_000;
/** Names the node that should hold the shard's primary. */
export const PRIMARY_ANNOTATION = 'annulus.dev/primary';
/** As many as Shard.status.copies may have. */
const MAX_COPIES = 16;

/** What a shard's status should say of its move, and the configuration that follows from it. */
export interface Migrated {
  config: ShardConfig;
  steps: Step[];
  migration?: ShardMigration;
  /** Node that the primary is to hand over to. */
  handoverTo?: string;
  handoverAt?: string;
  /** When to look again although nothing changed. */
  askAgainMs?: number;
}

/** One look at a move. */
interface Outcome {
  config: ShardConfig;
  migration: Migration | undefined;
  steps: Step[];
  handover?: Handover;
  askAgainMs?: number;
}

/**
 * Drives the shard's running move one step, or begins one that the planner allows, or hands the primary over. Everything
 * follows from the status and the reports, so that it goes on after an operator's restart at any point. Pure.
 */
export function migrate(before: ShardConfig, input: ShardInput): Migrated {
  const known = parseMigration(input.shard.status?.migration);
  const outcome = isRunning(known) ? advance(known, before, input) : begin(known, before, input);
  const { config, migration } = outcome;
  const handover = outcome.handover ?? (isRunning(migration) ? undefined : idleHandover(config, input));
  const steps = [...outcome.steps];
  if (handover?.step !== undefined) steps.push(handover.step);
  const { manual } = input.placement;
  const isNews = input.shard.status?.conditions?.every((condition) => condition.type !== 'Pinned') ?? true;
  // A condition's first appearance makes no event.
  if (manual?.kind === 'refused' && isNews) steps.push({ reason: 'MigrationRefused', message: manual.message });
  const waits = [outcome.askAgainMs, handover?.askAgainMs, stallWait(migration, input.now)];
  const askAgainMs = Math.min(...waits.filter((wait) => wait !== undefined && wait > 0).map(Number));
  return {
    config,
    steps,
    ...(migration === undefined ? {} : { migration: migrationStatus(migration) }),
    ...(handover?.handoverTo === undefined ? {} : { handoverTo: handover.handoverTo }),
    ...(handover?.handoverAt === undefined ? {} : { handoverAt: handover.handoverAt }),
    ...(Number.isFinite(askAgainMs) ? { askAgainMs } : {}),
  };
}

/** True when a running move has not gone on for STALL_MS. */
export function isStalled(migration: RunningMigration, now: number): boolean {
  return elapsedMs(migration.progressAt, now) >= STALL_MS;
}

/** What a stalled move waits for. */
export function stalledText({ from, to, phase, message }: RunningMigration): string {
  return `the move from ${from} to ${to} (${phase}) has not gone on for ${STALL_MS / 1000} s: ${message}`;
}

function begin(last: Migration | undefined, config: ShardConfig, input: ShardInput): Outcome {
  const { placement, shard, now, newIds } = input;
  const { move } = placement;
  const none: Outcome = { config, migration: last, steps: [] };
  if (move === undefined || move.kind === 'Remove' || shard.status?.handoverTo !== undefined) return none;
  if (backOffLeft(shard.status?.migration, now) > 0 || config.copies.length >= MAX_COPIES) return none;
  // The advice may be older than the copies.
  const leaves = config.copies.some((copy) => copy.node === move.from);
  if (!leaves || input.nodes.get(move.to)?.connected !== true) return none;
  // Repairs of the same pass take their ids from the other end.
  const allocationId = newIds.at(-1)!;
  const next = addJoining(config, move.to, allocationId);
  if (next === null) return none;
  const migration: Filling = {
    phase: 'Preparing',
    from: move.from,
    to: move.to,
    reason: move.kind,
    allocationId,
    startedAt: now,
    progressAt: now,
    attempts: last?.phase === 'Failed' && last.from === move.from ? last.attempts : 0,
    copied: { points: 0, totalPoints: 0, bytes: 0, bytesPerSecond: 0 },
    message: `waits for ${move.to} to make its copy`,
  };
  const message = `the copy on ${move.from} moves to ${move.to} (${move.kind})`;
  return { config: next, migration, steps: [{ reason: 'MigrationStarted', message }] };
}

function advance(migration: RunningMigration, config: ShardConfig, input: ShardInput): Outcome {
  if (migration.phase === 'Cleanup') return cleanUp(migration, config, input);
  const to = config.copies.find((copy) => copy.node === migration.to);
  if (to?.allocationId !== migration.allocationId)
    return rollBack(migration, config, input, `the new copy on ${migration.to} is gone`, 'failed');
  return to.inSync ? switchOver(migration, to, config, input) : fill(migration, to, config, input);
}

/** The new copy is not in sync (yet, or any more). */
function fill(migration: Filling | Switching, to: ShardCopy, config: ShardConfig, input: ShardInput): Outcome {
  const { cancel } = input.placement;
  if (cancel !== undefined) return rollBack(migration, config, input, cancel.message, 'cancelled');
  const phase = isFilling(migration) ? migration.phase : 'Syncing';
  const { copied, startedAt } = migration;
  const seen = observeFilling(to, config, { phase, copied, startedAt }, input);
  if (seen.lost !== undefined) return rollBack(migration, config, input, seen.lost, 'failed');
  const movedOn = seen.movedOn || migration.phase === 'Switching';
  const next: Filling = {
    ...migration,
    phase: seen.phase,
    copied: seen.copied,
    message: seen.message,
    progressAt: movedOn ? input.now : migration.progressAt,
  };
  return { config, migration: next, steps: [] };
}

/** The new copy is in sync: the old one may go, once it is not the primary and enough others are well. */
function switchOver(before: Filling | Switching, to: ShardCopy, config: ShardConfig, input: ShardInput): Outcome {
  const { cancel } = input.placement;
  const arrived = before.phase !== 'Switching';
  const migration: Switching = {
    ...before,
    phase: 'Switching',
    copied: finished(before.copied),
    progressAt: arrived ? input.now : before.progressAt,
  };
  const from = config.copies.find((copy) => copy.node === migration.from);
  if (from === undefined) return leave(migration, config, input);
  if (cancel !== undefined && to.role !== 'Primary' && mayRemove(to, config, input).kind === 'yes') {
    const next = removeCopy(config, to.node);
    if (next !== null) return rollBack(migration, next, input, cancel.message, 'cancelled');
  }
  const wait = (message: string, handover?: Handover): Outcome => ({
    config,
    migration: { ...migration, message },
    steps: [],
    // A report that says the same again wakes nobody.
    askAgainMs: LOOK_AGAIN_MS,
    ...(handover === undefined ? {} : { handover }),
  });
  if (from.role === 'Primary') {
    const handover = handOver(to.node, MOVE_PAUSE_MS, config, input);
    return wait(handover.message, handover);
  }
  const verdict = mayRemove(from, config, input);
  switch (verdict.kind) {
    case 'wait':
      return wait(verdict.message);
    case 'never':
      return rollBack(migration, config, input, verdict.message, 'cancelled');
    case 'yes': {
      const next = removeCopy(config, from.node);
      return next === null ? wait(`the copy on ${from.node} can't be removed`) : leave(migration, next, input);
    }
  }
}

function leave({ allocationId: _, ...migration }: Switching, config: ShardConfig, { now }: ShardInput): Outcome {
  const message = `waits for ${migration.from} to delete its copy`;
  return { config, migration: { ...migration, phase: 'Cleanup', progressAt: now, message }, steps: [] };
}

/** Waits until the node says that it has nothing of the shard any more, or can't say anything. */
function cleanUp(migration: Cleanup, config: ShardConfig, input: ShardInput): Outcome {
  const { from, to } = migration;
  const sight = input.nodes.get(from);
  const silent = sight === undefined || isDead(from, input);
  const has = sight?.report?.copies.some((copy) => copy.shard === input.shard.metadata.name);
  const gone = sight?.connected === true && has === false;
  const waited = elapsedMs(migration.progressAt, input.now);
  if (!gone && !silent && waited < CLEANUP_LIMIT_MS) {
    return { config, migration, steps: [], askAgainMs: CLEANUP_LIMIT_MS - waited };
  }
  const rest = gone ? '' : `; ${from} deletes its files when it follows the map again`;
  const message = `the copy on ${from} has moved to ${to}${rest}`;
  const { progressAt: _, ...move } = migration;
  const ended: EndedMigration = { ...move, phase: 'Complete', attempts: 0, endedAt: input.now, message };
  return { config, migration: ended, steps: [{ reason: 'MigrationCompleted', message }] };
}

/** Ends the move with its new copy removed, unless that is in sync: then the planner finds out which one is too many. */
function rollBack(
  migration: Filling | Switching,
  config: ShardConfig,
  { now }: ShardInput,
  why: string,
  how: 'failed' | 'cancelled',
): Outcome {
  const { allocationId: _, progressAt: __, ...move } = migration;
  const to = config.copies.find((copy) => copy.node === move.to);
  const removed = to === undefined || to.inSync ? null : removeCopy(config, to.node);
  const message = `the move from ${move.from} to ${move.to} ${how === 'failed' ? 'failed' : 'was cancelled'}: ${why}`;
  const attempts = how === 'failed' ? move.attempts + 1 : 0;
  const ended: EndedMigration = { ...move, phase: 'Failed', attempts, endedAt: now, message };
  const reason = how === 'failed' ? 'MigrationFailed' : 'MigrationCancelled';
  return { config: removed ?? config, migration: ended, steps: [{ reason, message }] };
}

/** The handover that a person or the planner wants while nothing moves; a primary's copy that is one too many can't go before. */
function idleHandover(config: ShardConfig, input: ShardInput): Handover | undefined {
  const { remove, handoverTo } = input.placement;
  const primary = config.copies.find((copy) => copy.role === 'Primary');
  const leaves = primary !== undefined && remove.includes(primary.node);
  const heir = config.copies.find((copy) => copy.inSync && copy !== primary && !remove.includes(copy.node));
  const named = input.shard.metadata.annotations?.[PRIMARY_ANNOTATION];
  const wanted = (leaves ? heir?.node : undefined) ?? named ?? handoverTo;
  const copy = config.copies.find((candidate) => candidate.node === wanted);
  if (copy?.inSync !== true || copy.role === 'Primary') return undefined;
  return handOver(copy.node, leaves ? MOVE_PAUSE_MS : IDLE_PAUSE_MS, config, input);
}

function finished({ etaSeconds: _, ...copied }: Migration['copied']): Migration['copied'] {
  return { ...copied, points: Math.max(copied.points, copied.totalPoints) };
}

function stallWait(migration: Migration | undefined, now: number): number | undefined {
  return isRunning(migration) ? STALL_MS - elapsedMs(migration.progressAt, now) : undefined;
}
