import type { Board, BoardNode, BoardShard } from './board.ts';
import { addCopy } from './board.ts';
import { firstClockwise } from './ring.ts';

/**
 * The node for a shard's next copy: the first one clockwise that has no copy of it, whose zone has none, and that is not full.
 * Where no such node is left, a full one in a new zone comes before one in a zone that has a copy already: a lost zone must
 * not take every copy with it.
 *
 * @returns undefined where every open node has a copy
 */
export function nextNode(board: Board, shard: BoardShard): BoardNode | undefined {
  const zones = new Set(shard.nodes.map((node) => node.zone));
  const free = (node: BoardNode): boolean => !shard.nodes.includes(node);
  const fresh = (node: BoardNode): boolean => free(node) && !zones.has(node.zone);
  const roomy = (node: BoardNode): boolean => node.shards.size < node.cap;
  return (
    clockwise(board, shard, (node) => fresh(node) && roomy(node)) ??
    leastLoaded(board.open.filter(fresh)) ??
    clockwise(board, shard, (node) => free(node) && roomy(node)) ??
    leastLoaded(board.open.filter(free))
  );
}

/** Gives a shard its missing copies by consistent hashing with bounded loads; fewer where the nodes do not suffice. */
export function placeReplicas(board: Board, shard: BoardShard): void {
  while (shard.nodes.length < shard.input.replicationFactor) {
    const node = nextNode(board, shard);
    if (node === undefined) return;
    addCopy(shard, node);
  }
}

/** Copies above the fair share; negative for a node that could take more. */
export function excess(node: BoardNode): number {
  return node.shards.size - node.share;
}

function clockwise(board: Board, shard: BoardShard, accepts: (node: BoardNode) => boolean): BoardNode | undefined {
  // A walk that finds nothing would look at every point of every node.
  if (!board.open.some(accepts)) return undefined;
  return board.open[
    firstClockwise(board.ring, shard.position, (index) => {
      const node = board.open[index];
      return node !== undefined && accepts(node);
    })
  ];
}

function leastLoaded(nodes: BoardNode[]): BoardNode | undefined {
  return nodes.reduce<BoardNode | undefined>(
    (least, node) => (least === undefined || excess(node) < excess(least) ? node : least),
    undefined,
  );
}
