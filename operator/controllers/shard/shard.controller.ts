import { randomUUID } from 'node:crypto';
import type { Condition, Shard, ShardStatus, VectorCluster } from '#crds/v1alpha1/index.ts';
import { transitionNotes } from '../../conditions.ts';
import { reportOf } from '../../control/sights.ts';
import { healthOf } from '../../failover/health.ts';
import { applyStatus } from '../../kube/apply.ts';
import { objectKey } from '../../kube/object.ts';
import type { WorkResult } from '../../kube/queue.ts';
import { RESOURCES } from '../../kube/resources.ts';
import { WriteTimes, type OperatorContext } from '../../operator-context.ts';
import type { AdviceSource } from './advice-source.ts';
import { Divergences } from './divergences.ts';
import type { PlacementAdvice, ShardInput } from './shard-input.ts';
import { planShard, type ShardAction } from './shard.plan.ts';

const STALE_RETRY_MS = 100;
const NO_ADVICE: PlacementAdvice = { first: [], add: [], remove: [], blocked: [] };
/** Enough for the most copies that a shard may have, each made anew. */
const NEW_IDS = 16;

/** The shell of the shard controller. It alone writes Shard.status, so requests of primaries go through it too. */
export class ShardController {
  readonly #context: OperatorContext;
  readonly #advice: AdviceSource;
  readonly #writeTimes = new WriteTimes();
  /** By shard: when each recovery was first seen, for its ETA. */
  readonly #recoveries = new Map<string, ShardInput['recoveries']>();
  /** By shard: since when each copy has been reported failed. */
  readonly #failures = new Map<string, ReadonlyMap<string, number>>();
  readonly #divergences = new Divergences();

  constructor(context: OperatorContext, advice: AdviceSource) {
    this.#context = context;
    this.#advice = advice;
  }

  reconcile = async (namespace: string, name: string): Promise<WorkResult> => {
    const { caches, expectations, metrics } = this.#context;
    const key = objectKey(namespace, name);
    const shard = caches.shards.get(namespace, name);
    if (shard === undefined) {
      expectations.forget(`Shard/${key}`);
      this.#recoveries.delete(key);
      this.#failures.delete(key);
      this.#divergences.forget(key);
      this.#advice.forgetShard(key);
      return {};
    }
    if (!expectations.met(`Shard/${key}`, shard.metadata.resourceVersion, Date.now())) {
      return { requeueAfterMs: STALE_RETRY_MS };
    }
    const input = this.#gather(shard, key);
    const plan = planShard(input, this.#writeTimes.get(key));
    const diverged = this.#divergences.note(key, shard, input.nodes);
    for (const { reason } of plan.blocked) metrics.blocked.inc({ controller: 'shard', reason });
    for (const action of plan.actions) await this.#act(shard, key, action);
    if (diverged !== null) await this.#context.events.record(shard, diverged);
    return plan.requeueAfterMs === undefined ? {} : { requeueAfterMs: plan.requeueAfterMs };
  };

  #gather(shard: Shard, key: string): ShardInput {
    const { caches, hub } = this.#context;
    const namespace = shard.metadata.namespace ?? '';
    const clusterKey = objectKey(namespace, shard.spec.cluster);
    const cluster = caches.clusters.get(namespace, shard.spec.cluster);
    const sights = hub.sights(clusterKey);
    const nodes: ShardInput['nodes'] = new Map();
    for (const { name, since } of cluster === undefined ? [] : this.#advice.nodesOf(cluster)) {
      const pod = caches.pods.get(namespace, name);
      const sight = sights.get(name) ?? { node: name, connected: false, since };
      nodes.set(name, { ...sight, podReady: pod?.ready ?? false });
    }
    const now = Date.now();
    return {
      shard,
      cluster,
      nodes,
      health: this.#context.health.of(clusterKey),
      placement: cluster === undefined ? NO_ADVICE : this.#adviceOn(shard, cluster),
      requests: hub.requests(clusterKey, shard.metadata.name),
      newIds: Array.from({ length: NEW_IDS }, () => randomUUID()),
      recoveries: this.#seenRecoveries(shard, key, nodes, now),
      failures: this.#seenFailures(shard, key, nodes, now),
      now,
    };
  }

