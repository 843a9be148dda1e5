import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError } from '../kube-api/api-types.ts';
import type { KubeObject, KubeStore, ResourceName } from '../kube-api/api-types.ts';
import { keyOf } from './resources.ts';

/** Pause before listing again after a watch broke, milliseconds. */
const RELIST_PAUSE_MS = 200;

export type ChangeListener = (key: string, now: KubeObject | undefined, before: KubeObject | undefined) => void;

/**
 * All objects of one resource, kept current by a watch. Listeners hear every change, also those found by listing
 * again after a broken watch. Objects in the cache are shared: don't change them.
 */
export class WatchCache {
  private readonly store: KubeStore;
  private readonly resource: ResourceName;
  private readonly listener: ChangeListener;
  private readonly objects = new Map<string, KubeObject>();

  constructor(store: KubeStore, resource: ResourceName, listener: ChangeListener = () => undefined) {
    this.store = store;
    this.resource = resource;
    this.listener = listener;
  }

  get(key: string): KubeObject | undefined {
    return this.objects.get(key);
  }

  all(): KubeObject[] {
    return [...this.objects.values()];
  }

  inNamespace(namespace: string | undefined): KubeObject[] {
    return this.all().filter((object) => object.metadata.namespace === namespace);
  }

  /** Takes in an object that a write just returned, so that the next decision does not rest on an older one. */
  learn(object: KubeObject): void {
    const known = this.objects.get(keyOf(object));
    if (known !== undefined && Number(known.metadata.resourceVersion) >= Number(object.metadata.resourceVersion))
      return;
    this.set(object);
  }

  /** Lists, then watches until the signal aborts. Resolves after the first list. */
  async start(signal: AbortSignal): Promise<void> {
    const version = await this.relist();
    void this.follow(version, signal);
  }

  private async follow(from: string, signal: AbortSignal): Promise<void> {
    let version = from;
    while (!signal.aborted) {
      try {
        version = await this.watch(version, signal);
      } catch (error) {
        if (signal.aborted) return;
        await sleep(RELIST_PAUSE_MS);
        if (signal.aborted) return;
        if (error instanceof ApiError && error.code !== 410) continue;
        version = await this.relist().catch(() => version);
      }
    }
  }

  private async watch(from: string, signal: AbortSignal): Promise<string> {
    let version = from;
    for await (const event of this.store.watch(this.resource, { resourceVersion: version, signal })) {
      if (event.type === 'ERROR') throw new ApiError(event.object);
      version = event.object.metadata.resourceVersion;
      if (event.type === 'BOOKMARK') continue;
      if (event.type === 'DELETED') this.remove(keyOf(event.object));
      else this.set(event.object);
    }
    return version;
  }

  private async relist(): Promise<string> {
    const list = await this.store.list(this.resource);
    const present = new Set(list.items.map(keyOf));
    for (const key of [...this.objects.keys()]) if (!present.has(key)) this.remove(key);
    for (const object of list.items) this.set(object);
    return list.metadata.resourceVersion;
  }

  private set(object: KubeObject): void {
    const key = keyOf(object);
    const before = this.objects.get(key);
    if (before?.metadata.resourceVersion === object.metadata.resourceVersion) return;
    this.objects.set(key, object);
    this.listener(key, object, before);
  }

  private remove(key: string): void {
    const before = this.objects.get(key);
    if (before === undefined) return;
    this.objects.delete(key);
    this.listener(key, undefined, before);
  }
}
