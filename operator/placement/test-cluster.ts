import fc from 'fast-check';
import { placeNewShards } from './new-shards.ts';
import { planMoves } from './planner.ts';
import type { Move, PlacementCopy, PlacementNode, PlacementSettings, PlacementShard } from './types.ts';

/** The defaults of VectorCluster, without a budget that hides moves. */
export const SETTINGS: PlacementSettings = {
  virtualNodes: 150,
  maxLoad: 1.2,
  maxImbalancePercent: 20,
  maxConcurrentMigrations: 2,
  automatic: true,
};

/** Nodes n-0, n-1, ... in zones z0, z1, ... by turns. */
export function nodesOf(count: number, zones: number): PlacementNode[] {
  return Array.from({ length: count }, (_, index) => nodeOf(`n-${index}`, `z${index % zones}`));
}

/** One healthy node. */
export function nodeOf(name: string, zone: string, flags: Partial<PlacementNode> = {}): PlacementNode {
  return { name, zone, cordoned: false, draining: false, dead: false, ...flags };
}

/** Shards s-0, s-1, ... without copies. */
export function newShards(count: number, replicationFactor: number): PlacementShard[] {
  return Array.from({ length: count }, (_, index) => shardOf(`s-${index}`, [], replicationFactor));
}

/** A shard with in-sync copies on the named nodes, the primary first. */
export function shardOf(name: string, nodes: string[], replicationFactor = nodes.length): PlacementShard {
  return {
    name,
    key: `words/${name}`,
    replicationFactor,
    copies: nodes.map((node, index) => copyOn(node, index === 0)),
  };
}

/** An in-sync copy. */
export function copyOn(node: string, primary = false): PlacementCopy {
  return { node, role: primary ? 'Primary' : 'Replica', inSync: true, pinned: false };
}

/** Places what is new and returns all shards with copies. */
export function placed(nodes: PlacementNode[], shards: PlacementShard[], settings = SETTINGS): PlacementShard[] {
  const chosen = new Map(placeNewShards(nodes, shards, settings).map(({ shard, nodes: names }) => [shard, names]));
  return shards.map((shard) => {
    const names = chosen.get(shard.name);
    return names === undefined ? shard : shardOf(shard.name, names, shard.replicationFactor);
  });
}

/** Does all moves at once, as if every migration had ended well. */
export function afterMoves(shards: PlacementShard[], moves: Move[]): PlacementShard[] {
  const byShard = Map.groupBy(moves, (move) => move.shard);
  return shards.map((shard) => {
    let copies = shard.copies;
    for (const move of byShard.get(shard.name) ?? []) {
      if (move.kind !== 'Remove' && move.to === undefined) continue;
      copies = copies.filter((copy) => copy.node !== move.from);
      if (move.to !== undefined) copies = [...copies, copyOn(move.to)];
    }
    return { ...shard, copies };
  });
}

/** Plans and moves until nothing is wanted any more; says how often and how much, and gives up after ten rounds. */
export function converge(
  nodes: PlacementNode[],
  shards: PlacementShard[],
  settings = SETTINGS,
): { shards: PlacementShard[]; moves: Move[]; rounds: number } {
  const moves: Move[] = [];
  let now = shards;
  for (let rounds = 0; rounds < 10; rounds++) {
    const doable = planMoves({ nodes, shards: now, settings, running: [] }).wish.filter(
      (move) => move.kind === 'Remove' || move.to !== undefined,
    );
    if (doable.length === 0) return { shards: now, moves, rounds };
    moves.push(...doable);
    now = afterMoves(now, doable);
  }
  throw new Error('the planner still wants moves after ten rounds');
}

/** Copies on each node, nodes without any included. */
export function loads(nodes: PlacementNode[], shards: PlacementShard[]): Map<string, number> {
  const count = new Map(nodes.map((node) => [node.name, 0]));
  for (const { copies } of shards) for (const { node } of copies) count.set(node, (count.get(node) ?? 0) + 1);
  return count;
}

/** Random clusters: 1 to 12 nodes in 1 to 4 zones, some of them cordoned, draining or dead. */
export const anyNodes: fc.Arbitrary<PlacementNode[]> = fc
  .array(
    fc.record({
      zone: fc.constantFrom('a', 'b', 'c', 'd'),
      state: fc.constantFrom('up', 'up', 'up', 'up', 'up', 'cordoned', 'draining', 'dead'),
    }),
    { minLength: 1, maxLength: 12 },
  )
  .map((list) =>
    list.map(({ zone, state }, index) => nodeOf(`n-${index}`, zone, state === 'up' ? {} : { [state]: true })),
  );

/** Random clusters whose nodes are all well. */
export const healthyNodes: fc.Arbitrary<PlacementNode[]> = anyNodes.map((nodes) =>
  nodes.map(({ name, zone }) => nodeOf(name, zone)),
);

/** Random collections: shards with 1 to 4 copies wanted, none placed. */
export const anyNewShards: fc.Arbitrary<PlacementShard[]> = fc
  .array(fc.record({ shards: fc.integer({ min: 1, max: 20 }), copies: fc.integer({ min: 1, max: 4 }) }), {
    minLength: 1,
    maxLength: 4,
  })
  .map((collections) =>
    collections.flatMap(({ shards, copies }, index) =>
      newShards(shards, copies).map((shard) => ({
        ...shard,
        name: `c${index}-${shard.name}`,
        key: `c${index}/${shard.name}`,
      })),
    ),
  );
