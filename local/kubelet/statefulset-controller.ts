import { ApiError } from '../kube-api/api-types.ts';
import type { KubeObject, KubeStore } from '../kube-api/api-types.ts';
import { jsonEqual } from '../kube-api/json.ts';
import type { EventRecorder } from './event-recorder.ts';
import { CLAIMS, PODS, STATEFUL_SETS } from './resources.ts';
import { revisionOfTemplate } from './revision.ts';
import { planStatefulSet } from './statefulset.plan.ts';
import type { StatefulSetAction } from './statefulset.plan.ts';
import type { WatchCache } from './watch-cache.ts';

/** Carries out statefulset.plan.ts. */
export class StatefulSetController {
  private readonly store: KubeStore;
  private readonly sets: WatchCache;
  private readonly pods: WatchCache;
  private readonly claims: WatchCache;
  private readonly events: EventRecorder;

  constructor(
    store: KubeStore,
    caches: { readonly sets: WatchCache; readonly pods: WatchCache; readonly claims: WatchCache },
    events: EventRecorder,
  ) {
    this.store = store;
    this.sets = caches.sets;
    this.pods = caches.pods;
    this.claims = caches.claims;
    this.events = events;
  }

  async reconcile(key: string): Promise<void> {
    const set = this.sets.get(key);
    if (set === undefined) return;
    const namespace = set.metadata.namespace;
    const plan = planStatefulSet({
      set,
      pods: this.pods.inNamespace(namespace),
      claims: this.claims.inNamespace(namespace),
      revision: revisionOfTemplate(set),
    });
    for (const action of plan.actions) await this.act(set, action);
    const now = set.status ?? {};
    if (Object.entries(plan.status).every(([field, value]) => jsonEqual(now[field], value))) return;
    const patch = { status: plan.status };
    const options = { subresource: 'status' } as const;
    this.sets.learn(await this.store.patch(STATEFUL_SETS, namespace ?? '', set.metadata.name, patch, options));
  }

  private async act(set: KubeObject, action: StatefulSetAction): Promise<void> {
    const namespace = set.metadata.namespace ?? '';
    try {
      switch (action.type) {
        case 'createClaim':
          this.claims.learn(await this.store.create(CLAIMS, action.claim));
          break;
        case 'deleteClaim':
          await this.store.delete(CLAIMS, namespace, action.name);
          break;
        case 'createPod': {
          const pod = await this.store.create(PODS, action.pod);
          this.pods.learn(pod);
          const message = `create Pod ${pod.metadata.name} in StatefulSet ${set.metadata.name} successful`;
          this.events.record(set, 'Normal', 'SuccessfulCreate', message);
          break;
        }
        case 'deletePod':
          await this.store.delete(PODS, namespace, action.name, { preconditions: { uid: action.uid } });
          this.events.record(set, 'Normal', 'SuccessfulDelete', `delete Pod ${action.name}: ${action.reason}`);
      }
    } catch (error) {
      // The cache was behind: the object is there (or gone) already, and its event will bring us back.
      if (!(error instanceof ApiError) || (error.code !== 404 && error.code !== 409)) throw error;
    }
  }
}
