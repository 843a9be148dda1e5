import type { Shard, VectorCluster } from '#crds/v1alpha1/index.ts';
import { wantedNodes } from '../../collections.ts';
import type { Blocked } from '../../conditions.ts';
import type { ClusterHealth } from '../../failover/health.ts';
import { cancelReason } from '../../migration/cancel.ts';
import { manualMove, PIN_ANNOTATION, type ManualMove } from '../../migration/manual-move.ts';
import { PRIMARY_ANNOTATION } from '../../migration/migrate.ts';
import { backOffLeft, isMoving } from '../../migration/migration.ts';
import { nextHandover } from '../../placement/even-primaries.ts';
import { placeNewShards } from '../../placement/new-shards.ts';
import { planMoves } from '../../placement/planner.ts';
import type {
  BlockedReason,
  Move,
  Plan,
  PlacementNode,
  PlacementSettings,
  PlacementShard,
  RunningMigration,
} from '../../placement/types.ts';
import { placementNodes, type AdviceNode } from './placement-nodes.ts';
import type { PlacementAdvice } from './shard-input.ts';

export type { AdviceNode };

/** Everything that placement in one cluster follows from. */
export interface AdviceInput {
  cluster: VectorCluster;
  nodes: AdviceNode[];
  /** What is believed of the nodes. */
  health: ClusterHealth;
  /** All shards on the cluster's nodes. */
  shards: Shard[];
  now: number;
}

/** Nodes come up one after the other: placing on the first ones only would fill them with everything. */
export const SETTLE_MS = 20_000;
/** After this long, a shard is placed on what there is rather than not at all. */
export const PATIENCE_MS = 60_000;
/** Primaries are evened out when all nodes have been connected for this long: one that restarts gets its own back later. */
export const EVEN_PRIMARIES_AFTER_MS = 60_000;

/** The planner's word on all shards of a cluster, and the moves that the cluster's status shows. */
export interface ClusterAdvice {
  byShard: Map<string, PlacementAdvice>;
  /** Wanted moves of placed shards. */
  plan: Plan;
  /** Time alone makes it another after that. */
  changesInMs?: number;
}

/** Asks the planner about every shard of a cluster. Linear in the number of shards beside the planner itself. Pure. */
export function advise(input: AdviceInput): ClusterAdvice {
  const { nodes, changesInMs } = placementNodes(input);
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const readiness = mayPlace(input);
  const manual = new Map(input.shards.map((shard) => [shard.metadata.name, manualMove(shard, byName)]));
  const uneven = unevenCollections(input.shards);
  const shards = input.shards.map((shard) => ({
    ...placementShard(shard, manual.get(shard.metadata.name), byName, 'blocked' in readiness, input.now),
    ...(uneven.has(shard.spec.collection) ? { keepSurplus: true } : {}),
  }));
  const settings = settingsOf(input.cluster);
  const running = runningMigrations(input.shards, byName);
  const plan = planMoves({ nodes, shards, settings, running });
  const firsts = new Map(placeNewShards(nodes, shards, settings, running).map((first) => [first.shard, first]));
  const handover = wantedHandover(input, nodes, shards, plan, running);
  const allowed = Map.groupBy(plan.allowed, (move) => move.shard);
  const blocked = Map.groupBy(plan.blocked, ({ move }) => move.shard);
  const counts = `${input.nodes.filter((node) => node.connected).length} of ${wantedNodes(input.cluster)} nodes connected`;
  const byShard = new Map<string, PlacementAdvice>();
  let soonest = Math.min(changesInMs ?? Infinity, handover.changesInMs ?? Infinity);
  for (const shard of input.shards) {
    const { name } = shard.metadata;
    const advice: PlacementAdvice = { first: [], add: [], remove: [], blocked: [] };
    byShard.set(name, advice);
    const first = firsts.get(name);
    if (first !== undefined) {
      if ('blocked' in readiness) advice.blocked.push(readiness.blocked);
      else advice.first = first.nodes;
    }
    const wait = Math.min(
      'blocked' in readiness ? (readiness.askAgainMs ?? Infinity) : Infinity,
      backOffLeft(shard.status?.migration, input.now) || Infinity,
    );
    soonest = Math.min(soonest, wait);
    const waits = first !== undefined || (blocked.get(name) ?? []).some(({ reason }) => TIMED.has(reason));
    if (waits && Number.isFinite(wait)) advice.askAgainMs = wait;
    for (const move of allowed.get(name) ?? []) take(advice, move);
    for (const { move, reason } of blocked.get(name) ?? []) {
      advice.blocked.push({ reason, message: blockText(move, reason, counts) });
    }
    const byHand = manual.get(name);
    if (byHand !== undefined) advice.manual = byHand;
    const cancel = cancelReason(shard, byName);
    if (cancel !== undefined) advice.cancel = cancel;
    if (handover.shard === name) advice.handoverTo = handover.to;
  }
  return { byShard, plan, ...(Number.isFinite(soonest) ? { changesInMs: soonest } : {}) };
}

