import type { VectorCluster } from '#crds/v1alpha1/index.ts';
import { ordinalOf } from '../../pods.ts';
import { wantedNodes } from '../../collections.ts';
import { objectKey } from '../../kube/object.ts';
import type { OperatorContext } from '../../operator-context.ts';
import { zoneOf } from '../../zones.ts';
import { advise, type AdviceInput, type AdviceNode, type ClusterAdvice } from './placement-advice.ts';

/** A plan of many shards takes long: it is made again at the earliest after this many times its own duration. */
const REST_FACTOR = 5;
const MIN_REST_MS = 20;

interface Known {
  advice: ClusterAdvice;
  /** Something that the advice follows from has changed since. */
  stale: boolean;
  /** Until then a stale advice will do: every step that it names is checked again before it is taken. */
  goodUntil: number;
}

/** Asks the planner about a cluster once for all its shards, and again when something changed, but not at every change. */
export class AdviceSource {
  readonly #context: OperatorContext;
  readonly #known = new Map<string, Known>();

  constructor(context: OperatorContext) {
    this.#context = context;
  }

  /** Shards, nodes or settings of the cluster changed. */
  changed(namespace: string, name: string): void {
    const known = this.#known.get(objectKey(namespace, name));
    if (known !== undefined) known.stale = true;
  }

  /** The planner's word on a cluster's shards. `freshInMs`: it may be another after that; undefined when it is up to date. */
  of(cluster: VectorCluster): { advice: ClusterAdvice; freshInMs?: number } {
    const { namespace = '', name } = cluster.metadata;
    const key = objectKey(namespace, name);
    const known = this.#known.get(key);
    const now = Date.now();
    if (known !== undefined && !known.stale) return { advice: known.advice };
    if (known !== undefined && now < known.goodUntil) return { advice: known.advice, freshInMs: known.goodUntil - now };
    const shards = this.#context.caches.shardsOf(namespace, name);
    const input: AdviceInput = { cluster, nodes: this.nodesOf(cluster), shards, now };
    const advice = advise(input);
    const took = Date.now() - now;
    const goodUntil = now + took + Math.max(MIN_REST_MS, took * REST_FACTOR);
    // While shards wait for nodes to settle, time alone changes the advice.
    const waiting = [...advice.byShard.values()].some((one) => one.askAgainMs !== undefined);
    this.#known.set(key, { advice, stale: waiting, goodUntil });
    return { advice };
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
