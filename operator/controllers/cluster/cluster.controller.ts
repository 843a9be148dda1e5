import { createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import type { Condition, VectorCluster } from '#crds/v1alpha1/index.ts';
import { transitionNotes } from '../../conditions.ts';
import { apply, applyStatus } from '../../kube/apply.ts';
import { isAlreadyExists } from '../../kube/errors.ts';
import { objectKey, type KubeObject } from '../../kube/object.ts';
import type { WorkResult } from '../../kube/queue.ts';
import { resourceOfKind, RESOURCES } from '../../kube/resources.ts';
import { sameJson, textAt } from '../../kube/json.ts';
import { WriteTimes, type OperatorContext } from '../../operator-context.ts';
import type { StoredCluster } from '../../build/common.ts';
import { buildSecret, PRIVATE_KEY } from '../../build/secret.ts';
import type { AdviceSource } from '../shard/advice-source.ts';
import { secretName } from './children.ts';
import type { ClusterInput } from './cluster-input.ts';
import { planCluster, type ClusterAction } from './cluster.plan.ts';

/** Comes back while a write of its own is not in the caches yet. */
const STALE_RETRY_MS = 100;

/** An apply of a child, and what came of it. */
interface Applied {
  wanted: KubeObject;
  resourceVersion: string;
}

/** The shell of the cluster controller: gather, plan, act, status. */
export class ClusterController {
  readonly #context: OperatorContext;
  readonly #advice: AdviceSource;
  readonly #writeTimes = new WriteTimes();
  /** What was applied last to each child, and the resourceVersion that it had then: the server may normalise what we wrote. */
  readonly #applied = new Map<string, Map<string, Applied>>();

  constructor(context: OperatorContext, advice: AdviceSource) {
    this.#context = context;
    this.#advice = advice;
  }

  reconcile = async (namespace: string, name: string): Promise<WorkResult> => {
    const cluster = this.#context.caches.clusters.get(namespace, name);
    if (cluster === undefined || !isStored(cluster)) {
      this.#forget(namespace, name);
      return {};
    }
    const input = this.#gather(cluster);
    if (input === undefined) return { requeueAfterMs: STALE_RETRY_MS };
    const key = objectKey(namespace, name);
    const plan = planCluster(input, this.#writeTimes.get(key));
    for (const { reason } of plan.blocked) this.#context.metrics.blocked.inc({ controller: 'cluster', reason });
    // Independent steps all run; the first error comes back (G8).
    let failure: unknown;
    for (const action of plan.actions) {
      try {
        await this.#act(cluster, action);
      } catch (error) {
        failure ??= error;
      }
    }
    if (failure !== undefined) throw failure;
    return plan.requeueAfterMs === undefined ? {} : { requeueAfterMs: plan.requeueAfterMs };
  };

  /** Everything that the plan follows from; undefined while the caches miss a write of ours. */
  #gather(cluster: StoredCluster): ClusterInput | undefined {
    const { caches, hub, expectations, config, podMonitors } = this.#context;
    const { namespace, name } = cluster.metadata;
    const children = caches.childrenOf(namespace, name);
    const now = Date.now();
    if (!expectations.met(statusKey(cluster), cluster.metadata.resourceVersion, now)) return undefined;
    for (const [key, object] of children) {
      if (!expectations.met(childKey(namespace, key), object.metadata.resourceVersion, now)) return undefined;
    }
    const shards = caches.shardsOf(namespace, name);
    const { advice, freshInMs } = this.#advice.of(cluster);
    const adviceChangesInMs = freshInMs ?? advice.changesInMs;
    return {
      cluster,
      clusters: caches.clusters.in(namespace),
      children,
      pods: caches.podsOf(namespace, name),
      sights: hub.sights(objectKey(namespace, name)),
      health: this.#context.health.of(objectKey(namespace, name)),
      shards,
      unreadable: caches.unreadable(namespace),
      moves: advice.plan,
      ...(adviceChangesInMs === undefined ? {} : { adviceChangesInMs }),
      config,
      podMonitors,
      publicKey: publicKeyOf(children.get(`Secret/${secretName(cluster)}`)),
      settled: (object, wanted) => {
        const last = this.#applied.get(objectKey(namespace, name))?.get(`${object.kind}/${object.metadata.name}`);
        return last?.resourceVersion === object.metadata.resourceVersion && sameJson(last?.wanted, wanted);
      },
      now,
    };
  }

  async #act(cluster: StoredCluster, action: ClusterAction): Promise<void> {
    const { api, expectations, events, log } = this.#context;
    const { namespace, name } = cluster.metadata;
    switch (action.type) {
      case 'createKeys':
        await this.#createKeys(cluster);
        return;
      case 'applyChild': {
        const { kind, metadata } = action.object;
        const resource = resourceOfKind(kind);
        if (resource === undefined) throw new Error(`no resource for kind ${kind}`);
        const written = await apply(api, resource, action.object);
        const child = `${kind}/${metadata.name}`;
        expectations.expect(childKey(namespace, child), written.metadata.resourceVersion, Date.now());
        const applied = this.#applied.get(objectKey(namespace, name)) ?? new Map<string, Applied>();
        const resourceVersion = written.metadata.resourceVersion ?? '';
        this.#applied.set(objectKey(namespace, name), applied.set(child, { wanted: action.object, resourceVersion }));
        log.info({ cluster: name, namespace, kind, child: metadata.name }, 'child applied');
        return;
      }
      case 'deleteChild': {
        const { kind, metadata } = action.object;
        const resource = resourceOfKind(kind);
        if (resource !== undefined) await api.remove(resource, namespace, metadata.name, metadata.uid);
        return;
      }
      case 'writeStatus': {
        const before = cluster.status?.conditions;
        const written = await applyStatus(api, RESOURCES.VectorCluster, withoutVersion(cluster), action.status);
        expectations.expect(statusKey(cluster), written.metadata.resourceVersion, Date.now());
        this.#writeTimes.set(objectKey(namespace, name), Date.now());
        for (const note of transitionNotes(before, action.status.conditions, isBad)) await events.record(cluster, note);
        return;
      }
    }
  }

  async #createKeys(cluster: StoredCluster): Promise<void> {
    const { privateKey } = generateKeyPairSync('ed25519');
    const secret = buildSecret(cluster, {
      token: randomBytes(32).toString('base64url'),
      privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    });
    try {
      await this.#context.api.create(RESOURCES.Secret, secret);
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
  }

  #forget(namespace: string, name: string): void {
    const key = objectKey(namespace, name);
    this.#context.hub.forget(key);
    this.#advice.forget(namespace, name);
    this.#applied.delete(key);
  }
}

