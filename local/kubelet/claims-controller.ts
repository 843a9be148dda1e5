import { rm } from 'node:fs/promises';
import { ApiError } from '../kube-api/api-types.ts';
import type { KubeObject, KubeStore } from '../kube-api/api-types.ts';
import { asObject, asString, jsonEqual } from '../kube-api/json.ts';
import type { EventRecorder } from './event-recorder.ts';
import { claimsOf, claimFolder, claimLock } from './volumes.ts';
import { parsePodSpec } from './pod-spec.ts';
import { CLAIMS } from './resources.ts';
import { holderOf } from './volume-lock.ts';

/** Keeps a claim's object (and so its folder) while a pod uses it; the name is Kubernetes' own. */
const PROTECTION = 'kubernetes.io/pvc-protection';

/** Binds claims to folders, grants expansions, and removes a deleted claim's folder once no pod uses it. */
export class ClaimsController {
  private readonly store: KubeStore;
  private readonly stateDir: string;
  private readonly events: EventRecorder;

  constructor(store: KubeStore, stateDir: string, events: EventRecorder) {
    this.store = store;
    this.stateDir = stateDir;
    this.events = events;
  }

  /** Brings one claim to what it should be; `pods` are those of its namespace. Undefined result: nothing to do. */
  async reconcile(claim: KubeObject, pods: readonly KubeObject[]): Promise<void> {
    try {
      if (claim.metadata.deletionTimestamp === undefined) await this.bind(claim);
      else await this.release(claim, pods);
    } catch (error) {
      if (!(error instanceof ApiError) || (error.code !== 404 && error.code !== 409)) throw error;
    }
  }

  private async bind(claim: KubeObject): Promise<void> {
    const { namespace = '', name, uid, finalizers = [] } = claim.metadata;
    const wanted = asObject(asObject(claim.spec?.['resources'])['requests'])['storage'] ?? '0';
    const status = {
      phase: 'Bound',
      accessModes: claim.spec?.['accessModes'] ?? ['ReadWriteOnce'],
      capacity: { storage: wanted },
    };
    if (!finalizers.includes(PROTECTION) || asString(claim.spec?.['volumeName']) === '') {
      const volumeName = asString(claim.spec?.['volumeName']) || `local-${uid}`;
      const kept = finalizers.filter((each) => each !== PROTECTION);
      const patch = { metadata: { finalizers: [...kept, PROTECTION] }, spec: { volumeName } };
      await this.store.patch(CLAIMS, namespace, name, patch);
    }
    const now = claim.status ?? {};
    const same = (['phase', 'accessModes', 'capacity'] as const).every((field) => jsonEqual(now[field], status[field]));
    if (same) return;
    const before = asString(asObject(now['capacity'])['storage']);
    await this.store.patch(CLAIMS, namespace, name, { status }, { subresource: 'status' });
    if (before !== '') {
      this.events.record(claim, 'Normal', 'FileSystemResizeSuccessful', `expanded from ${before} to ${String(wanted)}`);
    }
  }

  private async release(claim: KubeObject, pods: readonly KubeObject[]): Promise<void> {
    const { namespace = '', name, finalizers = [] } = claim.metadata;
    if (!finalizers.includes(PROTECTION)) return;
    const used = pods.some((pod) => claimsOf(parsePodSpec(pod.spec)).includes(name));
    if (used || holderOf(claimLock(this.stateDir, namespace, name)) !== undefined) return;
    await rm(claimFolder(this.stateDir, namespace, name), { recursive: true, force: true });
    await rm(claimLock(this.stateDir, namespace, name), { force: true });
    const kept = finalizers.filter((each) => each !== PROTECTION);
    await this.store.patch(CLAIMS, namespace, name, { metadata: { finalizers: kept } });
  }
}
