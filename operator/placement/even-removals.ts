import { addCopy, removeCopy, type BoardNode, type BoardShard } from './board.ts';

/** A copy that is one too many and was taken off the board. */
export interface Removal {
  shard: BoardShard;
  from: BoardNode;
}

/**
 * What was chosen first did not know what would be chosen later: exchanges choices, in chains where one does not do, until no
 * node keeps two copies more than another that could have kept one of them. It ends: each chain lessens the unevenness.
 */
export function evenRemovals(removals: Removal[]): void {
  const nodes = [...new Set(removals.flatMap(({ shard, from }) => [from, ...shard.nodes]))];
  for (let chains = 0; chains < removals.length; chains++) {
    nodes.sort((a, b) => b.shards.size - a.shards.size || (a.name < b.name ? -1 : 1));
    const least = nodes.at(-1)!.shards.size;
    // Of each node, the removals that could have taken its copy instead.
    const instead = new Map<BoardNode, Removal[]>(nodes.map((node) => [node, []]));
    for (const removal of removals) for (const node of removal.shard.nodes) instead.get(node)?.push(removal);
    if (!nodes.some((node) => node.shards.size - least >= 2 && shiftFrom(node, instead))) return;
  }
}

/** Takes one copy off the node, over others if need be, for the sake of one with at least two fewer. */
function shiftFrom(start: BoardNode, instead: ReadonlyMap<BoardNode, Removal[]>): boolean {
  const cameBy = new Map<BoardNode, { removal: Removal; node: BoardNode } | undefined>([[start, undefined]]);
  for (const node of cameBy.keys()) {
    if (start.shards.size - node.shards.size >= 2) {
      shiftAlong(node, cameBy);
      return true;
    }
    for (const removal of instead.get(node) ?? []) {
      const { shard, from } = removal;
      if (!cameBy.has(from) && isAlike(shard, from, node)) cameBy.set(from, { removal, node });
    }
  }
  return false;
}

function shiftAlong(
  end: BoardNode,
  cameBy: ReadonlyMap<BoardNode, { removal: Removal; node: BoardNode } | undefined>,
): void {
  for (let step = cameBy.get(end); step !== undefined; step = cameBy.get(step.node)) {
    const { removal, node } = step;
    addCopy(removal.shard, removal.from);
    removeCopy(removal.shard, node);
    removal.from = node;
  }
}

/** Whether the copy that is to go may as well stay and the other one go. */
function isAlike(shard: BoardShard, leaving: BoardNode, staying: BoardNode): boolean {
  const copyOf = (node: BoardNode): BoardShard['input']['copies'][number] | undefined =>
    shard.input.copies.find((copy) => copy.node === node.name);
  const [a, b] = [copyOf(leaving), copyOf(staying)];
  const alike = a?.pinned === b?.pinned && a?.inSync === b?.inSync && leaving.draining === staying.draining;
  // Taking the primary away costs a handover.
  return alike && leaving.zone === staying.zone && (b?.role !== 'Primary' || a?.role === 'Primary');
}
