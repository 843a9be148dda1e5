import type { KubeApi, ListOptions, ListPage, Watch, WatchLine, WatchOptions } from '#operator/kube/api.ts';
import { KubeUnreachable } from '#operator/kube/errors.ts';
import type { JsonObject } from '#operator/kube/json.ts';
import type { KubeObject, Resource } from '#operator/kube/object.ts';
import type { Kernel, Process } from './kernel.ts';
import { refusal, type KubeServer, type WatchEvent } from './kube-server.ts';
import type { Random } from './random.ts';

/** How one operator's way to the API server is at the moment. */
export interface KubeFaults {
  /** Nothing gets through. */
  cut: boolean;
  /** Of calls that fail before they arrive. */
  failures: number;
  /** Of calls whose answer is lost after they were done. */
  lostAnswers: number;
  /** Watches lag by up to so long, each kind on its own: stale caches. */
  watchLagMs: number;
  /** The process dies right after so many more writes; null: it does not. */
  dieAfterWrites: number | null;
}

export const noKubeFaults = (): KubeFaults => ({
  cut: false,
  failures: 0,
  lostAnswers: 0,
  watchLagMs: 0,
  dieAfterWrites: null,
});

const DEADLINE_MS = 30_000;

/** The API of one operator process: calls take time and may fail before or after they are done. */
export class SimKubeApi implements KubeApi {
  readonly #kernel: Kernel;
  readonly #server: KubeServer;
  readonly #process: Process;
  readonly #faults: KubeFaults;
  readonly #random: Random;
  /** Called instead of answering when `dieAfterWrites` is reached. */
  readonly #die: () => void;
  /** Asked before each write; false: the process ends instead. */
  readonly #mayWrite: () => boolean;

  constructor(
    server: KubeServer,
    process: Process,
    faults: KubeFaults,
    die: () => void,
    mayWrite = (): boolean => true,
  ) {
    this.#mayWrite = mayWrite;
    this.#server = server;
    this.#kernel = server.kernel;
    this.#process = process;
    this.#faults = faults;
    this.#random = process.random.fork('kube');
    this.#die = die;
  }

  get(resource: Resource, namespace: string, name: string): Promise<KubeObject> {
    return this.#call(false, () => {
      const found = this.#server.get(resource.kind, namespace, name);
      if (found === undefined) throw refusal('get', 404, 'NotFound', `${name} is not there`);
      return found;
    });
  }

  list(resource: Resource, options: ListOptions = {}): Promise<ListPage> {
    return this.#call(false, () => ({
      items: this.#server.list(resource.kind).filter((object) => matches(object, options.labelSelector)),
      resourceVersion: String(this.#server.version),
      next: '',
    }));
  }

  async watch(resource: Resource, options: WatchOptions): Promise<Watch> {
    await this.#call(false, () => undefined);
    return this.#stream(resource, options);
  }

  create(resource: Resource, object: KubeObject): Promise<KubeObject> {
    return this.#write(() => this.#server.create(resource.kind, object, this.#process.name));
  }

  replace(resource: Resource, object: KubeObject): Promise<KubeObject> {
    return this.#write(() => this.#server.replace(resource.kind, object, this.#process.name));
  }

  mergePatch(resource: Resource, namespace: string, name: string, patch: JsonObject): Promise<KubeObject> {
    return this.#write(() => this.#server.mergePatch(resource.kind, namespace, name, patch, this.#process.name));
  }

  serverSideApply(
    resource: Resource,
    object: KubeObject,
    { subresource }: { subresource?: 'status' },
  ): Promise<KubeObject> {
    const status = subresource === 'status';
    return this.#write(() => this.#server.apply(resource.kind, object, status, this.#process.name));
  }

  remove(resource: Resource, namespace: string, name: string, uid?: string): Promise<void> {
    return this.#write(() => this.#server.remove(resource.kind, namespace, name, uid, this.#process.name));
  }

  serves(resource: Resource): Promise<boolean> {
    return this.#call(false, () => resource.kind !== 'PodMonitor');
  }

  #write<T>(act: () => T): Promise<T> {
    if (!this.#mayWrite()) {
      this.#kernel.after(0, null, this.#die);
      return new Promise(() => undefined);
    }
    return this.#call(true, act);
  }

  /** The request travels, is done, and the answer travels back; the caller's process may be gone by then. */
  #call<T>(write: boolean, act: () => T): Promise<T> {
    const faults = this.#faults;
    return new Promise((resolve, reject) => {
      const later = (ms: number, run: () => void): void => void this.#kernel.after(ms, this.#process, run);
      const unreachable = (ms: number): void => later(ms, () => reject(new KubeUnreachable('call', new Error('cut'))));
      if (faults.cut) return unreachable(this.#random.chance(0.5) ? 50 : DEADLINE_MS);
      if (this.#random.chance(faults.failures)) return unreachable(this.#random.between(1, 2_000));
      this.#kernel.after(this.#random.between(0.5, 4), null, () => {
        let settle: () => void;
        try {
          const value = act();
          settle = () => resolve(value);
        } catch (error) {
          settle = () => reject(error instanceof Error ? error : new Error(String(error)));
        }
        if (write && faults.dieAfterWrites !== null && faults.dieAfterWrites-- <= 0) {
          faults.dieAfterWrites = null;
          this.#die();
          return;
        }
        if (faults.cut || this.#random.chance(faults.lostAnswers))
          return unreachable(this.#random.between(100, DEADLINE_MS));
        later(this.#random.between(0.5, 4), settle);
      });
    });
  }

  #stream(resource: Resource, { resourceVersion, labelSelector }: WatchOptions): Watch {
    const lines = new LineQueue();
    let last = this.#kernel.now;
    const deliver = (event: WatchEvent): void => {
      if (!matches(event.object, labelSelector)) return;
      const lag = this.#random.between(0.5, 3) + this.#random.next() * this.#faults.watchLagMs;
      last = Math.max(last + 0.001, this.#kernel.now + lag);
      const line = { type: event.type, object: event.object as unknown as JsonObject };
      this.#kernel.at(last, this.#process, () => {
        // A watch that is cut ends; what it missed comes with the next one.
        if (this.#faults.cut) this.#end(lines, stop);
        else lines.push(line);
      });
    };
    const stop = this.#server.watch(resource.kind, deliver);
    for (const event of this.#server.eventsSince(resource.kind, Number(resourceVersion))) deliver(event);
    return { events: lines, close: () => this.#end(lines, stop) };
  }

  #end(lines: LineQueue, stop: () => void): void {
    stop();
    lines.end();
  }
}

/** Lines that wait for their reader. */
class LineQueue implements AsyncIterable<WatchLine> {
  #lines: WatchLine[] = [];
  #ended = false;
  #wake: (() => void) | null = null;

  push(line: WatchLine): void {
    if (this.#ended) return;
    this.#lines.push(line);
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<WatchLine> {
    for (;;) {
      const line = this.#lines.shift();
      if (line !== undefined) yield line;
      else if (this.#ended) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}

function matches(object: KubeObject, selector: string | undefined): boolean {
  if (selector === undefined || selector === '') return true;
  return selector.split(',').every((term) => {
    const [label = '', value = ''] = term.split('=');
    return object.metadata.labels?.[label] === value;
  });
}
