import { balance } from './balance.ts';
import { buildBoard, type BoardNode, type BoardShard } from './board.ts';
import { placeReplicas } from './replicas.ts';
import type { NewPlacement, PlacementNode, PlacementSettings, PlacementShard, RunningMigration } from './types.ts';

/** Rounds of evening out primaries; each lessens the unevenness, and a few suffice. */
const MAX_PRIMARY_ROUNDS = 20;

/**
 * Chooses the first copies of every shard that has none, around the copies that exist. Pure: the same input, in any order,
 * gives the same placement, and the planner finds nothing to move after it.
 *
 * @param shards all shards of the cluster, placed ones too, since they load the nodes
 * @returns one placement a shard without copies, by shard name
 */
export function placeNewShards(
  nodes: readonly PlacementNode[],
  shards: readonly PlacementShard[],
  settings: PlacementSettings,
  running: readonly RunningMigration[] = [],
): NewPlacement[] {
  const board = buildBoard(nodes, shards, running, settings);
  const fresh = board.shards.filter((shard) => shard.input.copies.length === 0 && !shard.busy);
  for (const shard of fresh) placeReplicas(board, shard);
  const movable = new Set(fresh);
  balance(board, (shard) => movable.has(shard));
  const primaries = choosePrimaries(board.shards, fresh);
  return fresh
    .map((shard): NewPlacement => {
      const primary = primaries.get(shard);
      const replicas = shard.nodes.filter((node) => node !== primary);
      const names = [...(primary === undefined ? [] : [primary]), ...replicas].map((node) => node.name);
      const complete = names.length >= shard.input.replicationFactor;
      return { shard: shard.input.name, nodes: names, ...(complete ? {} : { blocked: 'NotEnoughNodes' }) };
    })
    .sort((a, b) => (a.shard < b.shard ? -1 : 1));
}

/** Gives each new shard's primary role to its node with the fewest, then evens out what came late. */
function choosePrimaries(all: readonly BoardShard[], fresh: readonly BoardShard[]): Map<BoardShard, BoardNode> {
  const count = new Map<string, number>();
  const add = (name: string, by: number): void => void count.set(name, (count.get(name) ?? 0) + by);
  const of = (node: BoardNode): number => count.get(node.name) ?? 0;
  for (const { input } of all) {
    for (const copy of input.copies) if (copy.role === 'Primary') add(copy.node, 1);
  }
  const chosen = new Map<BoardShard, BoardNode>();
  for (let round = 0; round < MAX_PRIMARY_ROUNDS; round++) {
    let changed = false;
    for (const shard of fresh) {
      const now = chosen.get(shard);
      const least = shard.nodes.reduce<BoardNode | undefined>(
        (best, node) => (best === undefined || of(node) < of(best) ? node : best),
        undefined,
      );
      if (least === undefined || (now !== undefined && of(least) + 1 >= of(now))) continue;
      if (now !== undefined) add(now.name, -1);
      add(least.name, 1);
      chosen.set(shard, least);
      changed = true;
    }
    if (!changed) break;
  }
  return chosen;
}
