import type { ShardCopy, ShardStatus } from '#crds/v1alpha1/index.ts';
import { mergeConditions, timeText, type Verdict } from '../../conditions.ts';
import type { CopyReport } from '#proto/control-messages.ts';
import { reportOf } from '../../control/sights.ts';
import {
  isFilling,
  isRunning,
  MIGRATION_COUNTERS,
  parseMigration,
  percentOf,
  type RunningMigration,
} from '../../migration/migration.ts';
import { judgeMoves } from '../../migration/move-conditions.ts';
import { feedText, shardFeed } from '../../resharding/shard-feed.ts';
import { without } from '../../status-write.ts';
import { isObject, type JsonObject } from '../../kube/json.ts';
import type { ShardConfig } from './config.ts';
import { judgeShard } from './shard-conditions.ts';
import type { ShardInput } from './shard-input.ts';

/** The whole status for a configuration: conditions, counters and the texts of the printed columns. */
export function buildStatus(
  config: ShardConfig,
  input: ShardInput,
  { migration, handoverTo, handoverAt }: Pick<ShardStatus, 'migration' | 'handoverTo' | 'handoverAt'> = {},
): ShardStatus {
  const { shard } = input;
  const before = shard.status;
  const verdicts = [...judgeShard(config, input), ...judgeMoves(migration, input)];
  const moving = parseMigration(migration);
  const reports = config.copies.map((copy) =>
    reportOf(input.nodes.get(copy.node), shard.metadata.name, copy.allocationId),
  );
  const primaryIndex = config.copies.findIndex((copy) => copy.role === 'Primary');
  const primary = config.copies[primaryIndex];
  const report = reports[primaryIndex];
  const inSync = config.copies.filter((copy) => copy.inSync).length;
  const bytes = report?.bytes ?? before?.bytes;
  const points = report?.points ?? before?.points;
  const feed = shardFeed(report, before?.feed);
  const progress = isRunning(moving) ? movingText(moving) : feed ? feedText(feed) : joiningText(config, reports, input);
  return {
    ...(shard.metadata.generation === undefined ? {} : { observedGeneration: shard.metadata.generation }),
    conditions: mergeConditions(before?.conditions, verdicts, shard.metadata.generation, timeText(input.now)),
    primaryTerm: config.primaryTerm,
    configVersion: config.configVersion,
    copies: config.copies.map((copy, i) => withCounters(copy, reports[i])),
    ...(migration === undefined ? {} : { migration }),
    ...(handoverTo === undefined ? {} : { handoverTo }),
    ...(handoverAt === undefined ? {} : { handoverAt }),
    ...(feed === undefined ? {} : { feed }),
    ...(points === undefined ? {} : { points }),
    ...(bytes === undefined ? {} : { bytes, size: sizeText(bytes) }),
    lag: lagOf(config, reports) ?? before?.lag ?? 0,
    phase: phaseOf(config, verdicts, reports, input, { moving: isRunning(moving), filling: feed !== undefined }),
    ...(primary === undefined ? {} : { primary: primary.node }),
    replicas: config.copies
      .filter((copy) => copy.role !== 'Primary')
      .map((copy) => copy.node)
      .sort()
      .join(','),
    inSync: `${inSync}/${shard.spec.replicationFactor}`,
    slots: `${shard.spec.slots.from}-${shard.spec.slots.to}`,
    ...progress,
    message: messageOf(verdicts),
  };
}

/** The status without what may lag: two statuses that agree in this differ in counters only. */
export function stripCounters(status: JsonObject): JsonObject {
  const copies = Array.isArray(status['copies']) ? status['copies'] : [];
  const { migration, feed } = status;
  return {
    ...without(status, ['points', 'bytes', 'size', 'lag', 'progress', 'eta']),
    ...(isObject(migration) ? { migration: without(migration, MIGRATION_COUNTERS) } : {}),
    ...(isObject(feed) ? { feed: without(feed, ['copiedPoints', 'totalPoints']) } : {}),
    copies: copies.map((copy: JsonObject) => without(copy, ['seqNo', 'bytes'])),
  };
}

