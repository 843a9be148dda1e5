import type { Resharding, RoutingTable } from '#crds/v1alpha1/index.ts';
import { elapsedSince } from '../elapsed.ts';
import { timeText } from '../conditions.ts';
import { feedings, primaryWord, type Feeding } from './sight.ts';
import { SEAL_MAX_MS } from './switch-table.ts';
import { missingTargets } from './targets.ts';
import { failed, keep, type ReshardingInput, type ReshardingPlan } from './types.ts';

/** Entries that a new shard may be behind when the old ones are sealed: clients wait for them. */
export const SWITCH_LAG_ENTRIES = 1_000;
/** Pause before the switch is tried again: doubles up to the second. */
const SWITCH_RETRY_MS = 5_000;
const SWITCH_RETRY_MAX_MS = 120_000;
/** Reports wake the plan; this is for what nobody reports. */
const LOOK_MS = 2_000;
/** Without progress for so long, people are told. */
export const STALL_MS = 60_000;

const PHASES = ['Preparing', 'Copying', 'Syncing', 'Verifying'] as const;
type Phase = Resharding['phase'];

/** Fills the new shards; when all are equal to the old ones and follow closely, the old ones are sealed. Pure. */
export function fill(input: ReshardingInput, before: Resharding, routing: RoutingTable): ReshardingPlan {
  const { now, frozen } = input;
  const create = frozen === undefined ? missingTargets(input, before, routing) : [];
  const { heard, waits } = feedings(before, input);
  const broken = heard.find(({ feed }) => feed.phase === 'failed');
  if (broken !== undefined) {
    const { target, source, feed } = broken;
    const message = `shard ${target} could not be filled from ${source}: ${feed.failure}; the old shards serve on`;
    return keep(failed(before, message, now));
  }
  const phase = phaseOf(before.phase, heard, waits.length > 0);
  const copiedPoints = sum(heard.map(({ feed }) => feed.copiedPoints));
  const totalPoints = Math.max(copiedPoints, sum(heard.map(({ feed }) => feed.totalPoints)));
  const moved = phase !== before.phase || copiedPoints > (before.copiedPoints ?? 0);
  const next: Resharding = {
    ...before,
    phase,
    copiedPoints,
    totalPoints,
    progressAt: moved ? timeText(now) : (before.progressAt ?? timeText(now)),
  };
  const eta = etaSeconds(next, now);
  if (eta === undefined) delete next.etaSeconds;
  else next.etaSeconds = eta;
  const waitsFor = frozen ?? waits[0] ?? lateFeed(heard, phase) ?? switchWaits(input, next, heard);
  if (waitsFor === undefined) {
    const attempts = (before.attempts ?? 0) + 1;
    const sealed = { phase: 'Switching' as const, switchingAt: timeText(now), progressAt: timeText(now), attempts };
    const message = 'the old shards are sealed until the routing table is switched';
    return { resharding: { ...next, ...sealed, message }, create, remove: [], requeueAfterMs: 100 };
  }
  const message = `${before.from} to ${before.to} shards: waiting for ${waitsFor}`.slice(0, 1_024);
  return { resharding: { ...next, message }, create, remove: [], requeueAfterMs: LOOK_MS };
}

/** True when nothing has moved for long; the message names what is waited for. */
export function isStalled(resharding: Resharding, now: number): boolean {
  return elapsedSince(resharding.progressAt, now) > STALL_MS;
}

/** The phase of the slowest. Those not heard of now do not take it back to the start. */
function phaseOf(before: Phase, heard: Feeding[], incomplete: boolean): Phase {
  if (heard.length === 0 || (incomplete && before === 'Preparing')) return before;
  const order = ['copying', 'syncing', 'verifying', 'ready'];
  const slowest = Math.min(...heard.map(({ feed }) => Math.max(0, order.indexOf(feed.phase))));
  return PHASES[Math.min(slowest + 1, PHASES.length - 1)]!;
}

function lateFeed(heard: Feeding[], phase: Phase): string | undefined {
  const late =
    heard.find(({ feed }) => feed.phase !== 'ready' && feed.failure !== '') ??
    heard.find(({ feed }) => feed.phase !== 'ready');
  if (late === undefined) return undefined;
  const { target, source, feed } = late;
  const why = feed.failure === '' ? '' : ` (${feed.failure})`;
  const doing =
    { Copying: 'copy', Syncing: 'catch up with', Verifying: 'be compared with' }[phase as 'Copying'] ?? 'read';
  return `shard ${target} to ${doing} shard ${source}${why}`;
}

/** What the switch waits for, all new shards being ready; undefined when it may begin. */
function switchWaits(input: ReshardingInput, resharding: Resharding, heard: Feeding[]): string | undefined {
  if (resharding.attempts !== undefined && resharding.switchingAt !== undefined) {
    const pause = Math.min(SWITCH_RETRY_MAX_MS, SWITCH_RETRY_MS * 2 ** (resharding.attempts - 1));
    const left = SEAL_MAX_MS + pause - elapsedSince(resharding.switchingAt, input.now);
    if (left > 0) return `${timeText(input.now + left)} to try the switch again (${lastReason(resharding)})`;
  }
  for (const source of resharding.sources) {
    const word = primaryWord(source, input);
    if ('waits' in word) return word.waits;
    if (word.is.shard.status?.handoverTo !== undefined) return `shard ${source} to change its primary`;
    const behind = heard.find(
      ({ source: name, feed }) => name === source && word.is.copy.checkpoint - feed.seqNo > SWITCH_LAG_ENTRIES,
    );
    if (behind !== undefined) return `shard ${behind.target} to catch up with shard ${source}`;
  }
  return undefined;
}

/** Why the last switch was given up, kept in the message. */
function lastReason({ message = '' }: Resharding): string {
  return /\(([^()]*(?:\([^()]*\)[^()]*)*)\)$/.exec(message)?.[1] ?? 'it took too long';
}

function etaSeconds(
  { copiedPoints = 0, totalPoints = 0, startedAt, phase }: Resharding,
  now: number,
): number | undefined {
  const seconds = (now - Date.parse(startedAt ?? '')) / 1_000;
  if (phase !== 'Copying' || copiedPoints <= 0 || !(seconds > 0)) return undefined;
  return Math.ceil(((totalPoints - copiedPoints) * seconds) / copiedPoints);
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
