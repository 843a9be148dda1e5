import type { Shard, ShardStatus, VectorCluster } from '#crds/v1alpha1/index.ts';
import { childNames } from '../../build/common.ts';
import { ordinalOf } from '../../pods.ts';
import { wantedNodes } from '../../collections.ts';
import { at, numberAt } from '../../kube/json.ts';
import { objectKey } from '../../kube/object.ts';
import type { OperatorContext } from '../../operator-context.ts';
import { zoneOf } from '../../zones.ts';
import { advise, type AdviceInput, type AdviceNode, type ClusterAdvice } from './placement-advice.ts';
import type { PlacementAdvice } from './shard-input.ts';

/** A plan of many shards takes long: it is made again at the earliest after this many times its own duration. */
const REST_FACTOR = 5;
const MIN_REST_MS = 20;

interface Known {
  advice: ClusterAdvice;
  /** Something that the advice follows from has changed since. */
  stale: boolean;
  /** Until then a stale advice will do: every step that it names is checked again before it is taken. */
  goodUntil: number;
  /** Then time alone has made it stale. */
  changesAt: number;
}

/** Asks the planner about a cluster once for all its shards, and again when something changed, but not at every change. */
export class AdviceSource {
  readonly #context: OperatorContext;
  readonly #known = new Map<string, Known>();
  /** Statuses that are being written, or were and are not in the cache yet: what they begin counts against the budget at once. */
  readonly #ahead = new Map<string, { status: ShardStatus; written: boolean }>();
  readonly #wake: (shardKeys: string[]) => void;

  /** @param wake called with the shards for which a new advice says something else than the one before */
  constructor(context: OperatorContext, wake: (shardKeys: string[]) => void = () => undefined) {
    this.#context = context;
    this.#wake = wake;
  }

  /** Shards, nodes or settings of the cluster changed. */
  changed(namespace: string, name: string): void {
    const known = this.#known.get(objectKey(namespace, name));
    if (known !== undefined) known.stale = true;
  }

  /** A shard's status is about to be written. */
  writing(shard: Shard, status: ShardStatus): void {
    this.#ahead.set(keyOf(shard), { status, written: false });
    this.changed(shard.metadata.namespace ?? '', shard.spec.cluster);
  }

  /** It was written, and is expected in the cache. */
  written(shard: Shard): void {
    const ahead = this.#ahead.get(keyOf(shard));
    if (ahead !== undefined) ahead.written = true;
  }

  /** It could not be written. */
  notWritten(shard: Shard): void {
    this.#ahead.delete(keyOf(shard));
    this.changed(shard.metadata.namespace ?? '', shard.spec.cluster);
  }

  /** Forgets a deleted shard. */
  forgetShard(key: string): void {
    this.#ahead.delete(key);
  }

  /** The planner's word on a cluster's shards. `freshInMs`: it may be another after that; undefined when it is up to date. */
  of(cluster: VectorCluster): { advice: ClusterAdvice; freshInMs?: number } {
    const { namespace = '', name } = cluster.metadata;
    const key = objectKey(namespace, name);
    const known = this.#known.get(key);
    const now = Date.now();
    // What is kept is kept by the monotonic clock: the wall clock may be set back.
    const asked = performance.now();
    const stale = known?.stale === true || asked >= (known?.changesAt ?? 0);
    if (known !== undefined && !stale) return { advice: known.advice };
    if (known !== undefined && asked < known.goodUntil) {
      return { advice: known.advice, freshInMs: known.goodUntil - asked };
    }
    const shards = this.#context.caches.shardsOf(namespace, name).map((shard) => this.#latest(shard, now));
    const health = this.#context.health.of(key);
    const input: AdviceInput = { cluster, nodes: this.nodesOf(cluster), health, shards, now };
    const advice = advise(input);
    const took = performance.now() - asked;
    const goodUntil = asked + took + Math.max(MIN_REST_MS, took * REST_FACTOR);
    const changesAt = asked + (advice.changesInMs ?? Infinity);
    this.#known.set(key, { advice, stale: false, goodUntil, changesAt });
    if (known !== undefined)
      this.#wake(changedAdvice(known.advice, advice).map((shard) => objectKey(namespace, shard)));
    return { advice };
  }

  /** Forgets a deleted cluster. */
  forget(namespace: string, name: string): void {
    this.#known.delete(objectKey(namespace, name));
  }

  /** The nodes that a cluster should have, and those beyond that have a pod or will have one again. */
  nodesOf(cluster: VectorCluster): AdviceNode[] {
    const { caches, hub } = this.#context;
    const { namespace = '', name } = cluster.metadata;
    const sights = hub.sights(objectKey(namespace, name));
    const pods = new Map(caches.podsOf(namespace, name).map((pod) => [pod.metadata.name, pod]));
    const set = caches.children.get('StatefulSet')?.get(namespace, childNames.statefulSet(name));
    const replicas = at(set, 'spec', 'replicas') === undefined ? 0 : numberAt(set, 'spec', 'replicas');
    const count = Math.max(wantedNodes(cluster), replicas);
    const names = new Set(Array.from({ length: count }, (_, i) => `${name}-${i}`));
    for (const pod of pods.keys()) if (ordinalOf(name, pod) >= 0) names.add(pod);
    return [...names].map((node) => {
      const sight = sights.get(node);
      const pod = pods.get(node);
      const machine = pod === undefined ? undefined : caches.nodes.get('', pod.nodeName);
      return {
        name: node,
        zone: zoneOf(pod, cluster, caches.nodes),
        connected: sight?.connected ?? false,
        since: sight?.since ?? this.#context.startedAt,
        ...(at(machine, 'spec', 'unschedulable') === true ? { unschedulable: true } : {}),
      };
    });
  }

  #latest(shard: Shard, now: number): Shard {
    const key = keyOf(shard);
    const ahead = this.#ahead.get(key);
    if (ahead === undefined) return shard;
    const isCached = this.#context.expectations.met(`Shard/${key}`, shard.metadata.resourceVersion, now);
    if (!ahead.written || !isCached) return { ...shard, status: ahead.status };
    this.#ahead.delete(key);
    return shard;
  }
}

/** Shards for which the two say different things. */
function changedAdvice(before: ClusterAdvice, after: ClusterAdvice): string[] {
  const text = (advice: PlacementAdvice | undefined): string =>
    JSON.stringify([
      advice?.first,
      advice?.add,
      advice?.remove,
      advice?.move,
      advice?.cancel,
      advice?.manual,
      advice?.handoverTo,
      advice?.blocked.map(({ reason }) => reason),
    ]);
  return [...after.byShard]
    .filter(([shard, advice]) => text(before.byShard.get(shard)) !== text(advice))
    .map(([shard]) => shard);
}

function keyOf({ metadata }: Shard): string {
  return objectKey(metadata.namespace, metadata.name);
}
