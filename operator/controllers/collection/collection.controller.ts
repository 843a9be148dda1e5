import type { Collection, Condition, Shard } from '#crds/v1alpha1/index.ts';
import { transitionNotes } from '../../conditions.ts';
import { apply, applyStatus } from '../../kube/apply.ts';
import { isNotFound } from '../../kube/errors.ts';
import { objectKey } from '../../kube/object.ts';
import type { WorkResult } from '../../kube/queue.ts';
import { RESOURCES } from '../../kube/resources.ts';
import { WriteTimes, type OperatorContext } from '../../operator-context.ts';
import { planCollection, type CollectionAction, type CollectionInput } from './collection.plan.ts';

const STALE_RETRY_MS = 100;

/** The shell of the collection controller. */
export class CollectionController {
  readonly #context: OperatorContext;
  readonly #writeTimes = new WriteTimes();

  constructor(context: OperatorContext) {
    this.#context = context;
  }

  reconcile = async (namespace: string, name: string): Promise<WorkResult> => {
    const { caches, expectations, metrics } = this.#context;
    const key = objectKey(namespace, name);
    const collection = caches.collections.get(namespace, name);
    if (collection === undefined) {
      expectations.forget(`Collection/${key}`);
      return {};
    }
    const now = Date.now();
    if (!expectations.met(`Collection/${key}`, collection.metadata.resourceVersion, now)) {
      return { requeueAfterMs: STALE_RETRY_MS };
    }
    const shards = caches.shards.in(namespace).filter((shard) => shard.spec.collection === name);
    const plan = planCollection(
      {
        collection,
        collections: caches.collections.in(namespace),
        clusters: caches.clusters.in(namespace),
        shards,
        sight: this.#sight(collection, shards),
        now,
      },
      this.#writeTimes.get(key),
    );
    for (const { reason } of plan.blocked) metrics.blocked.inc({ controller: 'collection', reason });
    for (const action of plan.actions) await this.#act(collection, key, action);
    return plan.requeueAfterMs === undefined ? {} : { requeueAfterMs: plan.requeueAfterMs };
  };

  /** What nodes say; of the cluster that holds the shards now, whatever the spec says. */
  #sight({ metadata }: Collection, shards: Shard[]): CollectionInput['sight'] {
    const { hub, mapFacts } = this.#context;
    const clusterKey = objectKey(metadata.namespace, shards[0]?.spec.cluster ?? '');
    return {
      nodes: hub.sights(clusterKey),
      sealedSince: (shard) => mapFacts.sealedSince(clusterKey, shard),
      tableSince: (version) => mapFacts.tableSince(clusterKey, metadata.name, version),
    };
  }

  async #act(collection: Collection, key: string, action: CollectionAction): Promise<void> {
    const { api, caches, expectations, events, log } = this.#context;
    if (action.type === 'applyShard') {
      const { namespace, name } = action.object.metadata;
      const shardKey = `Shard/${objectKey(namespace, name)}`;
      const cached = caches.shards.get(namespace ?? '', name)?.metadata.resourceVersion;
      // Applied a moment ago and not in the cache yet, or there in a form that can't be read.
      if (!expectations.met(shardKey, cached, Date.now())) return;
      if (caches.shards.unreadable(namespace ?? '').includes(objectKey(namespace, name))) return;
      const written = await apply(api, RESOURCES.Shard, action.object);
      expectations.expect(shardKey, written.metadata.resourceVersion, Date.now());
      log.info({ collection: key, shard: name }, 'shard applied');
      return;
    }
    if (action.type === 'removeShard') {
      const { namespace, name, uid } = action.shard.metadata;
      await api.remove(RESOURCES.Shard, namespace ?? '', name, uid).catch(unlessGone);
      log.info({ collection: key, shard: name }, 'shard removed: its points are in others');
      return;
    }
    const target = { apiVersion: collection.apiVersion, kind: collection.kind, metadata: collection.metadata };
    const written = await applyStatus(api, RESOURCES.Collection, target, action.status);
    expectations.expect(`Collection/${key}`, written.metadata.resourceVersion, Date.now());
    this.#writeTimes.set(key, Date.now());
    for (const note of transitionNotes(collection.status?.conditions, action.status.conditions, isBad)) {
      await events.record(target, note);
    }
  }
}

function unlessGone(error: unknown): void {
  if (!isNotFound(error)) throw error;
}

function isBad(condition: Condition): boolean {
  return condition.type === 'Progressing' ? false : condition.status !== 'True';
}
