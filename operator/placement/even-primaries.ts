import type { PlacementNode, PlacementShard } from './types.ts';

/**
 * The next handover that evens primaries out over the nodes, one at a time; undefined when no node has more of them than its
 * share and the imbalance allow, or none can be handed to a node with fewer. Each lessens the unevenness, so it ends. Pure.
 *
 * @param mayHandOver whether the shard's primary may change
 */
export function nextHandover(
  nodes: readonly PlacementNode[],
  shards: readonly PlacementShard[],
  maxImbalancePercent: number,
  mayHandOver: (shard: PlacementShard) => boolean,
): { shard: string; to: string } | undefined {
  const count = new Map(nodes.filter((node) => !node.dead && !node.draining).map((node) => [node.name, 0]));
  for (const { copies } of shards) {
    const primary = copies.find((copy) => copy.role === 'Primary');
    const load = count.get(primary?.node ?? '');
    if (primary !== undefined && load !== undefined) count.set(primary.node, load + 1);
  }
  const total = [...count.values()].reduce((sum, load) => sum + load, 0);
  const share = total / Math.max(1, count.size);
  const high = Math.max(Math.ceil(share), Math.floor(share * (1 + maxImbalancePercent / 100)));
  let best: { shard: string; to: string; gain: number } | undefined;
  for (const { name, copies } of [...shards].filter(mayHandOver).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const primary = copies.find((copy) => copy.role === 'Primary');
    const load = count.get(primary?.node ?? '') ?? 0;
    if (load <= high || copies.some((copy) => !copy.inSync || copy.pinned)) continue;
    for (const copy of copies) {
      const gain = load - (count.get(copy.node) ?? Infinity);
      if (copy !== primary && gain >= 2 && gain > (best?.gain ?? 0)) best = { shard: name, to: copy.node, gain };
    }
  }
  return best && { shard: best.shard, to: best.to };
}
