import { failOverTo, type ShardConfig } from '../controllers/shard/config.ts';
import type { Step } from '../controllers/shard/repair.ts';
import type { ShardInput } from '../controllers/shard/shard-input.ts';
import { bestHeir, whyNotHeir } from './heir.ts';
import { deadNodes, healthOf } from './health.ts';

/**
 * Gives a shard whose primary's node is dead a new primary: an in-sync copy, so it has every acknowledged write. Copies on other dead nodes
 * leave the in-sync set in the same change, which takes nothing away from that: the new primary need not wait for them first. Pure.
 */
export function failOver(before: ShardConfig, input: ShardInput): { config: ShardConfig; steps: Step[] } {
  const primary = before.copies.find((copy) => copy.role === 'Primary');
  if (before.primaryTerm === 0 || primary === undefined) return { config: before, steps: [] };
  const { state, why } = healthOf(input.health, primary.node);
  if (state !== 'Dead') return { config: before, steps: [] };
  const heir = bestHeir(before, input);
  const config = heir === undefined ? null : failOverTo(before, heir, new Set(deadNodes(input.health)));
  if (config === null) return { config: before, steps: [] };
  const message = `${primary.node} (primary) is dead (${why}): ${heir} is the primary now, in term ${config.primaryTerm}`;
  return { config, steps: [{ reason: 'PrimaryChanged', message }] };
}

/** Why a shard whose primary's node is dead has no new one: reason and message of its condition Available. */
export function whyNoPrimary(config: ShardConfig, input: ShardInput): { reason: string; message: string } | undefined {
  const primary = config.copies.find((copy) => copy.role === 'Primary');
  if (primary === undefined || config.primaryTerm === 0) return undefined;
  const { state, why } = healthOf(input.health, primary.node);
  if (state !== 'Dead') return undefined;
  const dead = `${primary.node}, the primary's node, is dead (${why})`;
  if (input.cluster?.spec.paused === true) {
    return {
      reason: 'Paused',
      message: `${dead}, and spec.paused is true: no other copy takes over until it is false`,
    };
  }
  const others = config.copies.filter((copy) => copy.inSync && copy !== primary);
  const living = others.filter((copy) => healthOf(input.health, copy.node).state !== 'Dead');
  if (living.length === 0) {
    const holders = [primary, ...others].map((copy) => copy.node).join(', ');
    const what =
      others.length === 0 ? `${holders} holds the only in-sync copy` : `${holders} hold the only in-sync copies`;
    const message = `${dead}: ${what}, and only those have every acknowledged write; bring one of these nodes back`;
    return { reason: 'NoLivingInSyncCopy', message };
  }
  const waits = living.map((copy) => `${copy.node} (${whyNotHeir(copy, input) ?? 'ready'})`).join(', ');
  return { reason: 'WaitingForHeir', message: `${dead}; waiting for an in-sync copy that can take over: ${waits}` };
}
