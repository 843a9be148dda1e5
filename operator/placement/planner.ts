import { balance } from './balance.ts';
import type { Board, BoardNode, BoardShard } from './board.ts';
import { addCopy, buildBoard, removeCopy } from './board.ts';
import { evenRemovals, type Removal } from './even-removals.ts';
import { gate } from './gate.ts';
import { excess, nextNode } from './replicas.ts';
import type { Move, Plan, PlanInput } from './types.ts';

/**
 * Plans how the copies of placed shards should move. The wish knows no budget; what is allowed now and what is blocked, each
 * with its reason, are the same moves in order of urgency: copies too many, missing copies, a person's moves, drains, zones,
 * balance.
 * Pure, and independent of the order of its input. A converged cluster gets an empty wish.
 *
 * Shards without copies are left to placeNewShards, but count as load once they are placed.
 */
export function planMoves(input: PlanInput): Plan {
  const placed = input.shards.filter((shard) => shard.copies.length > 0);
  const board = buildBoard(input.nodes, placed, input.running, input.settings);
  const removals = planRemovals(board);
  const arrivals = retarget(board, [
    ...planRepairs(board),
    ...planManual(board),
    ...planDrains(board),
    ...planSpreads(board),
  ]);
  const wish = [...removals, ...arrivals, ...planBalance(board)];
  return { wish, ...gate(wish, input) };
}

/**
 * Copies beyond the wanted number go: first those on lost nodes, then from draining nodes, out of sync, from shared zones, from
 * full nodes.
 */
function planRemovals(board: Board): Move[] {
  const surplus: Removal[] = [];
  const lost = idle(board).flatMap((shard) => {
    const count = shard.input.keepSurplus === true ? 0 : shard.nodes.length - shard.input.replicationFactor;
    // A lost node may come back: its copies are given up only when all wanted ones are in sync without them.
    const names = inSyncOnBoard(shard) < shard.input.replicationFactor ? [] : lostNodes(board, shard);
    for (let i = 0; i < count; i++) {
      const from = shard.nodes.reduce((a, b) => (keepLess(shard, b, a) ? b : a));
      removeCopy(shard, from);
      shard.busy = true;
      surplus.push({ shard, from });
    }
    return names.map((name) => moveOf('Remove', shard, name, undefined));
  });
  evenRemovals(surplus);
  return [...lost, ...surplus.map(({ shard, from }) => moveOf('Remove', shard, from.name, undefined))];
}

/** Whether copy `a` is more dispensable than copy `b`: the first difference decides. */
function keepLess(shard: BoardShard, a: BoardNode, b: BoardNode): boolean {
  const worth = (node: BoardNode): number[] => {
    const copy = copyOn(shard, node);
    const alone = shard.nodes.every((other) => other === node || other.zone !== node.zone);
    return [
      copy?.pinned === true ? 1 : 0,
      node.draining ? 0 : 1,
      copy?.inSync === true ? 1 : 0,
      alone ? 1 : 0,
      // Taking the primary away costs a handover, and would change what is even.
      copy?.role === 'Primary' ? 1 : 0,
      -excess(node),
    ];
  };
  const mine = worth(a);
  const theirs = worth(b);
  const index = mine.findIndex((value, place) => value !== theirs[place]);
  return index >= 0 && (mine[index] ?? 0) < (theirs[index] ?? 0);
}

/** Missing copies come back, the shards with the fewest left first. A copy on a lost node is named as replaced. */
function planRepairs(board: Board): Move[] {
  return idle(board)
    .filter((shard) => shard.nodes.length < shard.input.replicationFactor)
    .sort((a, b) => a.nodes.length - b.nodes.length)
    .flatMap((shard) => {
      const lost = lostNodes(board, shard);
      const moves: Move[] = [];
      for (let missing = shard.input.replicationFactor - shard.nodes.length; missing > 0; missing--) {
        const to = nextNode(board, shard);
        if (to !== undefined) addCopy(shard, to);
        moves.push(moveOf('Repair', shard, lost.shift(), to?.name));
      }
      shard.busy = true;
      return moves;
    });
}

/** Moves that a person asks for, whatever they do to balance and zones. */
function planManual(board: Board): Move[] {
  return idle(board).flatMap((shard) => {
    const { manual } = shard.input;
    const from = shard.nodes.find((node) => node.name === manual?.from);
    const to = board.living.get(manual?.to ?? '');
    if (from === undefined || to === undefined || shard.nodes.includes(to)) return [];
    transfer(shard, from, to);
    shard.busy = true;
    return [moveOf('Manual', shard, from.name, to.name)];
  });
}

