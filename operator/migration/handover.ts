import { elapsedSince } from '../elapsed.ts';
import { timeText } from '../conditions.ts';
import type { ShardConfig } from '../controllers/shard/config.ts';
import type { ShardInput } from '../controllers/shard/shard-input.ts';
import type { MigrationEvent } from './migration.ts';
import { isWell, reportFor } from './observe.ts';

/** A primary is sealed, and writes wait, for at most this long. */
export const HANDOVER_LIMIT_MS = 10_000;
/** A move whose handover took too long tries again after this; writes go on meanwhile. */
export const MOVE_PAUSE_MS = 20_000;
/** A handover that nobody waits for tries again after this. */
export const IDLE_PAUSE_MS = 300_000;

/** What a shard's status says of its handover, and what it waits for. */
export interface Handover {
  handoverTo?: string;
  handoverAt?: string;
  step?: { reason: MigrationEvent; message: string };
  message: string;
  askAgainMs?: number;
}

/**
 * Decides whether the primary is told to hand over to `wanted` now. The primary's node then seals it, and asks with HAND_OVER
 * when it is drained; the answer to that makes `wanted` the primary, and here ends the handover. Pure.
 */
export function handOver(wanted: string, pauseMs: number, config: ShardConfig, input: ShardInput): Handover {
  const { handoverTo, handoverAt } = input.shard.status ?? {};
  const primary = config.copies.find((copy) => copy.role === 'Primary');
  if (primary === undefined || primary.node === wanted) return { message: '' };
  const hindrance = hindranceOf(wanted, config, input);
  const since = elapsedSince(handoverAt, input.now);
  if (handoverTo === wanted && handoverAt !== undefined) {
    const message = reportFor(primary, input)?.drained
      ? `${primary.node} is sealed and drained, and is to ask for the handover`
      : `waits for the primary on ${primary.node} to drain and hand over to ${wanted}`;
    // A seal makes writes wait: it ends at once when it can't come to anything.
    if (hindrance === undefined && since < HANDOVER_LIMIT_MS) {
      return { handoverTo, handoverAt, message, askAgainMs: HANDOVER_LIMIT_MS - since };
    }
    const why = hindrance ?? `it took longer than ${HANDOVER_LIMIT_MS / 1000} s`;
    const step = {
      reason: 'HandoverGivenUp',
      message: `handover from ${primary.node} to ${wanted} is given up for now: ${why}`,
    } as const;
    return { handoverAt: timeText(input.now), step, message: step.message, askAgainMs: pauseMs };
  }
  const resting = handoverTo === undefined && since < pauseMs;
  const rest = resting && handoverAt !== undefined ? { handoverAt, askAgainMs: pauseMs - since } : {};
  if (hindrance !== undefined) return { ...rest, message: hindrance };
  if (resting) return { ...rest, message: `tries the handover to ${wanted} again after a pause` };
  return {
    handoverTo: wanted,
    handoverAt: timeText(input.now),
    step: { reason: 'HandoverStarted', message: `${primary.node} is to hand the primary over to ${wanted}` },
    message: `waits for the primary on ${primary.node} to drain and hand over to ${wanted}`,
    askAgainMs: HANDOVER_LIMIT_MS,
  };
}

/** A primary drains only when every in-sync copy answers. */
function hindranceOf(wanted: string, config: ShardConfig, input: ShardInput): string | undefined {
  const target = config.copies.find((copy) => copy.node === wanted);
  if (target?.inSync !== true) return `waits for the copy on ${wanted} to be in sync`;
  const unwell = config.copies.find((copy) => copy.inSync && !isWell(copy, input));
  return unwell === undefined ? undefined : `waits for the copy on ${unwell.node} to be ready`;
}
