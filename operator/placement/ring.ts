import { hash64 } from '#model/hash.ts';

/** The size of the ring: positions are 0 up to this, exclusive. */
export const RING_SIZE = 2 ** 64;

/**
 * A consistent-hash ring: the virtual nodes' positions in rising order, and whose they are. Positions are hashes rounded to
 * doubles, which search some ten times faster than bigints and keep their order.
 */
export interface Ring {
  /** Node names in rising order; `owners` points into it. */
  names: readonly string[];
  positions: Float64Array;
  owners: Uint32Array;
  /** Positions of each node, rising. */
  ofNode: readonly Float64Array[];
}

/** A text's place on the ring: first 8 bytes of its SHA-256, big-endian. */
export function ringPosition(key: string): number {
  return Number(hash64(key));
}

/**
 * Builds the ring. The order of the names does not matter: equal positions are ordered by name.
 *
 * @param virtualNodes points that each node has; more of them spread keys more evenly
 */
export function buildRing(nodeNames: Iterable<string>, virtualNodes: number): Ring {
  const names = [...new Set(nodeNames)].sort();
  const ofNode = names.map((name) =>
    Float64Array.from({ length: virtualNodes }, (_, index) => ringPosition(`${name}#${index}`)).sort(),
  );
  const all = ofNode.flatMap((positions, owner) => Array.from(positions, (position) => ({ position, owner })));
  all.sort((a, b) => a.position - b.position || a.owner - b.owner);
  return {
    names,
    positions: Float64Array.from(all, (token) => token.position),
    owners: Uint32Array.from(all, (token) => token.owner),
    ofNode,
  };
}

/** The first node clockwise from a position that `accepts` its index; -1 where none does. */
export function firstClockwise(ring: Ring, position: number, accepts: (node: number) => boolean): number {
  const { owners } = ring;
  const start = lowerBound(ring.positions, position);
  for (let step = 0; step < owners.length; step++) {
    const owner = owners[(start + step) % owners.length];
    if (owner !== undefined && accepts(owner)) return owner;
  }
  return -1;
}

/** How far it is clockwise from a position to the next point of one node. */
export function distanceTo(ring: Ring, position: number, node: number): number {
  const positions = ring.ofNode[node];
  if (positions === undefined || positions.length === 0) return RING_SIZE;
  const next = positions[lowerBound(positions, position) % positions.length] ?? 0;
  return next >= position ? next - position : next - position + RING_SIZE;
}

/** Index of the first element that is not below the value; the length where all are. */
function lowerBound(sorted: Float64Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? Infinity) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