/** The status is this controller's alone and level-triggered: a changed spec is no reason to refuse the write. */
function withoutVersion(cluster: StoredCluster): KubeObject {
  const { name, namespace } = cluster.metadata;
  return { apiVersion: cluster.apiVersion, kind: cluster.kind, metadata: { name, namespace } };
}

function isStored(cluster: VectorCluster): cluster is StoredCluster {
  return cluster.metadata.uid !== undefined && cluster.metadata.namespace !== undefined;
}

function statusKey(cluster: StoredCluster): string {
  return `VectorCluster/${objectKey(cluster.metadata.namespace, cluster.metadata.name)}`;
}

function childKey(namespace: string, kindAndName: string): string {
  return `${namespace}/${kindAndName}`;
}

function isBad(condition: Condition): boolean {
  return condition.type === 'Progressing' ? false : (condition.type === 'Degraded') === (condition.status === 'True');
}

/** Raw Ed25519 public key in base64, from the Secret's private one. */
function publicKeyOf(secret: KubeObject | undefined): string | undefined {
  const pem = Buffer.from(textAt(secret, 'data', PRIVATE_KEY), 'base64').toString('utf8');
  if (pem === '') return undefined;
  try {
    const der = createPublicKey(pem).export({ type: 'spki', format: 'der' });
    return der.subarray(-32).toString('base64');
  } catch {
    return undefined;
  }
}