/** Reasons that pass with time alone. */
const TIMED = new Set<BlockedReason>(['MigrationFailedRecently', 'WaitingForNodes']);

function take(advice: PlacementAdvice, move: Move): void {
  const { kind, from, to } = move;
  if (kind === 'Remove') {
    if (from !== undefined) advice.remove.push(from);
  } else if (kind === 'Repair') {
    // A lost copy stays listed until its successor is in sync: it may come back.
    if (to !== undefined) advice.add.push(to);
  } else if (from !== undefined && to !== undefined) {
    advice.move = { ...move, from, to };
  }
}

/** Reason why a wanted move does not happen now; undefined when it does. */
export function blockOf(move: Move, plan: Plan): string | undefined {
  return plan.blocked.find((entry) => entry.move === move)?.reason;
}

/** Why a step waits, for people; the constant reason stands beside it. */
function blockText(move: Move, reason: BlockedReason, counts: string): string {
  switch (reason) {
    case 'NotEnoughNodes':
      return `no node is free to take one more copy (${counts})`;
    case 'MigrationBudgetReached':
      return `a copy waits for its turn to be made on ${move.to ?? 'a node'} (rebalance.maxConcurrentMigrations)`;
    case 'NoInSyncCopy':
      return 'there is no in-sync copy to fill another one from';
    case 'LastInSyncReplica':
      return `the copy on ${move.from ?? 'a node'} is the last in-sync one`;
    case 'Pinned':
      return `the copy on ${move.from ?? 'a node'} is pinned by annotation ${PIN_ANNOTATION} or annulus.dev/migrate`;
    case 'ShardIsMigrating':
      return 'a copy of the shard is on its way already';
    case 'MigrationFailedRecently':
      return 'the last move of this shard failed: it is tried again after a pause (status.migration says why it failed)';
    case 'Resharding':
      return 'the shard is being filled from others: it moves when that is done';
    case 'WaitingForNodes':
      return `waiting for nodes before copies move: ${counts}`;
    case 'AutomaticRebalanceOff':
      return 'rebalance.automatic is false';
  }
}

function mayPlace(input: AdviceInput): { ready: true } | { blocked: Blocked; askAgainMs?: number } {
  const wanted = wantedNodes(input.cluster);
  const connected = input.nodes.filter((node) => node.connected);
  if (connected.length >= wanted) return { ready: true };
  const message = `waiting for nodes: ${connected.length} of ${wanted} are connected`;
  const blocked = { reason: 'WaitingForNodes', message };
  if (connected.length === 0) return { blocked };
  const quiet = input.now - Math.max(...input.nodes.map((node) => node.since));
  const enough = connected.length >= Math.min(wanted, input.cluster.spec.replicationFactor ?? 2);
  const patience = enough ? SETTLE_MS : PATIENCE_MS;
  return quiet >= patience ? { ready: true } : { blocked, askAgainMs: patience - quiet };
}

