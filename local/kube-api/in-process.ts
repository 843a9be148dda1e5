import { ApiError } from './api-types.ts';
import type {
  DeleteQuery,
  KubeList,
  KubeObject,
  KubeObjectInput,
  KubeStore,
  ListQuery,
  ResourceName,
  WatchEvent,
  WatchQuery,
  WriteOptions,
} from './api-types.ts';
import { checkKind, conform } from './engine/decode.ts';
import { deleteObject } from './engine/deletion.ts';
import type { Engine } from './engine/engine.ts';
import { applyObject, patchObject, PATCH_TYPES } from './engine/patching.ts';
import type { WriteRequest } from './engine/request.ts';
import { toScale, withScale } from './engine/scale.ts';
import { listObjects, selection } from './engine/selection.ts';
import { watchObjects } from './engine/watch.ts';
import { cloneJson } from './json.ts';
import type { Json } from './json.ts';
import { applyMergePatch } from './patch/merge-patch.ts';
import type { ResourceDef } from './resource-def.ts';
import { unknownPath } from './status-errors.ts';

const write = (options: WriteOptions | undefined): WriteRequest => ({
  dryRun: false,
  fieldManager: options?.fieldManager ?? 'local',
  fieldValidation: 'Ignore',
  warn: () => undefined,
});

/** The store for code in the same process: what REST does, without HTTP. */
export class InProcessStore implements KubeStore {
  private readonly engine: Engine;

  constructor(engine: Engine) {
    this.engine = engine;
  }

  async get(resource: ResourceName, namespace: string, name: string): Promise<KubeObject> {
    return cloneJson(this.engine.get(this.def(resource), namespace, name));
  }

  async list(resource: ResourceName, query: ListQuery = {}): Promise<KubeList> {
    return cloneJson(listObjects(this.engine.store, this.def(resource), query));
  }

  async *watch(resource: ResourceName, query: WatchQuery): AsyncIterable<WatchEvent> {
    const def = this.def(resource);
    const matches = selection(def, query.labelSelector, query.fieldSelector);
    const events = watchObjects(this.engine.store, def, {
      ...(query.namespace === undefined ? {} : { namespace: query.namespace }),
      matches,
      ...(query.resourceVersion === undefined ? {} : { after: Number(query.resourceVersion) }),
      signal: query.signal,
    });
    for await (const event of events) {
      if (event.type === 'ERROR') throw new ApiError(event.object);
      yield cloneJson(event);
    }
  }

  async create(resource: ResourceName, object: KubeObjectInput, options?: WriteOptions): Promise<KubeObject> {
    const def = this.def(resource);
    const next = this.incoming(def, object);
    return cloneJson(this.engine.create(def, object.metadata.namespace ?? '', next, write(options)));
  }

  async update(resource: ResourceName, object: KubeObject, options?: WriteOptions): Promise<KubeObject> {
    return this.replace(resource, object, options, undefined);
  }

  async updateStatus(resource: ResourceName, object: KubeObject, options?: WriteOptions): Promise<KubeObject> {
    return this.replace(resource, object, options, 'status');
  }

  async patch(
    resource: ResourceName,
    namespace: string,
    name: string,
    patch: Json,
    options?: WriteOptions & { readonly subresource?: 'status' | 'scale' },
  ): Promise<KubeObject> {
    const def = this.def(resource);
    const request = write(options);
    if (options?.subresource === 'scale') {
      const old = this.engine.get(def, namespace, name);
      const scale = applyMergePatch(toScale(def, old) as unknown as Json, patch);
      return cloneJson(
        toScale(def, this.engine.replace(def, old, withScale(def, old, scale), request, { subresource: 'scale' })),
      );
    }
    return cloneJson(
      patchObject(
        this.engine,
        def,
        namespace,
        name,
        cloneJson(patch),
        PATCH_TYPES.merge,
        request,
        options?.subresource,
      ),
    );
  }

  async apply(
    resource: ResourceName,
    object: KubeObjectInput,
    options: { readonly fieldManager: string; readonly force?: boolean; readonly subresource?: 'status' },
  ): Promise<KubeObject> {
    const { namespace = '', name = '' } = object.metadata;
    const request = { ...write(options), force: options.force === true };
    const config = cloneJson(object) as unknown as Json;
    return cloneJson(
      applyObject(this.engine, this.def(resource), namespace, name, config, request, options.subresource).object,
    );
  }

  async delete(resource: ResourceName, namespace: string, name: string, query: DeleteQuery = {}): Promise<void> {
    deleteObject(this.engine, this.def(resource), namespace, name, query);
  }

  private def(resource: ResourceName): ResourceDef {
    const def = this.engine.registry.find(resource);
    if (def === undefined) throw unknownPath();
    return def;
  }

  private incoming(def: ResourceDef, object: KubeObjectInput | KubeObject): KubeObject {
    const next = checkKind(cloneJson(object) as unknown as Json, def);
    conform(next, def, 'Ignore', () => undefined);
    return next;
  }

  private replace(
    resource: ResourceName,
    object: KubeObject,
    options: WriteOptions | undefined,
    subresource: 'status' | undefined,
  ): KubeObject {
    const def = this.def(resource);
    const next = this.incoming(def, object);
    const old = this.engine.get(def, object.metadata.namespace ?? '', object.metadata.name);
    return cloneJson(this.engine.replace(def, old, next, write(options), { subresource, isPut: true }));
  }
}
