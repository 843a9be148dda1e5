/**
 * What the operator believes of a cluster's nodes, from the nodes' own gossip and from Kubernetes. Alive and Dead are a majority's word (or
 * Kubernetes': the pod is gone for good); Suspect: someone doubts it; Unknown: the operator does not hear enough nodes to tell.
 */
export type NodeState = 'Alive' | 'Suspect' | 'Dead' | 'Unknown';

export interface NodeHealth {
  state: NodeState;
  /** Since when it is believed so, ms. */
  since: number;
  /** For people: who says so. */
  why: string;
  /** Since when Kubernetes says that its pod is gone or its container does not run, while it has no stream either, ms. */
  downSince?: number;
}

export interface ClusterHealth {
  /** True while the operator hears a majority of the nodes that the cluster should have. */
  majority: boolean;
  nodes: ReadonlyMap<string, NodeHealth>;
  /** When time alone may change the judgement, ms. */
  nextAt?: number;
}

export const NO_HEALTH: ClusterHealth = { majority: false, nodes: new Map() };

/** A node's health; Unknown for one that is not known. */
export function healthOf(health: ClusterHealth, node: string): NodeHealth {
  return health.nodes.get(node) ?? { state: 'Unknown', since: 0, why: 'not a node of the cluster' };
}

/** The nodes believed dead, by name. */
export function deadNodes(health: ClusterHealth): string[] {
  return [...health.nodes].filter(([, node]) => node.state === 'Dead').map(([name]) => name);
}
