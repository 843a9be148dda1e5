import { KubeError } from '#operator/kube/errors.ts';
import { isObject, sameJson, type JsonObject } from '#operator/kube/json.ts';
import { keyOf, objectKey, type KubeObject } from '#operator/kube/object.ts';
import { EPOCH_MS, type Kernel } from './kernel.ts';

export type WatchEvent = { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: KubeObject; version: number };

/** Why a write is refused, as the API server's Status says it. */
export function refusal(action: string, code: number, reason: string, message: string): KubeError {
  return new KubeError(action, code, JSON.stringify({ kind: 'Status', reason, message }));
}

interface Kind {
  objects: Map<string, KubeObject>;
  events: WatchEvent[];
  watchers: Set<(event: WatchEvent) => void>;
}

/** Told of every change that was made; `before` undefined: created; `after` undefined: gone. */
export type OnChange = (
  kind: string,
  before: KubeObject | undefined,
  after: KubeObject | undefined,
  writer: string,
) => void;

const GC_MS = 50;

/**
 * The truth: what etcd and the API server hold. resourceVersions, generations, uids, optimistic concurrency, server-side apply by one
 * field manager, finalizers, collection of what its owner leaves behind.
 */
export class KubeServer {
  readonly kernel: Kernel;
  /** Writes that were accepted, by kind; and which changed something. */
  readonly writes: { at: number; kind: string; name: string; writer: string; changed: boolean }[] = [];
  readonly onChange: OnChange[] = [];
  #kinds = new Map<string, Kind>();
  #version = 100;
  #uids = 0;
  /** Top-level members of a status that an apply wrote, by object: those that a patch wrote are not taken away by it. */
  #applied = new Map<string, Set<string>>();

  constructor(kernel: Kernel) {
    this.kernel = kernel;
  }

  get version(): number {
    return this.#version;
  }

  get(kind: string, namespace: string | undefined, name: string): KubeObject | undefined {
    return this.#kind(kind).objects.get(objectKey(namespace, name));
  }

  list(kind: string): KubeObject[] {
    return [...this.#kind(kind).objects.values()];
  }

  eventsSince(kind: string, version: number): WatchEvent[] {
    return this.#kind(kind).events.filter((event) => event.version > version);
  }

  watch(kind: string, watcher: (event: WatchEvent) => void): () => void {
    this.#kind(kind).watchers.add(watcher);
    return () => this.#kind(kind).watchers.delete(watcher);
  }

  create(kind: string, object: KubeObject, writer: string): KubeObject {
    if (this.get(kind, object.metadata.namespace, object.metadata.name)) {
      throw refusal(`create ${kind}`, 409, 'AlreadyExists', `${object.metadata.name} exists`);
    }
    return this.#store(kind, undefined, object, writer);
  }

  replace(kind: string, object: KubeObject, writer: string): KubeObject {
    const before = this.#existing(kind, object);
    this.#checkVersion(kind, before, object);
    return this.#store(kind, before, object, writer);
  }

  mergePatch(kind: string, namespace: string, name: string, patch: JsonObject, writer: string): KubeObject {
    const before = this.#existing(kind, { metadata: { namespace, name } });
    const metadata = isObject(patch['metadata']) ? patch['metadata'] : {};
    this.#checkVersion(kind, before, { metadata });
    if (metadata['uid'] !== undefined && metadata['uid'] !== before.metadata.uid) {
      throw refusal(`patch ${kind}`, 409, 'Conflict', 'another uid');
    }
    return this.#store(kind, before, merge(before, patch) as KubeObject, writer);
  }

  /** `status`: only that subresource. */
  apply(kind: string, object: KubeObject, status: boolean, writer: string): KubeObject {
    const { namespace, name } = object.metadata;
    const before = this.get(kind, namespace, name);
    if (status) {
      if (before === undefined) throw refusal(`apply ${kind}`, 404, 'NotFound', `${name} is not there`);
      this.#checkVersion(kind, before, object);
      return this.#store(kind, before, { ...before, status: this.#appliedStatus(kind, before, object) }, writer);
    }
    if (before === undefined) {
      if (object.metadata.resourceVersion !== undefined)
        throw refusal(`apply ${kind}`, 409, 'Conflict', `${name} is gone`);
      return this.#store(kind, undefined, object, writer);
    }
    this.#checkVersion(kind, before, object);
    const metadata = {
      ...before.metadata,
      ...object.metadata,
      labels: { ...before.metadata.labels, ...object.metadata.labels },
    };
    return this.#store(kind, before, { ...before, ...object, metadata }, writer);
  }

  remove(kind: string, namespace: string | undefined, name: string, uid: string | undefined, writer: string): void {
    const before = this.#existing(kind, { metadata: { namespace, name } });
    if (uid !== undefined && before.metadata.uid !== uid)
      throw refusal(`delete ${kind}`, 409, 'Conflict', 'another uid');
    if ((before.metadata.finalizers ?? []).length > 0) {
      const deletionTimestamp = new Date(EPOCH_MS + this.kernel.now).toISOString();
      this.#store(kind, before, { ...before, metadata: { ...before.metadata, deletionTimestamp } }, writer);
      return;
    }
    this.#drop(kind, before, writer);
  }

  #drop(kind: string, before: KubeObject, writer: string): void {
    this.#kind(kind).objects.delete(keyOf(before));
    this.#tell(kind, before, undefined, writer, true);
    this.kernel.after(GC_MS, null, () => this.#collect(before.metadata.uid));
  }

  /** What was owned by an object that is gone. */
  #collect(owner: string | undefined): void {
    for (const [kind, { objects }] of this.#kinds) {
      for (const object of [...objects.values()]) {
        const owners = object.metadata.ownerReferences ?? [];
        if (owners.some((reference) => reference.uid === owner)) {
          this.remove(kind, object.metadata.namespace, object.metadata.name, undefined, 'garbage-collector');
        }
      }
    }
  }

