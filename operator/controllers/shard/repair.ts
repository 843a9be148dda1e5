import type { ShardCopy } from '#crds/v1alpha1/index.ts';
import { reportOf } from '../../control/sights.ts';
import { healthOf } from '../../failover/health.ts';
import { bestHeir } from '../../failover/heir.ts';
import { mayRemove } from '../../migration/may-remove.ts';
import type { MigrationEvent } from '../../migration/migration.ts';
import {
  activate,
  addJoining,
  placeFirst,
  promote,
  removeCopy,
  replaceLost,
  unplace,
  type ShardConfig,
} from './config.ts';
import type { ShardInput } from './shard-input.ts';

/** First copies that are not made after this long on a node that is away are placed again elsewhere. */
export const FIRST_COPY_PATIENCE_MS = 60_000;

/** First copies that their nodes can't make are placed again after so long: where all nodes fail, that must not be a whirl. */
export const FIRST_COPY_FAILED_MS = 5_000;

/** A joining copy that has failed for so long is made anew: its node tries again by itself before, but damaged files stay damaged. */
export const FAILED_COPY_PATIENCE_MS = 60_000;

/** A step that was taken, for the event and the log. */
export interface Step {
  reason:
    | 'Placed'
    | 'PlacedAgain'
    | 'Activated'
    | 'CopyReplaced'
    | 'PrimaryChanged'
    | 'PrimaryHandedOver'
    | 'CopyAdded'
    | 'CopyRemoved'
    | MigrationEvent;
  message: string;
}

/** Takes every step that the reports and the planner call for. */
export function repair(before: ShardConfig, input: ShardInput): { config: ShardConfig; steps: Step[] } {
  const steps: Step[] = [];
  let config = before;
  const take = (next: ShardConfig | null, reason: Step['reason'], message: string): void => {
    if (next === null) return;
    config = next;
    steps.push({ reason, message });
  };
  if (before.primaryTerm === 0) {
    const { first } = input.placement;
    if (before.copies.length === 0)
      take(placeFirst(config, first, input.newIds), 'Placed', `placed on ${first.join(', ')}`);
    else if (allMade(config, input)) take(activate(config), 'Activated', 'every first copy exists: term 1 begins');
    else take(unplaceable(config, input) ? unplace(config) : null, 'PlacedAgain', 'a first copy could not be made');
    return { config, steps };
  }
  const ids = [...input.newIds];
  for (const copy of before.copies) {
    const fault = faultOf(copy, input);
    if (fault === undefined || (copy.role === 'Joining' && !isFailedForLong(copy, input))) continue;
    if (copy.role === 'Primary') {
      const heir = bestHeir(config, input);
      if (heir === undefined) continue;
      const message = `${copy.node} (primary) reports ${fault}: ${heir} is the primary now`;
      take(promote(config, heir, ids.shift()!), 'PrimaryChanged', message);
    } else if (hasSoundSource(before, copy, input)) {
      const message = `${copy.node} reports ${fault}: its copy is made anew`;
      take(replaceLost(config, copy.node, ids.shift()!), 'CopyReplaced', message);
    }
  }
  for (const node of input.placement.add)
    take(addJoining(config, node, ids.shift()!), 'CopyAdded', `new copy on ${node}`);
  for (const node of input.placement.remove) {
    const copy = config.copies.find((candidate) => candidate.node === node);
    // The other copies may be on nodes that are away or broken: then this one may be all there is.
    if (copy === undefined || mayRemove(copy, config, input).kind !== 'yes') continue;
    take(removeCopy(config, node), 'CopyRemoved', `copy on ${node} removed`);
  }
  return { config, steps };
}

/** What is wrong with a copy's data, in its node's words; undefined when nothing is known to be. */
export function faultOf(copy: ShardCopy, input: ShardInput): string | undefined {
  const report = reportOf(input.nodes.get(copy.node), input.shard.metadata.name, copy.allocationId);
  if (report?.state !== 'MISSING' && report?.state !== 'FAILED') return undefined;
  return report.message === '' ? report.state : `${report.state} (${report.message})`;
}

/** Each copy made anew has an allocationId of its own and may fail for as long again: that paces them. */
function isFailedForLong(copy: ShardCopy, input: ShardInput): boolean {
  return isFailedFor(FAILED_COPY_PATIENCE_MS, copy, input);
}

function isFailedFor(milliseconds: number, copy: ShardCopy, { failures, now }: ShardInput): boolean {
  const since = failures?.get(copy.allocationId);
  return since !== undefined && now - since >= milliseconds;
}

function allMade(config: ShardConfig, input: ShardInput): boolean {
  return config.copies.every((copy) => {
    const report = reportOf(input.nodes.get(copy.node), input.shard.metadata.name, copy.allocationId);
    return report?.state === 'CREATED' || report?.state === 'READY';
  });
}

/** A first copy whose node has been away for long, failed to make it, or is no node of the cluster any more. */
function unplaceable(config: ShardConfig, input: ShardInput): boolean {
  return config.copies.some((copy) => {
    const sight = input.nodes.get(copy.node);
    if (sight === undefined) return true;
    if (faultOf(copy, input) !== undefined) return isFailedFor(FIRST_COPY_FAILED_MS, copy, input);
    return !sight.connected && input.now - sight.since >= FIRST_COPY_PATIENCE_MS;
  });
}

/**
 * Another in-sync copy on a node that is not dead is reported ready, so this one may be given up. Being listed as in sync is not enough: that
 * copy may be lost too, and then what is left of this one may be all there is.
 */
function hasSoundSource(config: ShardConfig, leaving: ShardCopy, input: ShardInput): boolean {
  return config.copies.some((copy) => {
    if (copy.node === leaving.node || !copy.inSync) return false;
    if (healthOf(input.health, copy.node).state === 'Dead') return false;
    return reportOf(input.nodes.get(copy.node), input.shard.metadata.name, copy.allocationId)?.state === 'READY';
  });
}
