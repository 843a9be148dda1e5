import type { DeleteQuery, KubeObject } from '../api-types.ts';
import { cloneJson } from '../json.ts';
import type { ResourceDef } from '../resource-def.ts';
import { badRequest, conflict, forbidden } from '../status-errors.ts';
import { NAMESPACE_KEY } from './namespaces.ts';
import type { Engine } from './engine.ts';

export const ORPHAN = 'orphan';
export const FOREGROUND = 'foregroundDeletion';

export interface DeleteResult {
  readonly object: KubeObject;
  /** False: marked for deletion, something has to finish first. */
  readonly gone: boolean;
}

const IMMORTAL: ReadonlySet<string> = new Set(['default', 'kube-system', 'kube-public']);
const POLICIES: ReadonlySet<string> = new Set(['Background', 'Foreground', 'Orphan']);

function checkPreconditions(def: ResourceDef, object: KubeObject, query: DeleteQuery): void {
  const { uid, resourceVersion } = query.preconditions ?? {};
  const { name } = object.metadata;
  const byKind = { group: def.group, resource: def.kind };
  const differs = (what: string, wanted: string, is: string, might: string): Error =>
    conflict(
      byKind,
      name,
      `the ${what} in the precondition (${wanted}) does not match the ${what} in record (${is}). The object might have been ${might}`,
    );
  if (uid !== undefined && uid !== object.metadata.uid)
    throw differs('UID', uid, object.metadata.uid, 'deleted and then recreated');
  if (resourceVersion !== undefined && resourceVersion !== object.metadata.resourceVersion) {
    throw differs('ResourceVersion', resourceVersion, object.metadata.resourceVersion, 'modified');
  }
}

/** Finalizers after a delete with a propagation policy; without one they stay as they are. */
function finalizersFor(def: ResourceDef, object: KubeObject, query: DeleteQuery): string[] {
  const given = object.metadata.finalizers ?? [];
  const isFirst = object.metadata.deletionTimestamp === undefined;
  const now = isFirst ? [...new Set([...given, ...(def.behaviour.deletionFinalizers ?? [])])] : given;
  if (query.propagationPolicy === undefined) return now;
  const others = now.filter((name) => name !== ORPHAN && name !== FOREGROUND);
  if (query.propagationPolicy === 'Orphan') return [...others, ORPHAN];
  return query.propagationPolicy === 'Foreground' ? [...others, FOREGROUND] : others;
}

/** Seconds that somebody gets to stop what the object stands for. */
function graceFor(def: ResourceDef, object: KubeObject, query: DeleteQuery): number {
  const own = def.behaviour.graceSeconds?.(object) ?? 0;
  return own === 0 ? 0 : (query.gracePeriodSeconds ?? own);
}

/** RFC 3339 seconds, so many seconds later. */
const later = (now: string, seconds: number): string =>
  new Date(Date.parse(now) + seconds * 1000).toISOString().replace(/\.\d+Z$/, 'Z');

/** Deletes an object, or marks it for those who must finish first: finalizers, the kubelet, the collector. */
export function deleteObject(
  engine: Engine,
  def: ResourceDef,
  namespace: string,
  name: string,
  query: DeleteQuery,
  dryRun = false,
): DeleteResult {
  if (query.propagationPolicy !== undefined && !POLICIES.has(query.propagationPolicy)) {
    throw badRequest(
      `invalid propagationPolicy ${JSON.stringify(query.propagationPolicy)}: use Background, Foreground or Orphan`,
    );
  }
  const old = engine.get(def, namespace, name);
  if (def.storageKey === NAMESPACE_KEY && IMMORTAL.has(name))
    throw forbidden(def, name, 'this namespace may not be deleted');
  checkPreconditions(def, old, query);
  const next = cloneJson(old);
  const finalizers = finalizersFor(def, old, query);
  if (finalizers.length === 0) delete next.metadata.finalizers;
  else next.metadata.finalizers = finalizers;
  const grace = graceFor(def, old, query);
  const isNamespace = def.storageKey === NAMESPACE_KEY;
  if (finalizers.length === 0 && grace === 0 && !isNamespace) {
    if (dryRun) return { object: next, gone: true };
    return { object: engine.store.remove(def.storageKey, engine.toStored(def, next)), gone: true };
  }
  const mayShorten =
    old.metadata.deletionGracePeriodSeconds !== undefined && grace < old.metadata.deletionGracePeriodSeconds;
  if (old.metadata.deletionTimestamp === undefined || mayShorten) {
    const now = engine.environment.now();
    next.metadata.deletionTimestamp = later(now, grace);
    next.metadata.deletionGracePeriodSeconds = grace;
    if (next.metadata.generation !== undefined) next.metadata.generation += 1;
    if (isNamespace) {
      delete next.metadata.deletionGracePeriodSeconds;
      next.status = { ...next.status, phase: 'Terminating' };
    }
  } else if (JSON.stringify(finalizers) === JSON.stringify(old.metadata.finalizers ?? [])) {
    return { object: old, gone: false };
  }
  return { object: engine.write(def, next, dryRun), gone: false };
}
