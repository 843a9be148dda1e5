import { deleteObject } from '../engine/deletion.ts';
import type { Engine } from '../engine/engine.ts';
import { INITIAL_NAMESPACES, NAMESPACE_KEY } from '../engine/namespaces.ts';
import { NAMESPACES } from '../engine/registry.ts';
import { conform } from '../engine/decode.ts';
import type { KubeObject } from '../api-types.ts';
import type { ResourceDef } from '../resource-def.ts';

/** Makes the namespaces that are always there, and empties those that are deleted. */
export class NamespaceController {
  private readonly engine: Engine;
  private readonly stop: () => void;
  private scheduled = false;

  constructor(engine: Engine) {
    this.engine = engine;
    for (const name of INITIAL_NAMESPACES) this.ensure(name);
    this.stop = engine.store.onChange((change) => {
      const { object } = change;
      const isOurs = change.storageKey === NAMESPACE_KEY && object.metadata.deletionTimestamp !== undefined;
      const empties = change.type === 'DELETED' && object.metadata.namespace !== undefined;
      if ((isOurs && change.type !== 'DELETED') || empties) this.schedule();
    });
    this.schedule();
  }

  close(): void {
    this.stop();
  }

  private get def(): ResourceDef {
    const def = this.engine.registry.find(NAMESPACES);
    if (def === undefined) throw new Error('the registry lost namespaces');
    return def;
  }

  private ensure(name: string): void {
    if (this.engine.store.get(NAMESPACE_KEY, '', name) !== undefined) return;
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } } as unknown as KubeObject;
    const warn = (): void => undefined;
    conform(namespace, this.def, 'Ignore', warn);
    this.engine.create(this.def, '', namespace, {
      dryRun: false,
      fieldManager: 'kube-apiserver',
      fieldValidation: 'Ignore',
      warn,
    });
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      for (const namespace of this.engine.store.list(NAMESPACE_KEY)) {
        if (namespace.metadata.deletionTimestamp !== undefined) this.empty(namespace);
      }
    });
  }

  private empty(namespace: KubeObject): void {
    const { name } = namespace.metadata;
    let left = 0;
    for (const storageKey of this.engine.store.storageKeys()) {
      const def = this.engine.registry.ofStorageKey(storageKey);
      if (def === undefined || !def.namespaced) continue;
      for (const object of this.engine.store.list(storageKey, name)) {
        if (object.metadata.deletionTimestamp === undefined)
          deleteObject(this.engine, def, name, object.metadata.name, { propagationPolicy: 'Background' });
        if (this.engine.store.get(storageKey, name, object.metadata.name) !== undefined) left += 1;
      }
    }
    const current = this.engine.store.get(NAMESPACE_KEY, '', name);
    if (left === 0 && current !== undefined && (current.metadata.finalizers ?? []).length === 0)
      this.engine.store.remove(NAMESPACE_KEY, current);
  }
}