  #store(kind: string, before: KubeObject | undefined, wanted: KubeObject, writer: string): KubeObject {
    const { resourceVersion: _, ...metadata } = { ...wanted.metadata };
    const content = frozenJson({ ...wanted, metadata }) as KubeObject;
    if (before !== undefined) {
      const { resourceVersion: __, ...old } = before.metadata;
      const same = sameJson({ ...before, metadata: old }, content);
      if (same) {
        this.writes.push({ at: this.kernel.now, kind, name: content.metadata.name, writer, changed: false });
        return before;
      }
    }
    this.#version++;
    const sameSpec = before !== undefined && sameJson(before['spec'], content['spec']);
    const final = {
      ...content.metadata,
      uid: before?.metadata.uid ?? `uid-${++this.#uids}`,
      generation: (before?.metadata.generation ?? 0) + (sameSpec ? 0 : 1),
      creationTimestamp: before?.metadata.creationTimestamp ?? new Date(EPOCH_MS + this.kernel.now).toISOString(),
      resourceVersion: String(this.#version),
    };
    const next = frozenJson({ ...content, metadata: final }) as KubeObject;
    const gone = next.metadata.deletionTimestamp !== undefined && (next.metadata.finalizers ?? []).length === 0;
    if (gone && before !== undefined) {
      this.#drop(kind, before, writer);
      return next;
    }
    this.#kind(kind).objects.set(keyOf(next), next);
    this.#tell(kind, before, next, writer, true);
    return next;
  }

  #tell(
    kind: string,
    before: KubeObject | undefined,
    after: KubeObject | undefined,
    writer: string,
    changed: boolean,
  ): void {
    const object = after ?? before!;
    this.writes.push({ at: this.kernel.now, kind, name: object.metadata.name, writer, changed });
    const type = after === undefined ? 'DELETED' : before === undefined ? 'ADDED' : 'MODIFIED';
    if (after === undefined) this.#version++;
    const seen =
      after ??
      frozenJson<KubeObject>({ ...object, metadata: { ...object.metadata, resourceVersion: String(this.#version) } });
    const event: WatchEvent = { type, object: seen, version: this.#version };
    const entry = this.#kind(kind);
    entry.events.push(event);
    for (const watcher of [...entry.watchers]) watcher(event);
    for (const listener of this.onChange) listener(kind, before, after, writer);
  }

  #appliedStatus(kind: string, before: KubeObject, object: KubeObject): JsonObject {
    const key = `${kind}/${before.metadata.uid}`;
    const status = isObject(object['status']) ? object['status'] : {};
    const old = isObject(before['status']) ? before['status'] : {};
    const mine = this.#applied.get(key) ?? new Set<string>();
    const foreign = Object.entries(old).filter(([member]) => !mine.has(member) && !(member in status));
    this.#applied.set(key, new Set(Object.keys(status)));
    return { ...status, ...Object.fromEntries(foreign) };
  }

  #existing(kind: string, object: { metadata: { namespace?: string | undefined; name: string } }): KubeObject {
    const { namespace, name } = object.metadata;
    const found = this.get(kind, namespace, name);
    if (found === undefined) throw refusal(`write ${kind}`, 404, 'NotFound', `${name} is not there`);
    return found;
  }

  #checkVersion(kind: string, before: KubeObject, object: { metadata: { resourceVersion?: unknown } }): void {
    const { resourceVersion } = object.metadata;
    if (resourceVersion === undefined || resourceVersion === before.metadata.resourceVersion) return;
    throw refusal(`write ${kind}`, 409, 'Conflict', 'the object has been modified');
  }

  #kind(kind: string): Kind {
    const known = this.#kinds.get(kind);
    if (known !== undefined) return known;
    const made: Kind = { objects: new Map(), events: [], watchers: new Set() };
    this.#kinds.set(kind, made);
    return made;
  }
}

/** What frozenJson made: it may be shared by the server's objects and everyone who reads them. */
const frozen = new WeakSet<object>();

/** A copy of JSON that nobody can change; members that are undefined are left out, as JSON does. */
function frozenJson<T>(value: T): T {
  if (typeof value !== 'object' || value === null || frozen.has(value)) return value;
  const copy = Array.isArray(value) ? value.map(frozenJson) : frozenMembers(value as JsonObject);
  Object.freeze(copy);
  frozen.add(copy);
  return copy as T;
}

function frozenMembers(value: JsonObject): JsonObject {
  const copy: JsonObject = {};
  for (const member in value) if (value[member] !== undefined) copy[member] = frozenJson(value[member]);
  return copy;
}

/** JSON merge patch. */
function merge(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const result: JsonObject = isObject(target) ? { ...target } : {};
  for (const [member, value] of Object.entries(patch)) {
    if (value === null) delete result[member];
    else result[member] = merge(result[member], value);
  }
  return result;
}
