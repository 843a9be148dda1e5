import type { VectorCluster } from '#crds/v1alpha1/index.ts';
import { ordinalOf } from '../../pods.ts';
import { wantedNodes } from '../../collections.ts';
import { objectKey } from '../../kube/object.ts';
import type { OperatorContext } from '../../operator-context.ts';
import { zoneOf } from '../../zones.ts';
import {
  advise,
  PATIENCE_MS,
  SETTLE_MS,
  type AdviceInput,
  type AdviceNode,
  type ClusterAdvice,
} from './placement-advice.ts';

/** Asks the planner about a cluster once for all its shards, for as long as nothing that it follows from changes. */
export class AdviceSource {
  readonly #context: OperatorContext;
  readonly #known = new Map<string, { follows: string; advice: ClusterAdvice }>();

  constructor(context: OperatorContext) {
    this.#context = context;
  }

  /** The planner's word on a cluster's shards now. */
  of(cluster: VectorCluster): ClusterAdvice {
    const { caches } = this.#context;
    const { namespace = '', name } = cluster.metadata;
    const input: AdviceInput = {
      cluster,
      nodes: this.nodesOf(cluster),
      shards: caches.shardsOf(namespace, name),
      now: Date.now(),
    };
    const follows = fingerprint(input);
    const key = objectKey(namespace, name);
    const known = this.#known.get(key);
    if (known?.follows === follows) return known.advice;
    const advice = advise(input);
    this.#known.set(key, { follows, advice });
    return advice;
  }

  /** Forgets a deleted cluster. */
  forget(namespace: string, name: string): void {
    this.#known.delete(objectKey(namespace, name));
  }

  /** The nodes that a cluster should have, and those beyond that still have a pod. */
  nodesOf(cluster: VectorCluster): AdviceNode[] {
    const { caches, hub } = this.#context;
    const { namespace = '', name } = cluster.metadata;
    const sights = hub.sights(objectKey(namespace, name));
    const pods = new Map(caches.podsOf(namespace, name).map((pod) => [pod.metadata.name, pod]));
    const names = new Set(Array.from({ length: wantedNodes(cluster) }, (_, i) => `${name}-${i}`));
    for (const pod of pods.keys()) if (ordinalOf(name, pod) >= 0) names.add(pod);
    return [...names].map((node) => {
      const sight = sights.get(node);
      return {
        name: node,
        zone: zoneOf(pods.get(node), cluster, caches.nodes),
        connected: sight?.connected ?? false,
        since: sight?.since ?? this.#context.startedAt,
      };
    });
  }
}

/** Text that changes whenever the advice might: versions instead of contents, and time only where waiting depends on it. */
function fingerprint({ cluster, nodes, shards, now }: AdviceInput): string {
  const quiet = now - Math.max(0, ...nodes.map((node) => node.since));
  const waits = [SETTLE_MS, PATIENCE_MS].filter((limit) => quiet >= limit).length;
  const copies = shards.map(({ metadata, spec, status }) => [
    metadata.name,
    metadata.annotations,
    spec.replicationFactor,
    (status?.copies ?? []).map(({ node, role, inSync }) => [node, role, inSync]),
  ]);
  const unplaced = shards.some((shard) => (shard.status?.copies ?? []).length === 0);
  return JSON.stringify([cluster.metadata.generation, nodes, copies, waits, unplaced && waits < 2 ? now : 0]);
}
