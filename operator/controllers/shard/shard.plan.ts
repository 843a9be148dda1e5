import type { ShardStatus } from '#crds/v1alpha1/index.ts';
import type { Blocked } from '../../conditions.ts';
import { failOver } from '../../failover/fail-over.ts';
import { migrate, type Migrated } from '../../migration/migrate.ts';
import { wantedNodes } from '../../collections.ts';
import { sameJson } from '../../kube/json.ts';
import { decideWrite } from '../../status-write.ts';
import { configOf, type ShardConfig } from './config.ts';
import { judgeRequests, type PendingCopyRequest, type Verdict } from './copy-requests.ts';
import { FAILED_COPY_PATIENCE_MS, FIRST_COPY_FAILED_MS, FIRST_COPY_PATIENCE_MS, repair, type Step } from './repair.ts';
import { AWAY_GRACE_MS } from './shard-conditions.ts';
import type { ShardInput } from './shard-input.ts';
import { buildStatus, stripCounters } from './shard-status.ts';

export type ShardAction =
  /** Write the whole status, refused when the Shard changed since. `steps` tell what changed in the copies. */
  | { type: 'writeStatus'; status: ShardStatus; steps: Step[] }
  /** Answer a primary; comes after the write that the answer promises. */
  | { type: 'reply'; verdict: Verdict; configVersion: number }
  /** The request stays unanswered for now. */
  | { type: 'hold'; pending: PendingCopyRequest };

export interface ShardPlan {
  actions: ShardAction[];
  blocked: Blocked[];
  requeueAfterMs?: number;
}

/** Decides what a shard's copies should be and what its status should say. `lastWriteAt`: of this status, ms. */
export function planShard(input: ShardInput, lastWriteAt: number): ShardPlan {
  const before = configOf(input.shard);
  // Requests are judged even while the cluster is paused: a write waits for the answer.
  const { handoverTo } = input.shard.status ?? {};
  const judged = judgeRequests(before, { ...input, nodes: wantedCount(input), handoverTo });
  const changed = settled(mayChange(input) ? change(judged.config, input) : unchanged(judged.config, input));
  const config = numbered(before, changed.config, handoverTo !== changed.handoverTo);
  const status = buildStatus(config, input, changed);
  const decision = decideWrite(input.shard.status, status, { strip: stripCounters, lastWriteAt, now: input.now });
  const actions: ShardAction[] = [];
  const steps = [...judged.steps, ...changed.steps];
  if (decision.write) actions.push({ type: 'writeStatus', status, steps });
  for (const verdict of judged.verdicts) actions.push({ type: 'reply', verdict, configVersion: config.configVersion });
  for (const pending of judged.held) actions.push({ type: 'hold', pending });
  const waits = [
    decision.write ? undefined : decision.afterMs,
    input.placement.askAgainMs,
    changed.askAgainMs,
    judged.askAgainMs,
    graceEnd(input),
  ];
  const requeueAfterMs = Math.min(...waits.filter((wait) => wait !== undefined));
  return {
    actions,
    blocked: input.placement.blocked,
    ...(Number.isFinite(requeueAfterMs) ? { requeueAfterMs } : {}),
  };
}

/** Safety first: a shard without a living primary gets one, then its move goes on, then it is repaired. */
function change(before: ShardConfig, input: ShardInput): Migrated {
  const failedOver = failOver(before, input);
  const migrated = migrate(failedOver.config, input);
  const repaired = repair(migrated.config, input);
  const steps = [...failedOver.steps, ...migrated.steps, ...repaired.steps];
  return { ...migrated, config: repaired.config, steps };
}

/** A handover does not go on: its primary takes no writes meanwhile, and nobody would end it. */
function unchanged(config: ShardConfig, { shard }: ShardInput): Migrated {
  const { migration } = shard.status ?? {};
  return { config, steps: [], ...(migration === undefined ? {} : { migration }) };
}

/** A handover ends when its aim is the primary, or can't become it any more: nothing else may keep a primary sealed. */
function settled(changed: Migrated): Migrated {
  const { handoverTo, ...rest } = changed;
  const heir = changed.config.copies.find((copy) => copy.node === handoverTo);
  return heir?.inSync === true && heir.role !== 'Primary' ? changed : rest;
}

function wantedCount({ cluster }: ShardInput): number {
  return cluster === undefined ? 0 : wantedNodes(cluster);
}

/**
 * Any change of copies is a new configuration, and so is the begin or end of a handover: a late request to hand over fits no other. Seq
 * numbers and sizes in the copies are no change.
 */
function numbered(before: ShardConfig, after: ShardConfig, otherHandover: boolean): ShardConfig {
  const identity = (config: ShardConfig): object => ({
    term: config.primaryTerm,
    copies: config.copies.map(({ node, role, inSync, allocationId }) => ({ node, role, inSync, allocationId })),
  });
  return !otherHandover && sameJson(identity(before), identity(after))
    ? after
    : { ...after, configVersion: before.configVersion + 1 };
}

function mayChange({ cluster, shard }: ShardInput): boolean {
  return cluster !== undefined && cluster.spec.paused !== true && shard.metadata.deletionTimestamp === undefined;
}

/** A node that is away for now will be judged differently when the grace is over: nothing else would wake the plan. */
function graceEnd({ shard, nodes, failures, now }: ShardInput): number | undefined {
  const waits = (shard.status?.copies ?? [])
    .map((copy) => nodes.get(copy.node))
    .filter((sight) => sight !== undefined && !sight.connected)
    .flatMap((sight) => [AWAY_GRACE_MS, FIRST_COPY_PATIENCE_MS].map((grace) => sight!.since + grace - now))
    .concat(
      [...(failures?.values() ?? [])].flatMap((since) => [
        since + FIRST_COPY_FAILED_MS - now,
        since + FAILED_COPY_PATIENCE_MS - now,
      ]),
    )
    .filter((wait) => wait > 0);
  return waits.length === 0 ? undefined : Math.min(...waits);
}
