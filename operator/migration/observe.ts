import type { ShardCopy } from '#crds/v1alpha1/index.ts';
import type { CopyReport, StreamReport } from '#proto/control-messages.ts';
import { isFresh, reportOf } from '../control/sights.ts';
import { elapsedMs } from '../elapsed.ts';
import { healthOf } from '../failover/health.ts';
import type { ShardConfig } from '../controllers/shard/config.ts';
import type { ShardInput } from '../controllers/shard/shard-input.ts';
import type { Copied, FillingPhase } from './migration.ts';

/** A node that is neither connected nor ready for so long is given up as the target of a move. */
export const TARGET_AWAY_MS = 60_000;

/** What is known of the copy that is being made. */
export interface Sighting {
  phase: FillingPhase;
  copied: Copied;
  /** It moved on since the status was last written. */
  movedOn: boolean;
  /** What it does or waits for. */
  message: string;
  /** Why it will not come to be; undefined while it may. */
  lost?: string;
}

/** Looks at a Joining copy through the reports of its node and of the primary's. */
export function observeFilling(
  copy: ShardCopy,
  config: ShardConfig,
  before: { phase: FillingPhase; copied: Copied; startedAt: number },
  input: ShardInput,
): Sighting {
  const report = reportFor(copy, input);
  const primary = config.copies.find((other) => other.role === 'Primary');
  const stream = primary && reportFor(primary, input)?.streams.find((one) => one.allocationId === copy.allocationId);
  const phase = phaseOf(before.phase, report, stream);
  const copied = report === undefined ? before.copied : copiedOf(report, before, input.now);
  const known = input.shard.status?.copies?.find((other) => other.allocationId === copy.allocationId);
  const movedOn =
    phase !== before.phase ||
    copied.points !== before.copied.points ||
    copied.bytes !== before.copied.bytes ||
    (report?.seqNo ?? 0) > (known?.seqNo ?? 0);
  const lost = lostText(copy, report, input);
  return {
    phase,
    copied,
    movedOn,
    message: waitText(copy, report, stream, primary, phase, input),
    ...(lost === undefined ? {} : { lost }),
  };
}

/** Why a node can't be the target of a move any more; undefined while it can. */
export function targetLost(node: string, input: ShardInput): string | undefined {
  const sight = input.nodes.get(node);
  if (sight === undefined) return `${node} is no node of the cluster any more`;
  if (isDead(node, input)) return `${node} is dead`;
  const away = !sight.connected && !sight.podReady && input.now - sight.since >= TARGET_AWAY_MS;
  return away ? `${node} has been away for ${TARGET_AWAY_MS / 1000} s` : undefined;
}

/** True when the cluster believes the node to be dead. */
export function isDead(node: string, input: ShardInput): boolean {
  return healthOf(input.health, node).state === 'Dead';
}

/** In sync, its node says now that it is well, and nobody doubts it. */
export function isWell(copy: ShardCopy, input: ShardInput): boolean {
  const sight = input.nodes.get(copy.node);
  if (!copy.inSync || sight === undefined || !isFresh(sight, input.now)) return false;
  const { state } = healthOf(input.health, copy.node);
  return state !== 'Dead' && state !== 'Suspect' && reportFor(copy, input)?.state === 'READY';
}

/** The node's word on a copy of the shard. */
export function reportFor(copy: ShardCopy, input: ShardInput): CopyReport | undefined {
  return reportOf(input.nodes.get(copy.node), input.shard.metadata.name, copy.allocationId);
}

function lostText(copy: ShardCopy, report: CopyReport | undefined, input: ShardInput): string | undefined {
  if (report?.state === 'FAILED') return `${copy.node} reports FAILED (${report.message || 'no reason given'})`;
  return targetLost(copy.node, input);
}

function phaseOf(before: FillingPhase, report: CopyReport | undefined, stream: StreamReport | undefined): FillingPhase {
  if (report === undefined) return before;
  switch (stream?.phase) {
    case 'recovering':
      return 'Copying';
    case 'streaming':
      return 'Syncing';
    case 'verifying':
      return 'Verifying';
    default:
      // The stream begins, or begins again after a failure.
      return before !== 'Preparing' || report.state !== 'RECOVERING' ? before : 'Copying';
  }
}

function copiedOf(report: CopyReport, before: { copied: Copied; startedAt: number }, now: number): Copied {
  // Once the import is done the node no longer says how much it was.
  const importing = report.totalPoints > 0;
  const points = importing ? report.copiedPoints : Math.max(before.copied.points, report.points);
  const totalPoints = importing ? report.totalPoints : Math.max(before.copied.totalPoints, report.points);
  const seconds = elapsedMs(before.startedAt, now) / 1000;
  const rate = seconds > 0 ? points / seconds : 0;
  const left = Math.max(0, totalPoints - points);
  return {
    points,
    totalPoints,
    bytes: report.bytes,
    bytesPerSecond: seconds > 0 ? Math.round(report.bytes / seconds) : 0,
    ...(rate > 0 && importing ? { etaSeconds: Math.ceil(left / rate) } : {}),
  };
}

const DOING: Record<FillingPhase, string> = {
  Preparing: 'an empty copy is made',
  Copying: 'points are copied',
  Syncing: 'the log since is applied',
  Verifying: 'digests are compared',
};

function waitText(
  copy: ShardCopy,
  report: CopyReport | undefined,
  stream: StreamReport | undefined,
  primary: ShardCopy | undefined,
  phase: FillingPhase,
  input: ShardInput,
): string {
  if (input.nodes.get(copy.node)?.connected !== true) return `waits for ${copy.node}, which is not connected`;
  if (report === undefined) return `waits for ${copy.node} to make its copy`;
  if (primary === undefined) return 'waits for a primary';
  if (input.nodes.get(primary.node)?.connected !== true)
    return `waits for the primary's node ${primary.node}, which is not connected`;
  const state = reportFor(primary, input)?.state;
  if (state !== 'READY')
    return `waits for the primary on ${primary.node}, which is ${(state ?? 'unknown').toLowerCase()}`;
  if (stream !== undefined && stream.failure !== '') return `${primary.node} says: ${stream.failure}`;
  return DOING[phase];
}
