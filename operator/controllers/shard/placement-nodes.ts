import type { Shard, VectorCluster } from '#crds/v1alpha1/index.ts';
import { wantedNodes } from '../../collections.ts';
import { healthOf, type ClusterHealth } from '../../failover/health.ts';
import { scaleDownRefusal } from '../../placement/scale-down.ts';
import type { PlacementNode } from '../../placement/types.ts';
import { ordinalOf } from '../../pods.ts';

/** VectorCluster annotation: nodes, separated by commas, that take no new copies. */
export const CORDON_ANNOTATION = 'annulus.dev/cordon';
/** VectorCluster annotation: nodes, separated by commas, that give their copies away. */
export const DRAIN_ANNOTATION = 'annulus.dev/drain';
/** A dead node's copies are made anew elsewhere after this long: most nodes come back, and catching up costs less. */
export const DEAD_FOR_GOOD_MS = 30_000;

/** A data pod as placement sees it. */
export interface AdviceNode {
  name: string;
  zone: string;
  connected: boolean;
  /** When `connected` last changed, ms. */
  since: number;
  /** Its machine takes no new pods (kubectl cordon). */
  unschedulable?: boolean;
}

interface NodesInput {
  cluster: VectorCluster;
  nodes: AdviceNode[];
  shards: Shard[];
  health: ClusterHealth;
  now: number;
}

/** The planner's view of the nodes. `changesInMs`: when time alone makes it another. */
export function placementNodes(input: NodesInput): { nodes: PlacementNode[]; changesInMs?: number } {
  const { cluster, health, now } = input;
  const { name, annotations } = cluster.metadata;
  const present = Math.max(0, ...input.nodes.map((node) => ordinalOf(name, node.name) + 1));
  const wanted = scaleDownRefusal(cluster, present, input.shards) === undefined ? wantedNodes(cluster) : present;
  const cordoned = nodeList(annotations?.[CORDON_ANNOTATION]);
  const drained = nodeList(annotations?.[DRAIN_ANNOTATION]);
  const thin = nodesOfThinShards(input);
  let changesInMs = Infinity;
  const nodes = input.nodes.map((node): PlacementNode => {
    const { state, since } = healthOf(health, node.name);
    const left = since + DEAD_FOR_GOOD_MS - now;
    const dead = state === 'Dead' && (left <= 0 || thin.has(node.name));
    if (state === 'Dead' && !dead) changesInMs = Math.min(changesInMs, left);
    // A dead node may be connected all the same: on the lesser side of a partition that the operator reaches both sides of.
    const away = state === 'Dead' || !node.connected;
    const closed = cordoned.has(node.name) || node.unschedulable === true;
    return {
      name: node.name,
      zone: node.zone,
      // A node that is away keeps its copies until it is dead for good.
      cordoned: closed || away,
      draining: drained.has(node.name) || ordinalOf(name, node.name) >= wanted,
      dead,
      away,
    };
  });
  return { nodes, ...(Number.isFinite(changesInMs) ? { changesInMs } : {}) };
}

/** Nodes with copies of shards that take no writes for want of copies: there is no time to wait for a dead one. */
function nodesOfThinShards({ shards, health }: NodesInput): Set<string> {
  const isDead = (node: string): boolean => healthOf(health, node).state === 'Dead';
  if (![...health.nodes.values()].some(({ state }) => state === 'Dead')) return new Set();
  const thin = shards.filter(({ spec, status }) => {
    const copies = status?.copies ?? [];
    const inSync = copies.filter((copy) => copy.inSync && !isDead(copy.node)).length;
    return (status?.primaryTerm ?? 0) > 0 && inSync > 0 && inSync < spec.minInSync;
  });
  return new Set(thin.flatMap((shard) => (shard.status?.copies ?? []).map((copy) => copy.node)));
}

function nodeList(text: string | undefined): Set<string> {
  return new Set((text ?? '').split(',').flatMap((name) => name.trim() || []));
}
