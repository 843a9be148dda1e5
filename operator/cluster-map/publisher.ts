import type { VectorCluster } from '#crds/v1alpha1/index.ts';
import type { MapNode } from '#model/cluster-map.ts';
import { wantedNodes } from '../collections.ts';
import type { NodeAddress } from '../control/session.ts';
import { TOKEN_KEY } from '../build/secret.ts';
import { childNames } from '../build/common.ts';
import { textAt } from '../kube/json.ts';
import { objectKey } from '../kube/object.ts';
import type { WorkResult } from '../kube/queue.ts';
import { RESOURCES } from '../kube/resources.ts';
import type { OperatorContext } from '../operator-context.ts';
import { ordinalOf } from '../pods.ts';
import { zoneOf } from '../zones.ts';
import { compileMap, mapHash } from './compile.ts';

const UNREADABLE_RETRY_MS = 10_000;
const MAX_NAMED = 5;
const MIN_DELAY_MS = 5;
const MAX_DELAY_MS = 500;

/**
 * Compiles the cluster's map from the caches, which hold nothing that is not in the API; writes its new version and hash
 * to VectorCluster.status, and only then sends it to the nodes. Also tells the hub which nodes to dial.
 */
export class MapPublisher {
  readonly #context: OperatorContext;
  /** Highest version that was written, by cluster uid: the cache may lag behind our own write. */
  readonly #written = new Map<string, { version: number; hash: string }>();

  /** How long the last publication of each cluster's map took, ms. */
  readonly #took = new Map<string, number>();

  constructor(context: OperatorContext) {
    this.#context = context;
  }

  /** How long changes may gather before they make the next map: the longer it takes, the more of them at once. */
  delayMs(clusterKey: string): number {
    return Math.min(MAX_DELAY_MS, Math.max(MIN_DELAY_MS, 2 * (this.#took.get(clusterKey) ?? 0)));
  }

  reconcile = async (namespace: string, name: string): Promise<WorkResult> => {
    const { caches, hub, metrics, log } = this.#context;
    const key = objectKey(namespace, name);
    const started = performance.now();
    const cluster = caches.clusters.get(namespace, name);
    if (cluster === undefined || cluster.spec.type === 'Logical') {
      hub.forget(key);
      this.#context.mapFacts.forget(key);
      this.#took.delete(key);
      return {};
    }
    hub.setNodes(key, this.#addresses(cluster));
    const unreadable = caches.unreadable(namespace);
    if (unreadable.length > 0) {
      log.error(
        { cluster: key, unreadable: unreadable.slice(0, MAX_NAMED) },
        'no new map while objects cannot be read',
      );
      return { requeueAfterMs: UNREADABLE_RETRY_MS };
    }
    const content = compileMap({
      cluster,
      nodes: this.#nodes(cluster),
      shards: caches.shardsOf(namespace, name),
      collections: caches.collections.in(namespace),
      hosted: caches.clusters
        .in(namespace)
        .filter((other) => other.spec.host === name)
        .map((other) => other.metadata.name),
    });
    const hash = mapHash(content);
    const known = this.#known(cluster);
    const version = known.hash === hash ? known.version : known.version + 1;
    if (hub.published(key)?.version === version) return {};
    if (known.hash !== hash) {
      const patch = { metadata: { uid: cluster.metadata.uid }, status: { mapVersion: version, mapHash: hash } };
      await this.#context.api.mergePatch(RESOURCES.VectorCluster, namespace, name, patch, 'status');
      this.#written.set(cluster.metadata.uid ?? key, { version, hash });
      metrics.mapPublishes.inc({ cluster: key });
      log.info({ cluster: key, version, collections: content.collections.length }, 'new cluster map');
    }
    this.#context.mapFacts.note(key, version, content);
    hub.publish(key, { version, json: Buffer.from(JSON.stringify({ ...content, version })) });
    this.#took.set(key, performance.now() - started);
    return {};
  };

  #known(cluster: VectorCluster): { version: number; hash: string } {
    const { mapVersion: version = 0, mapHash: hash = '' } = cluster.status ?? {};
    const mine = this.#written.get(cluster.metadata.uid ?? '');
    return mine !== undefined && mine.version > version ? mine : { version, hash };
  }

  /** The nodes that should be, and those beyond that still have a pod. */
  #nodes(cluster: VectorCluster): MapNode[] {
    const { caches } = this.#context;
    const { namespace = '', name } = cluster.metadata;
    const pods = new Map(caches.podsOf(namespace, name).map((pod) => [pod.metadata.name, pod]));
    const names = new Set(Array.from({ length: wantedNodes(cluster) }, (_, i) => `${name}-${i}`));
    for (const pod of pods.keys()) if (ordinalOf(name, pod) >= 0) names.add(pod);
    return [...names].map((node) => {
      const pod = pods.get(node);
      return { name: node, address: pod?.ip ?? '', zone: zoneOf(pod, cluster, caches.nodes) };
    });
  }

  /** Nodes to dial: every pod with an address, once the token is there. */
  #addresses(cluster: VectorCluster): NodeAddress[] {
    const { caches } = this.#context;
    const { namespace = '', name, uid = '' } = cluster.metadata;
    const secret = caches.children.get('Secret')?.get(namespace, childNames.secret(name));
    const token = Buffer.from(textAt(secret, 'data', TOKEN_KEY), 'base64').toString('utf8');
    if (token === '') return [];
    return caches
      .podsOf(namespace, name)
      .filter((pod) => pod.ip !== '' && ordinalOf(name, pod.metadata.name) >= 0)
      .map((pod) => ({ node: pod.metadata.name, ip: pod.ip, cluster: name, clusterUID: uid, token }));
  }
}
