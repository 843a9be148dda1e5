import type { KubeObject } from '../api-types.ts';
import { acceptedStatus, CRD_CLEANUP } from '../crd/crd-behaviour.ts';
import { resourcesOf } from '../crd/custom-kind.ts';
import { deleteObject } from '../engine/deletion.ts';
import type { Engine } from '../engine/engine.ts';
import { CRD } from '../engine/registry.ts';
import { cloneJson } from '../json.ts';
import type { WriteRequest } from '../engine/request.ts';
import type { Change } from '../store/database.ts';

const CRD_KEY = 'apiextensions.k8s.io/customresourcedefinitions';

const STATUS_WRITE: WriteRequest = {
  dryRun: false,
  fieldManager: 'kube-apiserver',
  fieldValidation: 'Ignore',
  warn: () => undefined,
};

/** Serves the kinds of CustomResourceDefinitions as they come, change and go. */
export class CrdController {
  private readonly engine: Engine;
  private readonly stop: () => void;

  constructor(engine: Engine) {
    this.engine = engine;
    for (const crd of engine.store.list(CRD_KEY)) engine.registry.install(crd);
    this.stop = engine.store.onChange((change) => this.onChange(change));
  }

  close(): void {
    this.stop();
  }

  private onChange(change: Change): void {
    if (change.storageKey !== CRD_KEY) {
      if (change.type === 'DELETED') setImmediate(() => this.finishCleanups());
      return;
    }
    if (change.type === 'DELETED') {
      this.engine.registry.uninstall(change.object);
      return;
    }
    this.engine.registry.install(change.object);
    setImmediate(() => this.settle(change.object.metadata.name));
  }

  private settle(name: string): void {
    const crd = this.engine.store.get(CRD_KEY, '', name);
    if (crd === undefined) return;
    if (crd.metadata.deletionTimestamp !== undefined) {
      this.cleanUp(crd);
      return;
    }
    const def = this.engine.registry.find(CRD);
    const next = cloneJson(crd);
    next.status = acceptedStatus(crd, this.engine.environment.now());
    if (def !== undefined) this.engine.replace(def, crd, next, STATUS_WRITE, { subresource: 'status' });
  }

  private finishCleanups(): void {
    for (const crd of this.engine.store.list(CRD_KEY))
      if (crd.metadata.deletionTimestamp !== undefined) this.cleanUp(crd);
  }

  /** Deletes a deleted definition's objects, then lets it go. */
  private cleanUp(crd: KubeObject): void {
    if (crd.metadata.finalizers?.includes(CRD_CLEANUP) !== true) return;
    const [def] = resourcesOf(crd);
    const objects = def === undefined ? [] : this.engine.store.list(def.storageKey);
    for (const object of objects) {
      const { namespace = '', name } = object.metadata;
      if (def !== undefined && object.metadata.deletionTimestamp === undefined)
        deleteObject(this.engine, def, namespace, name, {});
    }
    if (def !== undefined && this.engine.store.list(def.storageKey).length > 0) return;
    const next = cloneJson(crd);
    next.metadata.finalizers = (crd.metadata.finalizers ?? []).filter((name) => name !== CRD_CLEANUP);
    if (next.metadata.finalizers.length > 0) this.write(next);
    else this.engine.store.remove(CRD_KEY, next);
  }

  private write(crd: KubeObject): void {
    const def = this.engine.registry.find(CRD);
    if (def !== undefined) this.engine.write(def, crd);
  }
}