  #adviceOn(shard: Shard, cluster: VectorCluster): PlacementAdvice {
    const { advice, freshInMs } = this.#advice.of(cluster);
    const mine = advice.byShard.get(shard.metadata.name) ?? NO_ADVICE;
    const complete = shard.status?.copies?.length === shard.spec.replicationFactor;
    return freshInMs === undefined || complete ? mine : { ...mine, askAgainMs: freshInMs };
  }

  async #act(shard: Shard, key: string, action: ShardAction): Promise<void> {
    const { api, hub, expectations, events, log } = this.#context;
    const clusterKey = objectKey(shard.metadata.namespace, shard.spec.cluster);
    if (action.type === 'hold') {
      const { node, action: wanted } = action.pending.request;
      hub.hold(clusterKey, action.pending);
      log.info(
        { shard: key, from: action.pending.from, node, wanted },
        'copy request waits until it is clear who is dead',
      );
      return;
    }
    if (action.type === 'reply') {
      const { pending, ok, reason } = action.verdict;
      const { requestId, action: wanted, node } = pending.request;
      hub.reply(clusterKey, pending, { requestId, ok, reason, configVersion: action.configVersion });
      log.info({ shard: key, from: pending.from, node, wanted, ok, reason }, 'copy request answered');
      return;
    }
    const { status, steps } = action;
    // The whole status follows from the old one: a write in between makes this one fail, and the plan is made again.
    const target = { apiVersion: shard.apiVersion, kind: shard.kind, metadata: shard.metadata };
    this.#advice.writing(shard, status);
    try {
      const written = await applyStatus(api, RESOURCES.Shard, target, status);
      expectations.expect(`Shard/${key}`, written.metadata.resourceVersion, Date.now());
      this.#advice.written(shard);
    } catch (error) {
      this.#advice.notWritten(shard);
      throw error;
    }
    this.#writeTimes.set(key, Date.now());
    this.#countFailover(shard, clusterKey, status);
    for (const { reason, message } of steps) {
      log.info({ shard: key, cluster: shard.spec.cluster, term: status.primaryTerm, reason }, message);
      await events.record(target, { type: WARN_STEPS.has(reason) ? 'Warning' : 'Normal', reason, message });
    }
    // While the first copies come to be, the steps above tell enough.
    const settled = status.phase !== 'Pending' && status.phase !== 'Creating';
    const notes = settled ? transitionNotes(shard.status?.conditions, status.conditions, isBad) : [];
    for (const note of notes) await events.record(target, note);
  }

  #countFailover(before: Shard, clusterKey: string, after: ShardStatus): void {
    const { health, metrics } = this.#context;
    const { state, since } = healthOf(health.of(clusterKey), before.status?.primary ?? '');
    if (state !== 'Dead' || after.primaryTerm === before.status?.primaryTerm) return;
    metrics.failovers.inc({ cluster: clusterKey });
    metrics.failoverSeconds.observe({ cluster: clusterKey }, (Date.now() - since) / 1000);
  }

  #seenRecoveries(shard: Shard, key: string, nodes: ShardInput['nodes'], now: number): ShardInput['recoveries'] {
    const before = this.#recoveries.get(key);
    const seen: ShardInput['recoveries'] = new Map();
    for (const { node, allocationId } of shard.status?.copies ?? []) {
      const report = reportOf(nodes.get(node), shard.metadata.name, allocationId);
      if (report?.state !== 'RECOVERING') continue;
      seen.set(allocationId, before?.get(allocationId) ?? { at: now, copiedPoints: report.copiedPoints });
    }
    if (seen.size > 0) this.#recoveries.set(key, seen);
    else this.#recoveries.delete(key);
    return seen;
  }

  #seenFailures(
    shard: Shard,
    key: string,
    nodes: ShardInput['nodes'],
    now: number,
  ): NonNullable<ShardInput['failures']> {
    const before = this.#failures.get(key);
    const seen = new Map<string, number>();
    for (const { node, allocationId } of shard.status?.copies ?? []) {
      const report = reportOf(nodes.get(node), shard.metadata.name, allocationId);
      if (report?.state === 'FAILED' || report?.state === 'MISSING')
        seen.set(allocationId, Math.min(before?.get(allocationId) ?? now, now));
    }
    if (seen.size > 0) this.#failures.set(key, seen);
    else this.#failures.delete(key);
    return seen;
  }
}

const WARN_STEPS = new Set<string>([
  'PlacedAgain',
  'CopyReplaced',
  'PrimaryChanged',
  'MigrationFailed',
  'MigrationRefused',
  'HandoverGivenUp',
]);

function isBad(condition: Condition): boolean {
  return (condition.type === 'Stalled') === (condition.status === 'True');
}
