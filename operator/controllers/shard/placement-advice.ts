import type { Shard, VectorCluster } from '#crds/v1alpha1/index.ts';
import type { Blocked } from '../../conditions.ts';
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
import { ordinalOf } from '../../pods.ts';
import { wantedNodes } from '../../collections.ts';
import type { PlacementAdvice } from './shard-input.ts';

/** A data pod as placement sees it. */
export interface AdviceNode {
  name: string;
  zone: string;
  connected: boolean;
  /** When `connected` last changed, ms. */
  since: number;
}

/** Everything that placement in one cluster follows from. */
export interface AdviceInput {
  cluster: VectorCluster;
  nodes: AdviceNode[];
  /** All shards on the cluster's nodes. */
  shards: Shard[];
  now: number;
}

/** Nodes come up one after the other: placing on the first ones only would fill them with everything. */
export const SETTLE_MS = 20_000;
/** After this long, a shard is placed on what there is rather than not at all. */
export const PATIENCE_MS = 60_000;
const PIN = 'annulus.dev/pin';

/** The planner's word on all shards of a cluster, and the moves that the cluster's status shows. */
export interface ClusterAdvice {
  byShard: Map<string, PlacementAdvice>;
  /** Wanted moves of placed shards. */
  plan: Plan;
}

/** Moves for drains, zones and balance need migrations, which come with a later version. */
export const MIGRATION_BLOCKED = 'MigrationNotYetSupported';

/** Asks the planner about every shard of a cluster. Pure. */
export function advise(input: AdviceInput): ClusterAdvice {
  const { cluster } = input;
  const nodes = input.nodes.map((node) => placementNode(node, cluster));
  const shards = input.shards.map(placementShard);
  const settings = settingsOf(cluster);
  const running = runningMigrations(input.shards);
  const plan = planMoves({ nodes, shards, settings, running });
  const firsts = placeNewShards(nodes, shards, settings, running);
  const readiness = mayPlace(input);
  const byShard = new Map<string, PlacementAdvice>();
  for (const shard of input.shards) {
    const { name } = shard.metadata;
    const advice: PlacementAdvice = { first: [], add: [], remove: [], blocked: [] };
    byShard.set(name, advice);
    const first = firsts.find((placement) => placement.shard === name);
    if (first !== undefined) {
      if ('blocked' in readiness) advice.blocked.push(readiness.blocked);
      else advice.first = first.nodes;
      if ('blocked' in readiness && readiness.askAgainMs !== undefined) advice.askAgainMs = readiness.askAgainMs;
    }
    for (const move of plan.allowed.filter((move) => move.shard === name)) {
      if (move.kind === 'Remove' && move.from !== undefined) advice.remove.push(move.from);
      if (move.kind === 'Repair' && move.from === undefined && move.to !== undefined) advice.add.push(move.to);
    }
    for (const { move, reason } of plan.blocked.filter(({ move }) => move.shard === name)) {
      advice.blocked.push({ reason, message: blockText(move, reason, input) });
    }
  }
  return { byShard, plan };
}

/** Reason why a wanted move does not happen now; undefined when it does. */
export function blockOf(move: Move, plan: Plan): string | undefined {
  const blocked = plan.blocked.find((entry) => entry.move === move)?.reason;
  if (blocked !== undefined) return blocked;
  const direct = move.kind === 'Remove' || (move.kind === 'Repair' && move.from === undefined);
  return direct ? undefined : MIGRATION_BLOCKED;
}

/** Why a step waits, for people; the constant reason stands beside it. */
function blockText(move: Move, reason: BlockedReason, input: AdviceInput): string {
  const connected = input.nodes.filter((node) => node.connected).length;
  switch (reason) {
    case 'NotEnoughNodes':
      return `no node is free to take one more copy (${connected} of ${wantedNodes(input.cluster)} nodes connected)`;
    case 'MigrationBudgetReached':
      return `a copy waits for its turn to be made on ${move.to ?? 'a node'} (rebalance.maxConcurrentMigrations)`;
    case 'NoInSyncCopy':
      return 'there is no in-sync copy to fill another one from';
    case 'LastInSyncReplica':
      return `the copy on ${move.from ?? 'a node'} is the last in-sync one`;
    case 'Pinned':
      return `the copy on ${move.from ?? 'a node'} is pinned by annotation ${PIN}`;
    case 'ShardIsMigrating':
      return 'a copy of the shard is on its way already';
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

function placementNode(node: AdviceNode, cluster: VectorCluster): PlacementNode {
  return {
    name: node.name,
    zone: node.zone,
    // A node that is away keeps its copies; whether it is dead is for failover to say.
    cordoned: !node.connected,
    draining: ordinalOf(cluster.metadata.name, node.name) >= wantedNodes(cluster),
    dead: false,
  };
}

function placementShard(shard: Shard): PlacementShard {
  const pinned = shard.metadata.annotations?.[PIN] === 'true';
  return {
    name: shard.metadata.name,
    key: `${shard.metadata.namespace ?? ''}/${shard.metadata.name}`,
    replicationFactor: shard.spec.replicationFactor,
    copies: (shard.status?.copies ?? []).map(({ node, role, inSync }) => ({ node, role, inSync, pinned })),
  };
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

function runningMigrations(shards: Shard[]): RunningMigration[] {
  return shards.flatMap((shard) =>
    (shard.status?.copies ?? [])
      .filter((copy) => copy.role === 'Joining')
      .map((copy) => ({ shard: shard.metadata.name, to: copy.node })),
  );
}