/** Draining nodes give their copies away; without a place to go, a copy stays and the move is blocked. */
function planDrains(board: Board): Move[] {
  return idle(board).flatMap((shard) => {
    const from = shard.nodes.find((node) => node.draining);
    if (from === undefined) return [];
    // Its zone does not count: the copy leaves it.
    shard.nodes = shard.nodes.filter((node) => node !== from);
    const to = nextNode(board, shard);
    shard.nodes = [...shard.nodes, from];
    if (to !== undefined) transfer(shard, from, to);
    shard.busy = true;
    return [moveOf('Drain', shard, from.name, to?.name)];
  });
}

/** Where two copies share a zone and another zone has none, one of them goes there. */
function planSpreads(board: Board): Move[] {
  const zones = new Set(board.open.map((node) => node.zone));
  return idle(board).flatMap((shard) => {
    const used = new Set(shard.nodes.map((node) => node.zone));
    if (used.size === shard.nodes.length || [...zones].every((zone) => used.has(zone))) return [];
    const from = fullest(shard.nodes.filter((node) => mayLeave(shard, node) && sharesZone(shard, node)));
    const to = nextNode(board, shard);
    if (from === undefined || to === undefined || used.has(to.zone)) return [];
    transfer(shard, from, to);
    shard.busy = true;
    return [moveOf('Spread', shard, from.name, to.name)];
  });
}

/** A copy that is not made yet may go elsewhere: that evens nodes out before an existing copy has to move. */
function retarget(board: Board, moves: Move[]): Move[] {
  const byShard = Map.groupBy(moves, (move) => move.shard);
  const arriving = (shard: BoardShard, node: BoardNode): Move | undefined =>
    byShard.get(shard.input.name)?.find((move) => move.to === node.name && move.kind !== 'Manual');
  const transfers = balance(board, (shard, node) => arriving(shard, node) !== undefined);
  for (const { shard, from, to } of transfers) {
    const move = arriving(shard, from);
    if (move !== undefined) move.to = to.name;
  }
  return moves;
}

function planBalance(board: Board): Move[] {
  const untouched = (shard: BoardShard): boolean => shard.nodes.every((node) => copyOn(shard, node) !== undefined);
  const transfers = balance(board, (shard, from) => !shard.busy && untouched(shard) && mayLeave(shard, from));
  return transfers.map(({ shard, from, to }) => moveOf('Balance', shard, from.name, to.name));
}

/** In-sync copies on living nodes. */
function inSyncOnBoard(shard: BoardShard): number {
  return shard.nodes.filter((node) => copyOn(shard, node)?.inSync === true).length;
}

/** Nodes with a copy of the shard that are gone, by name. */
function lostNodes(board: Board, shard: BoardShard): string[] {
  const names = shard.input.copies.map((copy) => copy.node);
  return names.filter((name) => !board.living.has(name)).sort();
}

/** Shards that nothing happens to yet. */
function idle(board: Board): BoardShard[] {
  return board.shards.filter((shard) => !shard.busy);
}

/**
 * For balance and zones only copies move that nobody pinned, and only of shards whose copies are all in sync; a cordoned node
 * keeps what it has.
 */
function mayLeave(shard: BoardShard, node: BoardNode): boolean {
  return node.open && copyOn(shard, node)?.pinned !== true && shard.input.copies.every((copy) => copy.inSync);
}

function copyOn(shard: BoardShard, node: BoardNode): BoardShard['input']['copies'][number] | undefined {
  return shard.input.copies.find((copy) => copy.node === node.name);
}

function sharesZone(shard: BoardShard, node: BoardNode): boolean {
  return shard.nodes.some((other) => other !== node && other.zone === node.zone);
}

function fullest(nodes: BoardNode[]): BoardNode | undefined {
  return nodes.reduce<BoardNode | undefined>((a, b) => (a === undefined || excess(b) > excess(a) ? b : a), undefined);
}

function transfer(shard: BoardShard, from: BoardNode, to: BoardNode): void {
  removeCopy(shard, from);
  addCopy(shard, to);
}

function moveOf(kind: Move['kind'], shard: BoardShard, from: string | undefined, to: string | undefined): Move {
  return {
    kind,
    shard: shard.input.name,
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  };
}
