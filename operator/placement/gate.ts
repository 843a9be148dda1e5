import type { BlockedReason, Move, Plan, PlanInput, PlacementCopy, PlacementShard } from './types.ts';

/** What blocks depend on while the moves are gone through in order. */
interface GateState {
  shards: ReadonlyMap<string, PlacementShard>;
  living: ReadonlySet<string>;
  /** Shards that a running migration or an allowed move changes. */
  changing: Set<string>;
  /** Migrations that may still start. */
  budget: number;
  automatic: boolean;
}

/** Says of each wanted move whether it may start now; moves come in order of urgency and use up the budget in that order. */
export function gate(wish: readonly Move[], input: PlanInput): Omit<Plan, 'wish'> {
  const state: GateState = {
    shards: new Map(input.shards.map((shard) => [shard.name, shard])),
    living: new Set(input.nodes.filter((node) => !node.dead).map((node) => node.name)),
    changing: new Set(input.running.map((migration) => migration.shard)),
    budget: input.settings.maxConcurrentMigrations - input.running.length,
    automatic: input.settings.automatic,
  };
  const plan: Omit<Plan, 'wish'> = { allowed: [], blocked: [] };
  for (const move of wish) {
    const reason = blockedReason(move, state);
    if (reason !== undefined) {
      plan.blocked.push({ move, reason });
      continue;
    }
    plan.allowed.push(move);
    state.changing.add(move.shard);
    if (move.kind !== 'Remove') state.budget -= 1;
  }
  return plan;
}

/** The first reason that holds, lasting ones before passing ones. */
function blockedReason(move: Move, state: GateState): BlockedReason | undefined {
  const shard = state.shards.get(move.shard);
  const copies = (shard?.copies ?? []).filter((copy) => state.living.has(copy.node));
  const leaving = copies.find((copy) => copy.node === move.from);
  if (move.kind !== 'Remove' && move.to === undefined) return 'NotEnoughNodes';
  if (leaving?.pinned === true && move.kind !== 'Manual') return 'Pinned';
  if (!copies.some((copy) => copy.inSync)) return 'NoInSyncCopy';
  if (leaving !== undefined && isLastInSync(move, leaving, copies)) return 'LastInSyncReplica';
  if ((move.kind === 'Balance' || move.kind === 'Spread') && !state.automatic) return 'AutomaticRebalanceOff';
  if (shard?.hold !== undefined && move.kind !== 'Remove' && move.kind !== 'Repair') return shard.hold;
  if (state.changing.has(move.shard)) return 'ShardIsMigrating';
  if (move.kind !== 'Remove' && state.budget <= 0) return 'MigrationBudgetReached';
  return undefined;
}

/**
 * The last in-sync copy is never removed. It may migrate, since its successor is in sync before it goes; but not while another
 * copy is still catching up from it.
 */
function isLastInSync(move: Move, leaving: PlacementCopy, copies: readonly PlacementCopy[]): boolean {
  if (!leaving.inSync || copies.some((copy) => copy !== leaving && copy.inSync)) return false;
  return move.kind === 'Remove' || copies.length > 1;
}
