import type { Logger } from 'pino';
import { describeErrors, parseCollection, parseShard, parseVectorCluster, type Result } from '#crds/validate.ts';
import type { Collection, Shard, VectorCluster } from '#crds/v1alpha1/index.ts';
import { CLUSTER_LABEL, MANAGED_SELECTOR } from './build/common.ts';
import type { ChildKind } from './controllers/cluster/children.ts';
import type { KubeApi } from './kube/api.ts';
import { at } from './kube/json.ts';
import { splitKey, type KubeObject, type Resource } from './kube/object.ts';
import { Reflector } from './kube/reflector.ts';
import type { Versioned } from './kube/reflector-machine.ts';
import { RESOURCES } from './kube/resources.ts';
import { parsePod, type Pod } from './pods.ts';

/** What changed; keys are namespace/name. */
export interface CacheEvents {
  onClusters: (keys: string[]) => void;
  onCollections: (keys: string[]) => void;
  onShards: (keys: string[]) => void;
  onPods: (keys: string[]) => void;
  onNodes: () => void;
  /** A child object of a cluster changed; keys of the child. */
  onChildren: (kind: ChildKind, keys: string[]) => void;
}

const CHILD_KINDS: ChildKind[] = [
  'ServiceAccount',
  'Secret',
  'ConfigMap',
  'Service',
  'PodDisruptionBudget',
  'NetworkPolicy',
  'StatefulSet',
];

/** The operator's copies of everything it reads, kept by reflectors. Of child objects, only its own are watched. */
export class Caches {
  readonly clusters: Reflector<VectorCluster>;
  readonly collections: Reflector<Collection>;
  readonly shards: Reflector<Shard>;
  readonly pods: Reflector<Pod>;
  /** Kubernetes nodes, for zones and cordons; may be missing (embedded mode) or forbidden. */
  readonly nodes: Reflector<KubeObject>;
  readonly children: Map<ChildKind, Reflector<KubeObject>>;

  constructor(api: KubeApi, namespace: string, events: CacheEvents, log: Logger, podMonitors: boolean) {
    const common = { api, namespace, log };
    const managed = { ...common, labelSelector: MANAGED_SELECTOR };
    this.clusters = new Reflector({
      ...common,
      resource: RESOURCES.VectorCluster,
      parse: (json) => unwrap(parseVectorCluster(json)),
      onChange: events.onClusters,
    });
    this.collections = new Reflector({
      ...common,
      resource: RESOURCES.Collection,
      parse: (json) => unwrap(parseCollection(json)),
      onChange: events.onCollections,
    });
    this.shards = new Reflector({
      ...common,
      resource: RESOURCES.Shard,
      parse: (json) => unwrap(parseShard(json)),
      onChange: events.onShards,
    });
    this.pods = new Reflector({ ...managed, resource: RESOURCES.Pod, parse: parsePod, onChange: events.onPods });
    this.nodes = new Reflector({
      ...common,
      namespace: '',
      resource: RESOURCES.Node,
      parse: slimNode,
      onChange: events.onNodes,
      optional: true,
    });
    const kinds: ChildKind[] = podMonitors ? [...CHILD_KINDS, 'PodMonitor'] : CHILD_KINDS;
    this.children = new Map(
      kinds.map((kind) => {
        const resource: Resource = RESOURCES[kind];
        const onChange = (keys: string[]): void => events.onChildren(kind, keys);
        return [kind, new Reflector({ ...managed, resource, parse: slim, onChange })];
      }),
    );
  }

  /** Every reflector. */
  get all(): Reflector<Versioned>[] {
    const { clusters, collections, shards, pods, nodes, children } = this;
    return [clusters, collections, shards, pods, nodes, ...children.values()] as Reflector<Versioned>[];
  }

  get synced(): boolean {
    return this.all.every((reflector) => reflector.synced);
  }

  start(): void {
    for (const reflector of this.all) reflector.start();
  }

  stop(): void {
    for (const reflector of this.all) reflector.stop();
  }

  /** A cluster's child objects by `Kind/name`. */
  childrenOf(namespace: string, cluster: string): Map<string, KubeObject> {
    const found = new Map<string, KubeObject>();
    for (const [kind, reflector] of this.children) {
      for (const object of reflector.in(namespace)) {
        if (object.metadata.labels?.[CLUSTER_LABEL] === cluster) found.set(`${kind}/${object.metadata.name}`, object);
      }
    }
    return found;
  }

  /** A cluster's data pods. */
  podsOf(namespace: string, cluster: string): Pod[] {
    return this.pods.in(namespace).filter((pod) => pod.cluster === cluster);
  }

  /**
   * Collections and Shards of a namespace that are there but can't be read, as `Kind name` (made by another version?). A map
   * without them would tell nodes to drop their data.
   */
  unreadable(namespace: string): string[] {
    return [this.collections, this.shards].flatMap((reflector) =>
      reflector.unreadable(namespace).map((key) => `${reflector.kind} ${splitKey(key).name}`),
    );
  }

  /** Shards on a cluster's nodes. */
  shardsOf(namespace: string, cluster: string): Shard[] {
    return this.shards.in(namespace).filter((shard) => shard.spec.cluster === cluster);
  }
}

function unwrap<T>(result: Result<T>): T {
  if (result.ok) return withoutManagedFields(result.value);
  throw new Error(describeErrors(result.errors));
}

/** managedFields are half of an object's bytes, and nobody reads them. */
function withoutManagedFields<T>(object: T): T {
  const { metadata } = object as { metadata: Record<string, unknown> };
  delete metadata['managedFields'];
  return object;
}

function slim(object: KubeObject): KubeObject {
  return withoutManagedFields(object);
}

function slimNode({ apiVersion, kind, metadata, spec }: KubeObject): KubeObject {
  const { name, labels, resourceVersion } = metadata;
  const unschedulable = at(spec, 'unschedulable') === true;
  return {
    apiVersion,
    kind,
    metadata: { name, ...(labels ? { labels } : {}), ...(resourceVersion ? { resourceVersion } : {}) },
    ...(unschedulable ? { spec: { unschedulable } } : {}),
  };
}
