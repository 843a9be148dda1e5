import type { KubeObject, OwnerReference } from '../api-types.ts';
import { cloneJson } from '../json.ts';
import { deleteObject, FOREGROUND, ORPHAN } from '../engine/deletion.ts';
import type { Engine } from '../engine/engine.ts';
import type { ResourceDef } from '../resource-def.ts';
import type { Change } from '../store/database.ts';

interface Located {
  readonly def: ResourceDef;
  readonly object: KubeObject;
}

/** Where an object is: enough to read it again later. */
interface Place {
  readonly storageKey: string;
  readonly namespace: string;
  readonly name: string;
}

const placeKey = (place: Place): string => `${place.storageKey}|${place.namespace}/${place.name}`;

/**
 * Deletes what its owners left behind: dependents of an object that is gone (background), of one that waits for
 * them (foreground), and references to one that leaves them (orphan). Works through a queue after each change.
 */
export class GarbageCollector {
  private readonly engine: Engine;
  private readonly dependents = new Map<string, Map<string, Place>>();
  private readonly uids = new Set<string>();
  private readonly queue = new Map<string, Place>();
  private scheduled = false;
  private readonly stop: () => void;

  constructor(engine: Engine) {
    this.engine = engine;
    for (const storageKey of engine.store.storageKeys()) {
      for (const object of engine.store.list(storageKey)) this.learn({ version: 0, type: 'ADDED', storageKey, object });
    }
    this.stop = engine.store.onChange((change) => this.learn(change));
  }

  close(): void {
    this.stop();
    this.queue.clear();
  }

  private learn(change: Change): void {
    const { object, storageKey } = change;
    const place = { storageKey, namespace: object.metadata.namespace ?? '', name: object.metadata.name };
    const key = placeKey(place);
    for (const owner of change.previous?.metadata.ownerReferences ?? []) this.dependents.get(owner.uid)?.delete(key);
    if (change.type === 'DELETED') {
      this.uids.delete(object.metadata.uid);
      for (const owner of object.metadata.ownerReferences ?? []) {
        this.dependents.get(owner.uid)?.delete(key);
        this.enqueueOwner(owner, place.namespace);
      }
      for (const dependent of this.dependents.get(object.metadata.uid)?.values() ?? []) this.enqueue(dependent);
      return;
    }
    this.uids.add(object.metadata.uid);
    for (const owner of object.metadata.ownerReferences ?? []) {
      const known = this.dependents.get(owner.uid) ?? new Map<string, Place>();
      known.set(key, place);
      this.dependents.set(owner.uid, known);
    }
    const waits = object.metadata.finalizers?.some((name) => name === FOREGROUND || name === ORPHAN) === true;
    if (
      (object.metadata.ownerReferences ?? []).length > 0 ||
      (waits && object.metadata.deletionTimestamp !== undefined)
    )
      this.enqueue(place);
  }

  private enqueue(place: Place): void {
    this.queue.set(placeKey(place), place);
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => this.drain());
  }

  private enqueueOwner(owner: OwnerReference, namespace: string): void {
    const def = this.engine.registry.findKind(owner.apiVersion, owner.kind);
    if (def === undefined) return;
    this.enqueue({ storageKey: def.storageKey, namespace: def.namespaced ? namespace : '', name: owner.name });
  }

  private drain(): void {
    this.scheduled = false;
    const batch = [...this.queue.values()];
    this.queue.clear();
    for (const place of batch) {
      const def = this.engine.registry.ofStorageKey(place.storageKey);
      const object = this.engine.store.get(place.storageKey, place.namespace, place.name);
      if (def !== undefined && object !== undefined) this.settle({ def, object });
    }
  }

  private settle({ def, object }: Located): void {
    if (object.metadata.deletionTimestamp !== undefined) {
      if (object.metadata.finalizers?.includes(ORPHAN) === true) this.orphanDependents({ def, object });
      else if (object.metadata.finalizers?.includes(FOREGROUND) === true) this.finishForeground({ def, object });
      return;
    }
    const owners = object.metadata.ownerReferences ?? [];
    if (owners.length === 0) return;
    const solid = owners.filter((owner) => this.uids.has(owner.uid) && this.waitingOwner(owner, object) === null);
    const waiting = owners.filter((owner) => this.waitingOwner(owner, object) !== null);
    if (solid.length > 0) {
      if (solid.length < owners.length) this.writeOwners({ def, object }, solid);
      return;
    }
    const { namespace = '', name, uid } = object.metadata;
    deleteObject(this.engine, def, namespace, name, {
      propagationPolicy: waiting.length > 0 && this.hasDependents(uid) ? 'Foreground' : 'Background',
      preconditions: { uid },
    });
  }

  /** An owner that is being deleted in the foreground, or null. */
  private waitingOwner(reference: OwnerReference, dependent: KubeObject): KubeObject | null {
    const def = this.engine.registry.findKind(reference.apiVersion, reference.kind);
    if (def === undefined) return null;
    const owner = this.engine.store.get(
      def.storageKey,
      def.namespaced ? dependent.metadata.namespace : '',
      reference.name,
    );
    if (owner?.metadata.uid !== reference.uid || owner.metadata.deletionTimestamp === undefined) return null;
    return owner.metadata.finalizers?.includes(FOREGROUND) === true ? owner : null;
  }

  private hasDependents(uid: string): boolean {
    return (this.dependents.get(uid)?.size ?? 0) > 0;
  }

  private *dependentsOf(uid: string): Generator<Located> {
    for (const place of [...(this.dependents.get(uid)?.values() ?? [])]) {
      const def = this.engine.registry.ofStorageKey(place.storageKey);
      const object = this.engine.store.get(place.storageKey, place.namespace, place.name);
      if (def !== undefined && object !== undefined) yield { def, object };
    }
  }

  private finishForeground({ def, object }: Located): void {
    let blocked = false;
    for (const dependent of this.dependentsOf(object.metadata.uid)) {
      const reference = dependent.object.metadata.ownerReferences?.find((owner) => owner.uid === object.metadata.uid);
      if (reference?.blockOwnerDeletion === true) blocked = true;
      if (dependent.object.metadata.deletionTimestamp === undefined) {
        const { namespace = '', name } = dependent.object.metadata;
        this.enqueue({ storageKey: dependent.def.storageKey, namespace, name });
      }
    }
    if (!blocked) this.removeFinalizer({ def, object }, FOREGROUND);
  }

  private orphanDependents({ def, object }: Located): void {
    for (const dependent of this.dependentsOf(object.metadata.uid)) {
      const left = (dependent.object.metadata.ownerReferences ?? []).filter(
        (owner) => owner.uid !== object.metadata.uid,
      );
      this.writeOwners(dependent, left);
    }
    this.removeFinalizer({ def, object }, ORPHAN);
  }

  private writeOwners({ def, object }: Located, owners: OwnerReference[]): void {
    const next = cloneJson(object);
    if (owners.length === 0) delete next.metadata.ownerReferences;
    else next.metadata.ownerReferences = owners;
    this.engine.write(def, next);
  }

  private removeFinalizer({ def, object }: Located, name: string): void {
    const next = cloneJson(object);
    const left = (next.metadata.finalizers ?? []).filter((finalizer) => finalizer !== name);
    if (left.length > 0) {
      next.metadata.finalizers = left;
      this.engine.write(def, next);
      return;
    }
    delete next.metadata.finalizers;
    if ((next.metadata.deletionGracePeriodSeconds ?? 0) > 0) this.engine.write(def, next);
    else this.engine.store.remove(def.storageKey, next);
  }
}
