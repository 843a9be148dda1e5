import type { KubeObject } from '../api-types.ts';
import { cloneJson, jsonEqual } from '../json.ts';
import type { Json } from '../json.ts';
import { validateMeta, validateMetaUpdate } from '../object-meta.ts';
import type { KindContext, ResourceDef } from '../resource-def.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { alreadyExists, badRequest, conflict, fieldErrors, invalid, notFound, staleVersion } from '../status-errors.ts';
import type { FieldError } from '../status-errors.ts';
import { validateCustom, validateCustomUpdate } from '../crd/validate-custom.ts';
import { requireNamespace } from './namespaces.ts';
import type { Registry } from './registry.ts';
import type { Environment, Subresource, WriteRequest } from './request.ts';
import { isSameObject, trackUpdate, writerOf } from './writer.ts';

const SUFFIX_CHARS = 'bcdfghjklmnpqrstvwxz2456789';
const SUFFIX_LENGTH = 5;
const MAX_GENERATED_PREFIX = 63 - SUFFIX_LENGTH;

/** What stays the same whatever a client sends. */
const KEPT_META = [
  'uid',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'name',
  'namespace',
] as const;

/**
 * Creates and changes objects by the rules of the API server: metadata, defaults, validation, ownership of fields,
 * conflicts. Every call runs to its end without waiting, so calls never interleave.
 */
export class Engine {
  readonly store: ObjectStore;
  readonly registry: Registry;
  readonly environment: Environment;

  constructor(store: ObjectStore, registry: Registry, environment: Environment) {
    this.store = store;
    this.registry = registry;
    this.environment = environment;
  }

  context(): KindContext {
    return { store: this.store, now: this.environment.now(), random: () => this.environment.random() };
  }

  /** The object in the form of the resource; 404 when there is none. */
  get(def: ResourceDef, namespace: string, name: string): KubeObject {
    const stored = this.store.get(def.storageKey, namespace, name);
    if (stored === undefined) throw notFound(def, name);
    return this.present(def, stored);
  }

  present(def: ResourceDef, stored: KubeObject): KubeObject {
    return def.fromStored?.(stored) ?? stored;
  }

  /** Creates an object that `conform` has passed. Takes `object` over. `managed`: its managedFields are settled (apply). */
  create(def: ResourceDef, namespace: string, object: KubeObject, request: WriteRequest, managed = false): KubeObject {
    this.placeInNamespace(def, namespace, object);
    this.stampNew(def, object);
    if (def.namespaced) requireNamespace(this.store, def, object);
    if (!managed)
      trackUpdate(undefined, object, def, writerOf(def, undefined, request.fieldManager, this.environment.now()));
    if (def.custom?.hasStatus === true) delete object.status;
    def.behaviour.prepareCreate?.(object, this.context());
    this.refuse(def, object, [
      ...validateMeta(object, def.namespaced, def.behaviour.nameRule),
      ...(def.behaviour.validate?.(object, this.context()) ?? []),
      ...(def.custom === undefined ? [] : validateCustom(object, def)),
    ]);
    if (this.store.get(def.storageKey, namespace, object.metadata.name) !== undefined)
      throw alreadyExists(def, object.metadata.name);
    return this.write(def, object, request.dryRun);
  }

  /**
   * Replaces an object (or its status) by `next`, which `conform` has passed. Takes `next` over.
   * `managed`: managedFields are settled already (apply).
   */
  replace(
    def: ResourceDef,
    old: KubeObject,
    next: KubeObject,
    request: WriteRequest,
    options: { subresource?: Subresource; managed?: boolean; isPut?: boolean } = {},
  ): KubeObject {
    this.checkVersion(def, old, next, options.isPut === true);
    this.keepServerMeta(old, next);
    if (options.managed !== true) {
      trackUpdate(old, next, def, writerOf(def, options.subresource, request.fieldManager, this.environment.now()));
    }
    this.carryOver(def, old, next, options.subresource);
    this.bumpGeneration(def, old, next);
    this.refuse(def, next, this.updateErrors(def, old, next, options.subresource));
    next.metadata.resourceVersion = old.metadata.resourceVersion;
    if (isSameObject(old, next)) return old;
    if (this.isReleased(next)) {
      if (!request.dryRun) this.store.remove(def.storageKey, this.toStored(def, next));
      return next;
    }
    return this.write(def, next, request.dryRun);
  }

  /** Stores an object whose rules are settled (deletion marks, collectors). */
  write(def: ResourceDef, object: KubeObject, dryRun = false): KubeObject {
    if (dryRun) return object;
    return this.present(def, this.store.put(def.storageKey, this.toStored(def, object)));
  }

  toStored(def: ResourceDef, object: KubeObject): KubeObject {
    return def.toStored?.(object) ?? object;
  }

  private placeInNamespace(def: ResourceDef, namespace: string, object: KubeObject): void {
    const given = object.metadata.namespace;
    if (!def.namespaced) {
      delete object.metadata.namespace;
      return;
    }
    if (given !== undefined && given !== '' && given !== namespace) {
      throw badRequest(`the namespace of the provided object does not match the namespace sent on the request`);
    }
    object.metadata.namespace = namespace;
  }

