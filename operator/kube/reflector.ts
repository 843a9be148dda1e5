import type { Logger } from 'pino';
import type { KubeApi, Watch } from './api.ts';
import { KubeError, errorText, isGone } from './errors.ts';
import { numberAt, textAt } from './json.ts';
import { objectKey, splitKey, type KubeObject, type Resource } from './object.ts';
import { ReflectorMachine, type Effect, type Versioned } from './reflector-machine.ts';

/** A read-only view of a resource's objects, as last heard. */
export interface Store<T> {
  get(namespace: string, name: string): T | undefined;
  all(): T[];
  /** Objects of one namespace. */
  in(namespace: string): T[];
  /** Keys of objects of one namespace that are there but could not be parsed. */
  unreadable(namespace: string): string[];
}

export interface ReflectorOptions<T> {
  api: KubeApi;
  resource: Resource;
  /** '' for all namespaces. */
  namespace: string;
  labelSelector?: string;
  /** Throws when the JSON is not of this kind: the object is then left out, and the log says so. */
  parse: (object: KubeObject) => T;
  /** Told the keys that changed; must not throw (G1: it only enqueues). */
  onChange: (keys: string[]) => void;
  log: Logger;
  /** A resource that may be missing or forbidden counts as synced and empty. */
  optional?: boolean;
}

const PAGE = 500;
const TICK_MS = 200;

/** The shell around ReflectorMachine: never gives up until stopped. By the monotonic clock. */
export class Reflector<T extends Versioned> implements Store<T> {
  readonly #machine: ReflectorMachine<T>;
  readonly #options: ReflectorOptions<T>;
  readonly #stop = new AbortController();
  #watch: Watch | undefined;
  /** Grows with each list or watch: an answer to an older one is dropped. */
  #turn = 0;
  #timer: NodeJS.Timeout | undefined;
  #unavailable = false;
  #unreadable = new Set<string>();
  /** Of the list that is under way. */
  #unreadableInList = new Set<string>();

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#machine = new ReflectorMachine<T>(performance.now());
  }

  /** True once all objects were listed. */
  get synced(): boolean {
    return this.#machine.synced || this.#unavailable;
  }

  /** Milliseconds since the server last said anything. */
  get ageMs(): number {
    return performance.now() - this.#machine.lastHeardAt;
  }

  get kind(): string {
    return this.#options.resource.kind;
  }

  get(namespace: string, name: string): T | undefined {
    return this.#machine.objects.get(objectKey(namespace, name));
  }

  all(): T[] {
    return [...this.#machine.objects.values()];
  }

  in(namespace: string): T[] {
    return this.all().filter((object) => object.metadata.namespace === namespace);
  }

  unreadable(namespace: string): string[] {
    return [...this.#unreadable].filter((key) => splitKey(key).namespace === namespace);
  }

  start(): void {
    const tick = (): void => this.#run(this.#machine.tick(performance.now(), Math.random()));
    this.#timer = setInterval(tick, TICK_MS);
    tick();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#stop.abort();
    this.#watch?.close();
  }

  #run(effects: Effect[]): void {
    for (const effect of effects) {
      switch (effect.do) {
        case 'list':
          void this.#doList(effect.next, ++this.#turn);
          break;
        case 'watch':
          void this.#doWatch(effect.resourceVersion, effect.timeoutSeconds, ++this.#turn);
          break;
        case 'closeWatch':
          this.#turn += 1;
          this.#watch?.close();
          this.#watch = undefined;
          break;
        case 'changed':
          if (effect.keys.length > 0) this.#options.onChange(effect.keys);
          break;
      }
    }
  }

  async #doList(next: string, turn: number): Promise<void> {
    const { api, resource, namespace, labelSelector } = this.#options;
    try {
      const page = await api.list(resource, {
        ...(namespace === '' ? {} : { namespace }),
        ...(labelSelector === undefined ? {} : { labelSelector }),
        limit: PAGE,
        next,
        signal: this.#stop.signal,
      });
      if (turn !== this.#turn) return;
      if (next === '') this.#unreadableInList = new Set();
      const items = page.items
        .map((item) => this.#parse(item, this.#unreadableInList))
        .filter((item) => item !== undefined);
      if (page.next === '') this.#unreadable = this.#unreadableInList;
      this.#run(this.#machine.onPage(items, page.resourceVersion, page.next, performance.now(), Math.random()));
    } catch (error) {
      this.#fail('list', error, turn);
    }
  }

  async #doWatch(resourceVersion: string, timeoutSeconds: number, turn: number): Promise<void> {
    const { api, resource, namespace, labelSelector } = this.#options;
    try {
      const watch = await api.watch(resource, {
        ...(namespace === '' ? {} : { namespace }),
        ...(labelSelector === undefined ? {} : { labelSelector }),
        resourceVersion,
        timeoutSeconds,
        signal: this.#stop.signal,
      });
      if (turn !== this.#turn) return watch.close();
      this.#watch = watch;
      for await (const { type, object } of watch.events) {
        if (turn !== this.#turn) return;
        if (type === 'ERROR') {
          throw new KubeError(`watch ${resource.kind}`, numberAt(object, 'code'), JSON.stringify(object));
        }
        this.#onLine(type, object);
      }
      if (turn === this.#turn) this.#run(this.#machine.onWatchEnd(performance.now(), Math.random()));
    } catch (error) {
      this.#fail('watch', error, turn);
    }
  }

  #onLine(type: string, object: Record<string, unknown>): void {
    const key = objectKey(textAt(object, 'metadata', 'namespace'), textAt(object, 'metadata', 'name'));
    this.#unreadable.delete(key);
    const present = type === 'ADDED' || type === 'MODIFIED';
    const parsed = present ? this.#parse(object as KubeObject, this.#unreadable) : undefined;
    const version = textAt(object, 'metadata', 'resourceVersion');
    this.#run(this.#machine.onEvent(type, key, version, parsed, performance.now()));
  }

  #parse(object: KubeObject, unreadable: Set<string>): T | undefined {
    try {
      return this.#options.parse(object);
    } catch (error) {
      const { name, namespace } = object.metadata;
      unreadable.add(objectKey(namespace, name));
      this.#options.log.error({ kind: this.kind, namespace, name, err: errorText(error) }, 'object cannot be read');
      return undefined;
    }
  }

  #fail(verb: string, error: unknown, turn: number): void {
    if (turn !== this.#turn || this.#stop.signal.aborted) return;
    const code = error instanceof KubeError ? error.code : 0;
    const absent = code === 404 || code === 403;
    if (this.#options.optional && absent) {
      if (!this.#unavailable) this.#options.log.info({ kind: this.kind, code }, 'optional resource is not available');
      this.#unavailable = true;
    } else {
      this.#options.log.warn({ kind: this.kind, verb, err: errorText(error) }, 'reflector tries again');
    }
    this.#run(this.#machine.onFailure(isGone(error), performance.now(), Math.random()));
  }
}
