/** Some shards that want the same number of copies. */
export interface Demand {
  copies: number;
  shards: number;
}

/** Digits after which sums of doubles are noise. */
const PRECISION = 1e6;

/**
 * The fair share of a node in each zone: as even as can be while the copies of a shard stay in distinct zones. With zones of
 * one size it is the plain average; a small zone's nodes carry more, since they hold a copy of what the others hold.
 *
 * @param nodesOfZone number of nodes in each zone, at least one each
 * @returns copies a node, by zone
 */
export function fairShares(nodesOfZone: readonly number[], demands: readonly Demand[]): number[] {
  const zones = nodesOfZone.length;
  const nodes = sum(nodesOfZone);
  const least = nodesOfZone.map(() => 0);
  const most = nodesOfZone.map(() => 0);
  let total = 0;
  for (const { copies: wanted, shards } of demands) {
    const copies = Math.min(wanted, nodes);
    total += copies * shards;
    for (const [zone, size] of nodesOfZone.entries()) {
      const must = copies < zones ? 0 : 1;
      const may = copies <= zones ? 1 : size;
      least[zone] = (least[zone] ?? 0) + must * shards;
      most[zone] = (most[zone] ?? 0) + may * shards;
    }
  }
  const shareAt = (level: number): number[] =>
    nodesOfZone.map((size, zone) => clamp(level, (least[zone] ?? 0) / size, (most[zone] ?? 0) / size));
  const totalAt = (level: number): number => sum(shareAt(level).map((share, zone) => share * (nodesOfZone[zone] ?? 0)));
  return shareAt(waterLevel(total, totalAt)).map((share) => Math.round(share * PRECISION) / PRECISION);
}

/** The lowest level at which the zones together hold the total, by halving the interval. */
function waterLevel(total: number, totalAt: (level: number) => number): number {
  let low = 0;
  let high = total;
  for (let round = 0; round < 80; round++) {
    const middle = (low + high) / 2;
    if (totalAt(middle) < total) low = middle;
    else high = middle;
  }
  return high;
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