function placementShard(
  shard: Shard,
  manual: ManualMove | undefined,
  nodes: ReadonlyMap<string, PlacementNode>,
  nodesAreComing: boolean,
  now: number,
): PlacementShard {
  const pinned = shard.metadata.annotations?.[PIN_ANNOTATION] === 'true';
  const target = manual?.kind === 'refused' ? undefined : manual?.to;
  const filling = shard.status?.feed !== undefined && shard.status.feed.phase !== 'Ready';
  const waits = nodesAreComing || (manual?.kind === 'wanted' && nodes.get(manual.to)?.away === true);
  const hold = filling
    ? 'Resharding'
    : backOffLeft(shard.status?.migration, now) > 0
      ? 'MigrationFailedRecently'
      : waits
        ? 'WaitingForNodes'
        : undefined;
  return {
    name: shard.metadata.name,
    key: `${shard.metadata.namespace ?? ''}/${shard.metadata.name}`,
    replicationFactor: shard.spec.replicationFactor,
    copies: (shard.status?.copies ?? []).map(({ node, role, inSync }) => ({
      node,
      role,
      inSync,
      pinned: pinned || node === target,
    })),
    ...(manual?.kind === 'wanted' ? { manual: { from: manual.from, to: manual.to } } : {}),
    ...(hold === undefined ? {} : { hold }),
  };
}

/** Collections whose change of replicationFactor has not reached all of their shards. */
function unevenCollections(shards: Shard[]): Set<string> {
  const factors = new Map<string, number>();
  const uneven = new Set<string>();
  for (const { collection, replicationFactor } of shards.map((shard) => shard.spec)) {
    if ((factors.get(collection) ?? replicationFactor) !== replicationFactor) uneven.add(collection);
    factors.set(collection, replicationFactor);
  }
  return uneven;
}

function settingsOf({ spec }: VectorCluster): PlacementSettings {
  return {
    virtualNodes: spec.ring?.virtualNodes ?? 150,
    maxLoad: Math.max(1, Number(spec.ring?.maxLoad ?? '1.2')),
    maxImbalancePercent: spec.rebalance?.maxImbalancePercent ?? 20,
    maxConcurrentMigrations: spec.rebalance?.maxConcurrentMigrations ?? 2,
    automatic: spec.rebalance?.automatic ?? true,
  };
}

/**
 * Moves, and copies that join. One whose node or primary is away gets nowhere for now: it must not use up the budget that the
 * repair of others needs.
 */
function runningMigrations(shards: Shard[], nodes: ReadonlyMap<string, PlacementNode>): RunningMigration[] {
  const isThere = (node: string | undefined): boolean => {
    const known = nodes.get(node ?? '');
    return known !== undefined && known.away !== true && !known.dead;
  };
  return shards.flatMap(({ metadata: { name: shard }, status }) => {
    const copies = status?.copies ?? [];
    const fills = isThere(copies.find((copy) => copy.role === 'Primary')?.node);
    const move = isMoving(status?.migration) ? status.migration : undefined;
    const joining = copies.filter((copy) => copy.role === 'Joining' && copy.node !== move?.to);
    return [
      ...joining.filter((copy) => fills && isThere(copy.node)).map((copy) => ({ shard, to: copy.node })),
      ...(move === undefined ? [] : [{ shard, from: move.from, to: move.to }]),
    ];
  });
}

/** One handover at a time, of a cluster in which nothing else happens. */
function wantedHandover(
  { cluster, nodes, shards, now }: AdviceInput,
  placed: readonly PlacementNode[],
  placementShards: readonly PlacementShard[],
  plan: Plan,
  running: readonly RunningMigration[],
): { shard?: string; to?: string; changesInMs?: number } {
  const under = shards.find(({ status }) => status?.handoverTo !== undefined && !isMoving(status.migration));
  if (under?.status?.handoverTo !== undefined) return { shard: under.metadata.name, to: under.status.handoverTo };
  const { automatic, maxImbalancePercent } = settingsOf(cluster);
  if (!automatic || plan.wish.length > 0 || running.length > 0) return {};
  if (nodes.some((node) => !node.connected)) return {};
  const named = new Set(
    shards
      .filter(({ metadata, status }) => metadata.annotations?.[PRIMARY_ANNOTATION] !== undefined || status?.feed)
      .map(({ metadata }) => metadata.name),
  );
  const next = nextHandover(placed, placementShards, maxImbalancePercent, (shard) => !named.has(shard.name));
  if (next === undefined) return {};
  const left = EVEN_PRIMARIES_AFTER_MS - (now - Math.max(...nodes.map((node) => node.since)));
  return left > 0 ? { changesInMs: left } : next;
}
