import type { KubeObject } from '../api-types.ts';
import { Database, EVENT_HISTORY_LIMIT } from './database.ts';
import type { Change } from './database.ts';

/** Resource versions start above 0, because "0" means "any" in the API. */
const FIRST_VERSION = 1;

type Listener = (change: Change) => void;

interface Shelf {
  readonly objects: Map<string, KubeObject>;
  /** Sorted keys; null when objects came or went since. */
  order: string[] | null;
}

export const objectKey = (namespace: string | undefined, name: string): string => `${namespace ?? ''}/${name}`;

/**
 * All objects in memory, each change on disk before it is visible. Objects are shared: never change one that came
 * from here. One resourceVersion counter for everything, as etcd has.
 */
export class ObjectStore {
  private readonly database: Database;
  private readonly shelves = new Map<string, Shelf>();
  private readonly history: Change[];
  private readonly listeners = new Set<Listener>();
  private version: number;
  private compacted: number;

  private readonly historyLimit: number;

  constructor(dataDir: string, historyLimit: number = EVENT_HISTORY_LIMIT) {
    this.historyLimit = historyLimit;
    this.database = new Database(dataDir, historyLimit);
    for (const { storageKey, object } of this.database.loadObjects()) {
      this.shelf(storageKey).objects.set(objectKey(object.metadata.namespace, object.metadata.name), object);
    }
    this.history = this.database.loadChanges();
    this.version = this.history.at(-1)?.version ?? FIRST_VERSION;
    this.compacted = (this.history[0]?.version ?? this.version + 1) - 1;
  }

  /** The newest resourceVersion given out. */
  get currentVersion(): number {
    return this.version;
  }

  /** Changes at or below this version are forgotten. */
  get compactedVersion(): number {
    return this.compacted;
  }

  get(storageKey: string, namespace: string | undefined, name: string): KubeObject | undefined {
    return this.shelves.get(storageKey)?.objects.get(objectKey(namespace, name));
  }

  /** Objects in key order (namespace, then name), from after `startAfter`; one namespace or all. */
  list(storageKey: string, namespace?: string, startAfter?: string): KubeObject[] {
    const shelf = this.shelves.get(storageKey);
    if (shelf === undefined) return [];
    shelf.order ??= [...shelf.objects.keys()].sort((a, b) => (a < b ? -1 : 1));
    const prefix = namespace === undefined ? '' : `${namespace}/`;
    const out: KubeObject[] = [];
    for (const key of shelf.order) {
      if (!key.startsWith(prefix) || (startAfter !== undefined && key <= startAfter)) continue;
      const object = shelf.objects.get(key);
      if (object !== undefined) out.push(object);
    }
    return out;
  }

  storageKeys(): string[] {
    return [...this.shelves.keys()];
  }

  /** Stores an object under the next resourceVersion; returns what was stored. */
  put(storageKey: string, object: KubeObject): KubeObject {
    const previous = this.get(storageKey, object.metadata.namespace, object.metadata.name);
    const stored = this.stamped(object);
    const type = previous === undefined ? 'ADDED' : 'MODIFIED';
    this.commit({ version: this.version + 1, type, storageKey, object: stored, ...(previous && { previous }) });
    return stored;
  }

  /** Removes an object; watchers get its last state under a new resourceVersion. */
  remove(storageKey: string, object: KubeObject): KubeObject {
    const stored = this.stamped(object);
    const previous = this.get(storageKey, object.metadata.namespace, object.metadata.name);
    this.commit({
      version: this.version + 1,
      type: 'DELETED',
      storageKey,
      object: stored,
      ...(previous && { previous }),
    });
    return stored;
  }

  /** Changes after a version, oldest first. Check `compactedVersion` before. */
  changesAfter(version: number): Change[] {
    let from = this.history.length;
    while (from > 0 && (this.history[from - 1]?.version ?? 0) > version) from -= 1;
    return this.history.slice(from);
  }

  onChange(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  close(): void {
    this.listeners.clear();
    this.database.close();
  }

  private stamped(object: KubeObject): KubeObject {
    return { ...object, metadata: { ...object.metadata, resourceVersion: String(this.version + 1) } };
  }

  private shelf(storageKey: string): Shelf {
    let shelf = this.shelves.get(storageKey);
    if (shelf === undefined) {
      shelf = { objects: new Map(), order: null };
      this.shelves.set(storageKey, shelf);
    }
    return shelf;
  }

  private commit(change: Change): void {
    this.database.commit(change);
    this.version = change.version;
    const shelf = this.shelf(change.storageKey);
    const key = objectKey(change.object.metadata.namespace, change.object.metadata.name);
    if (change.type !== 'MODIFIED') shelf.order = null;
    if (change.type === 'DELETED') shelf.objects.delete(key);
    else shelf.objects.set(key, change.object);
    this.history.push(change);
    if (this.history.length >= 2 * this.historyLimit) {
      const dropped = this.history.splice(0, this.history.length - this.historyLimit);
      this.compacted = dropped.at(-1)?.version ?? this.compacted;
    }
    for (const listener of [...this.listeners]) listener(change);
  }
}