function withCounters(copy: ShardCopy, report: CopyReport | undefined): ShardCopy {
  const { node, role, inSync, allocationId } = copy;
  const seqNo = report?.seqNo ?? copy.seqNo;
  const bytes = report?.bytes ?? copy.bytes;
  return {
    node,
    role,
    inSync,
    allocationId,
    ...(seqNo === undefined ? {} : { seqNo }),
    ...(bytes === undefined ? {} : { bytes }),
  };
}

function lagOf(config: ShardConfig, reports: (CopyReport | undefined)[]): number | undefined {
  const known = reports.filter((report) => report !== undefined).map((report) => report.seqNo);
  const primary = reports[config.copies.findIndex((copy) => copy.role === 'Primary')];
  return primary === undefined ? undefined : Math.max(0, primary.seqNo - Math.min(...known));
}

const CREATION = new Set<string>(['Pending', 'Creating']);

function phaseOf(
  config: ShardConfig,
  verdicts: Verdict[],
  reports: (CopyReport | undefined)[],
  { shard }: ShardInput,
  { moving, filling }: { moving: boolean; filling: boolean },
): NonNullable<ShardStatus['phase']> {
  if (config.copies.length === 0) return 'Pending';
  if (config.primaryTerm === 0) return 'Creating';
  const { status: available, reason } = verdicts.find((verdict) => verdict.type === 'Available') ?? {};
  // A new shard's primary opens in its first term: that is still its creation.
  const opening = reason === 'PrimaryStarting' && CREATION.has(shard.status?.phase ?? 'Pending');
  if (available === 'False') return opening ? 'Creating' : 'Unavailable';
  const inSync = config.copies.filter((copy) => copy.inSync).length;
  if (moving && inSync >= shard.spec.replicationFactor) return 'Migrating';
  const joins = config.copies.some((copy, i) => copy.role === 'Joining' && reports[i]?.state !== 'FAILED');
  if (joins) return 'Recovering';
  if (inSync < shard.spec.replicationFactor || available === 'Unknown') return 'Degraded';
  return filling ? 'Filling' : 'Active';
}

/** Progress and ETA of a move. */
function movingText(migration: RunningMigration): Pick<ShardStatus, 'progress' | 'eta'> {
  const { etaSeconds } = migration.copied;
  const eta = isFilling(migration) && etaSeconds !== undefined ? { eta: durationText(etaSeconds) } : {};
  return { progress: `${percentOf(migration)}%`, ...eta };
}

/** Progress and ETA of the copy that is being filled. */
function joiningText(
  config: ShardConfig,
  reports: (CopyReport | undefined)[],
  input: ShardInput,
): Pick<ShardStatus, 'progress' | 'eta'> {
  const index = config.copies.findIndex((copy, i) => copy.role === 'Joining' && reports[i]?.state === 'RECOVERING');
  const report = reports[index];
  if (report === undefined || report.totalPoints === 0) return {};
  const progress = `${Math.floor((100 * report.copiedPoints) / report.totalPoints)}%`;
  const first = input.recoveries.get(report.allocationId);
  const copied = report.copiedPoints - (first?.copiedPoints ?? report.copiedPoints);
  const seconds = (input.now - (first?.at ?? input.now)) / 1000;
  if (copied <= 0 || seconds <= 0) return { progress };
  return { progress, eta: durationText(((report.totalPoints - report.copiedPoints) * seconds) / copied) };
}

/** The first thing that is not as it should be. */
function messageOf(verdicts: Verdict[]): string {
  const order = ['Placed', 'Available', 'FullyReplicated', 'Stalled'];
  const worst = verdicts
    .filter((verdict) => (verdict.type === 'Stalled') === (verdict.status === 'True') && verdict.type !== 'Pinned')
    .sort((a, b) => order.indexOf(a.type) - order.indexOf(b.type))[0];
  return worst?.message ?? '';
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** Bytes for people: three digits at most. */
export function sizeText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}

/** Seconds for people. */
function durationText(seconds: number): string {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))}s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)}m`;
  return `${Math.floor(seconds / 3600)}h${Math.round((seconds % 3600) / 60)}m`;
}
