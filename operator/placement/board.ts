import { fairShares } from './fair-share.ts';
import { buildRing, ringPosition, type Ring } from './ring.ts';
import type { PlacementNode, PlacementSettings, PlacementShard, RunningMigration } from './types.ts';

/** A living node while a plan is made; `shards` changes with every move that is planned. */
export interface BoardNode {
  readonly name: string;
  readonly zone: string;
  /** Takes new copies: neither cordoned nor draining. */
  readonly open: boolean;
  readonly draining: boolean;
  /** Index on the ring; -1 for a node that is not open. */
  readonly ringIndex: number;
  readonly shards: Set<BoardShard>;
  /** Copies that it would hold if all were spread evenly. */
  share: number;
  /** With fewer copies than this it is filled up: a whole copy of rounding is no imbalance. */
  low: number;
  /** With more copies than this it is relieved. */
  high: number;
  /** New copies go elsewhere while it has this many. */
  cap: number;
}

/** A shard while a plan is made. */
export interface BoardShard {
  readonly input: PlacementShard;
  readonly position: number;
  /** Living nodes that hold it once the running migrations are done and the moves planned so far too. */
  nodes: BoardNode[];
  /** On its way, or about to be: one change of a shard at a time. */
  busy: boolean;
}

/** The state that a plan is made on: nodes by name and shards by place on the ring, whatever order they came in. */
export interface Board {
  /** Every node that is not dead, by name. */
  readonly living: ReadonlyMap<string, BoardNode>;
  /** Nodes that take new copies, in the order of the ring's indexes. */
  readonly open: BoardNode[];
  readonly shards: BoardShard[];
  readonly ring: Ring;
}

/** Lays out living nodes and their copies as they will be when the running migrations are done. */
export function buildBoard(
  nodes: readonly PlacementNode[],
  shards: readonly PlacementShard[],
  running: readonly RunningMigration[],
  settings: PlacementSettings,
): Board {
  const living = nodes.filter((node) => !node.dead);
  const isOpen = (node: PlacementNode): boolean => !node.cordoned && !node.draining;
  const ring = buildRing(
    living.filter(isOpen).map((node) => node.name),
    settings.virtualNodes,
  );
  const ringIndex = new Map(ring.names.map((name, index) => [name, index]));
  const boardNodes = living
    .map((node): BoardNode => ({
      name: node.name,
      zone: node.zone,
      open: isOpen(node),
      draining: node.draining,
      ringIndex: ringIndex.get(node.name) ?? -1,
      shards: new Set(),
      share: 0,
      low: 0,
      high: 0,
      cap: 0,
    }))
    .sort((a, b) => compare(a.name, b.name));
  const byName = new Map(boardNodes.map((node) => [node.name, node]));
  const migrations = new Map(running.map((migration) => [migration.shard, migration]));
  const boardShards = shards
    .map((input): BoardShard => {
      const migration = migrations.get(input.name);
      return {
        input,
        position: ringPosition(input.key),
        nodes: settledNodes(input, migration, byName),
        busy: migration !== undefined,
      };
    })
    .sort((a, b) => a.position - b.position || compare(a.input.name, b.input.name));
  for (const shard of boardShards) for (const node of shard.nodes) node.shards.add(shard);
  const board = { living: byName, open: boardNodes.filter((node) => node.open), shards: boardShards, ring };
  setShares(board, settings);
  return board;
}

/** Gives a shard a copy on a node. */
export function addCopy(shard: BoardShard, node: BoardNode): void {
  shard.nodes.push(node);
  node.shards.add(shard);
}

/** Takes a shard's copy off a node. */
export function removeCopy(shard: BoardShard, node: BoardNode): void {
  shard.nodes = shard.nodes.filter((each) => each !== node);
  node.shards.delete(shard);
}

function settledNodes(
  shard: PlacementShard,
  migration: RunningMigration | undefined,
  byName: ReadonlyMap<string, BoardNode>,
): BoardNode[] {
  const names = new Set(shard.copies.map((copy) => copy.node));
  if (migration?.from !== undefined) names.delete(migration.from);
  if (migration !== undefined) names.add(migration.to);
  return [...names].sort().flatMap((name) => byName.get(name) ?? []);
}

/** Copies on cordoned nodes stay, so the open nodes share what is left. */
function setShares(board: Board, settings: PlacementSettings): void {
  const zones = [...Map.groupBy(board.open, (node) => node.zone)];
  const demands = new Map<number, number>();
  for (const shard of board.shards) {
    const staying = shard.nodes.filter((node) => !node.open && !node.draining).length;
    const copies = Math.max(0, shard.input.replicationFactor - staying);
    demands.set(copies, (demands.get(copies) ?? 0) + 1);
  }
  const shares = fairShares(
    zones.map(([, nodes]) => nodes.length),
    [...demands].map(([copies, shards]) => ({ copies, shards })),
  );
  for (const [index, [, nodes]] of zones.entries()) {
    for (const node of nodes) {
      node.share = shares[index] ?? 0;
      const slack = (node.share * settings.maxImbalancePercent) / 100;
      node.low = Math.min(Math.floor(node.share), Math.ceil(tidy(node.share - slack)));
      node.high = Math.max(Math.ceil(node.share), Math.floor(tidy(node.share + slack)));
      // Never so full that the balancer would empty it again.
      node.cap = Math.min(Math.ceil(tidy(settings.maxLoad * node.share)), node.high);
    }
  }
}

/** Removes the noise of doubles, so that 1.2 x 5 is 6 and not a bit more. */
function tidy(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