  private stampNew(def: ResourceDef, object: KubeObject): void {
    const meta = object.metadata;
    if ((meta.resourceVersion ?? '') !== '')
      throw badRequest('resourceVersion should not be set on objects to be created');
    if (!meta.name && meta.generateName) meta.name = this.generatedName(def, meta.namespace, meta.generateName);
    delete meta.deletionTimestamp;
    delete meta.deletionGracePeriodSeconds;
    meta.uid = this.environment.uuid();
    meta.creationTimestamp = this.environment.now();
    if (def.behaviour.hasGeneration === true) meta.generation = 1;
    else delete meta.generation;
  }

  private generatedName(def: ResourceDef, namespace: string | undefined, prefix: string): string {
    const base = prefix.slice(0, MAX_GENERATED_PREFIX);
    for (;;) {
      let name = base;
      for (let i = 0; i < SUFFIX_LENGTH; i += 1)
        name += SUFFIX_CHARS[Math.floor(this.environment.random() * SUFFIX_CHARS.length)] ?? 'x';
      if (this.store.get(def.storageKey, namespace, name) === undefined) return name;
    }
  }

  private checkVersion(def: ResourceDef, old: KubeObject, next: KubeObject, isPut: boolean): void {
    const { name, uid } = old.metadata;
    const wanted = next.metadata.resourceVersion ?? '';
    if (isPut && (next.metadata.uid ?? '') !== '' && next.metadata.uid !== uid) {
      throw conflict(
        def,
        name,
        `Precondition failed: UID in precondition: ${next.metadata.uid}, UID in object meta: ${uid}`,
      );
    }
    if (wanted === '' && def.behaviour.noUnconditionalUpdate === true) {
      const error = fieldErrors.invalid('metadata.resourceVersion', '', 'must be specified for an update');
      throw invalid(def.group, def.resource, name, [
        { ...error, detail: 'Invalid value: 0: must be specified for an update' },
      ]);
    }
    if (wanted !== '' && wanted !== old.metadata.resourceVersion) throw staleVersion(def, name);
  }

  private keepServerMeta(old: KubeObject, next: KubeObject): void {
    for (const key of KEPT_META) {
      if (next.metadata[key] === undefined && old.metadata[key] !== undefined)
        Object.assign(next.metadata, { [key]: old.metadata[key] });
    }
    if (old.metadata.generation === undefined) delete next.metadata.generation;
    else next.metadata.generation = old.metadata.generation;
  }

  private carryOver(def: ResourceDef, old: KubeObject, next: KubeObject, subresource: Subresource): void {
    if (subresource === 'status') this.keepAllButStatus(def, old, next);
    else if (def.subresources.has('status')) {
      if (old.status === undefined) delete next.status;
      else next.status = old.status;
    }
    if (subresource === undefined) def.behaviour.prepareUpdate?.(next, old, this.context());
  }

  private keepAllButStatus(def: ResourceDef, old: KubeObject, next: KubeObject): void {
    const { status, metadata } = next;
    for (const key of Object.keys(next)) delete next[key];
    Object.assign(next, cloneJson(old));
    if (status === undefined) delete next.status;
    else next.status = status;
    if (def.custom === undefined) {
      next.metadata = { ...metadata };
      if (old.metadata.ownerReferences !== undefined) next.metadata.ownerReferences = old.metadata.ownerReferences;
    }
    if (metadata.managedFields !== undefined) next.metadata.managedFields = metadata.managedFields;
  }

  private bumpGeneration(def: ResourceDef, old: KubeObject, next: KubeObject): void {
    if (def.behaviour.hasGeneration !== true) return;
    const desired = (object: KubeObject): Json => {
      if (def.custom === undefined) return (object.spec ?? null) as Json;
      const { metadata: _, status, ...rest } = object;
      return (def.custom.hasStatus ? rest : { ...rest, status }) as unknown as Json;
    };
    if (!jsonEqual(desired(old), desired(next))) next.metadata.generation = (old.metadata.generation ?? 0) + 1;
  }

  private updateErrors(def: ResourceDef, old: KubeObject, next: KubeObject, subresource: Subresource): FieldError[] {
    const once = validateMetaUpdate(next, old);
    // The real server looks at metadata in two places and lists what it finds twice.
    const meta = [...once, ...once];
    if (def.custom !== undefined) return [...meta, ...validateCustomUpdate(next, old, def, subresource)];
    if (subresource === 'status') return meta;
    return [
      ...meta,
      ...(def.behaviour.validate?.(next, this.context()) ?? []),
      ...(def.behaviour.validateUpdate?.(next, old) ?? []),
    ];
  }

  private refuse(def: ResourceDef, object: KubeObject, errors: FieldError[]): void {
    if (errors.length > 0) throw invalid(def.group, def.kind, object.metadata.name ?? '', errors);
  }

  /** A deleted object whose last finalizer went, and which no kubelet has to stop first. */
  private isReleased(object: KubeObject): boolean {
    const { deletionTimestamp, finalizers = [], deletionGracePeriodSeconds = 0 } = object.metadata;
    if (deletionTimestamp === undefined || finalizers.length > 0 || deletionGracePeriodSeconds > 0) return false;
    return !(object.kind === 'Namespace' && object.apiVersion === 'v1' && hasSpecFinalizers(object));
  }
}

const hasSpecFinalizers = (object: KubeObject): boolean => {
  const finalizers = object.spec?.['finalizers'];
  return Array.isArray(finalizers) && finalizers.length > 0;
};
