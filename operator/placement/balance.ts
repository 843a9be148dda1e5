import type { Board, BoardNode, BoardShard } from './board.ts';
import { addCopy, removeCopy } from './board.ts';
import { excess } from './replicas.ts';
import { distanceTo } from './ring.ts';

/** A copy that was moved on the board. */
export interface Transfer {
  shard: BoardShard;
  from: BoardNode;
  to: BoardNode;
}

/**
 * Evens the open nodes out on the board: a node outside its limits is brought to its fair share, all others only give or take
 * for it. So a converged cluster stays still, and a new node costs its share of moves and no more.
 *
 * @param mayMove whether the shard's copy on the node may go
 * @returns what was moved, in order
 */
export function balance(board: Board, mayMove: (shard: BoardShard, from: BoardNode) => boolean): Transfer[] {
  const transfers: Transfer[] = [];
  // What one node could not do may be possible after another's turn. It ends: every transfer lessens the unevenness.
  for (let before = -1; before < transfers.length;) {
    before = transfers.length;
    const done = new Set<BoardNode>();
    for (let worst = worstNode(board, done); worst !== undefined; worst = worstNode(board, done)) {
      transfers.push(...bringToShare(board, worst, mayMove));
      done.add(worst);
    }
  }
  return transfers;
}

function bringToShare(
  board: Board,
  node: BoardNode,
  mayMove: (shard: BoardShard, from: BoardNode) => boolean,
): Transfer[] {
  const transfers: Transfer[] = [];
  const below = excess(node) < 0;
  const partners = new Set(board.open.filter((other) => other !== node));
  while (below ? node.shards.size < Math.floor(node.share) : node.shards.size > Math.ceil(node.share)) {
    const transfer = bestTransfer(board, node, below, partners, mayMove);
    if (transfer === undefined) break;
    transfers.push(transfer);
  }
  return transfers;
}

/** The node farthest outside its limits. */
function worstNode(board: Board, settled: ReadonlySet<BoardNode>): BoardNode | undefined {
  let worst: BoardNode | undefined;
  for (const node of board.open) {
    const load = node.shards.size;
    const outside = load < node.low || load > node.high;
    if (!outside || settled.has(node)) continue;
    if (worst === undefined || Math.abs(excess(node)) > Math.abs(excess(worst))) worst = node;
  }
  return worst;
}

/** Moves one copy between the node and the partner that has most to give or take; partners without a fit are dropped. */
function bestTransfer(
  board: Board,
  node: BoardNode,
  below: boolean,
  partners: Set<BoardNode>,
  mayMove: (shard: BoardShard, from: BoardNode) => boolean,
): Transfer | undefined {
  for (;;) {
    let partner: BoardNode | undefined;
    for (const each of partners) {
      if (partner === undefined || (below ? excess(each) > excess(partner) : excess(each) < excess(partner)))
        partner = each;
    }
    if (partner === undefined) return undefined;
    const [from, to] = below ? [partner, node] : [node, partner];
    // A move that only swaps who has more is none.
    if (excess(from) - excess(to) <= 1) return undefined;
    const shard = bestShard(board, from, to, mayMove);
    if (shard !== undefined) {
      removeCopy(shard, from);
      addCopy(shard, to);
      return { shard, from, to };
    }
    partners.delete(partner);
  }
}

/** Of the copies that may go from one node to the other, the one that the ring puts nearest to the other. */
function bestShard(
  board: Board,
  from: BoardNode,
  to: BoardNode,
  mayMove: (shard: BoardShard, from: BoardNode) => boolean,
): BoardShard | undefined {
  let best: BoardShard | undefined;
  let bestDistance = Infinity;
  for (const shard of from.shards) {
    if (!mayMove(shard, from) || !fits(shard, from, to)) continue;
    const distance = distanceTo(board.ring, shard.position, to.ringIndex);
    // Equal distances are equal keys: the name decides, never the order of arrival.
    if (
      distance < bestDistance ||
      (distance === bestDistance && best !== undefined && shard.input.name < best.input.name)
    ) {
      best = shard;
      bestDistance = distance;
    }
  }
  return best;
}

/** Two copies never share a node, and a move never lessens the number of zones that a shard is in. */
function fits(shard: BoardShard, from: BoardNode, to: BoardNode): boolean {
  if (shard.nodes.includes(to)) return false;
  if (from.zone === to.zone) return true;
  const others = shard.nodes.filter((node) => node !== from);
  const leavesZone = others.every((node) => node.zone !== from.zone);
  const entersZone = others.every((node) => node.zone !== to.zone);
  return entersZone || !leavesZone;
}
