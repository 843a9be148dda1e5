import { backoffMs } from './backoff.ts';
import { keyOf } from './object.ts';

/** What the reflector keeps of an object. */
export interface Versioned {
  metadata: { name: string; namespace?: string; resourceVersion?: string };
}

/** What the shell must do next. */
export type Effect =
  | { do: 'list'; next: string }
  | { do: 'watch'; resourceVersion: string; timeoutSeconds: number }
  | { do: 'closeWatch' }
  /** These keys were added, changed or removed. */
  | { do: 'changed'; keys: string[] };

type Phase =
  | { in: 'waiting'; until: number; then: 'list' | 'watch' }
  | { in: 'listing'; fresh: Map<string, Versioned> }
  | { in: 'watching'; since: number; lastLineAt: number };

export const RELIST_MS = 600_000;
export const WATCH_SECONDS = 290;
/** A watch is dead when nothing came for its whole life plus this margin. */
export const IDLE_MARGIN_MS = 15_000;
const JITTER_SECONDS = 30;
const HEALTHY_MS = 120_000;
const BACKOFF = { firstMs: 800, maxMs: 30_000 };

/**
 * Keeps a copy of a resource's objects: list, then watch, for ever. States: waiting (backoff), listing (pages gather in
 * a fresh map), watching. A 410 or the ten-minute safety net lists again; any other failure waits 0.8 to 30 s and goes on
 * where it was. Pure: the shell does the effects and reports back with `now` and a random number in 0..1.
 */
export class ReflectorMachine<T extends Versioned> {
  readonly objects: Map<string, T> = new Map();
  /** True after the first complete list. */
  synced = false;
  /** When the server last said anything: the reflector's freshness. */
  lastHeardAt: number;
  #phase: Phase;
  #resourceVersion = '';
  #listedAt = 0;
  #failures = 0;

  constructor(now: number) {
    this.lastHeardAt = now;
    this.#phase = { in: 'waiting', until: now, then: 'list' };
  }

  get state(): Phase['in'] {
    return this.#phase.in;
  }

  /** A page of the list that was asked for. */
  onPage(items: T[], resourceVersion: string, next: string, now: number, random: number): Effect[] {
    if (this.#phase.in !== 'listing') return [];
    this.lastHeardAt = now;
    const fresh = this.#phase.fresh as Map<string, T>;
    for (const item of items) fresh.set(keyOf(item), item);
    if (next !== '') return [{ do: 'list', next }];
    const keys = this.#swap(fresh);
    this.synced = true;
    this.#listedAt = now;
    this.#resourceVersion = resourceVersion;
    return [{ do: 'changed', keys }, ...this.#watch(now, random)];
  }

  /** A line of the watch. `object` is undefined when it could not be parsed: the object is then treated as absent. */
  onEvent(type: string, key: string, resourceVersion: string, object: T | undefined, now: number): Effect[] {
    if (this.#phase.in !== 'watching') return [];
    this.#phase.lastLineAt = now;
    this.lastHeardAt = now;
    if (now - this.#phase.since > HEALTHY_MS) this.#failures = 0;
    if (resourceVersion !== '') this.#resourceVersion = resourceVersion;
    if (type === 'BOOKMARK') return [];
    if (type === 'DELETED' || object === undefined) this.objects.delete(key);
    else this.objects.set(key, object);
    return [{ do: 'changed', keys: [key] }];
  }

  /** The watch ended as announced (the server's timeout). */
  onWatchEnd(now: number, random: number): Effect[] {
    if (this.#phase.in !== 'watching') return [];
    // A server that hangs up at once must not be hammered.
    if (now - this.#phase.since < BACKOFF.firstMs) return this.#wait('watch', now, random);
    this.#failures = 0;
    return this.#watch(now, random);
  }

  /** A list or watch failed. `gone`: the resourceVersion is too old. */
  onFailure(gone: boolean, now: number, random: number): Effect[] {
    const then = gone || this.#phase.in !== 'watching' ? 'list' : 'watch';
    return [{ do: 'closeWatch' }, ...this.#wait(then, now, random)];
  }

  /** Time passed. */
  tick(now: number, random: number): Effect[] {
    const phase = this.#phase;
    if (phase.in === 'waiting') {
      if (now < phase.until) return [];
      return phase.then === 'watch' ? this.#watch(now, random) : this.#list();
    }
    if (phase.in === 'listing') return [];
    if (now - this.#listedAt >= RELIST_MS) return [{ do: 'closeWatch' }, ...this.#list()];
    if (now - phase.lastLineAt >= (WATCH_SECONDS + JITTER_SECONDS) * 1000 + IDLE_MARGIN_MS) {
      return this.onFailure(false, now, random);
    }
    return [];
  }

  #list(): Effect[] {
    this.#phase = { in: 'listing', fresh: new Map() };
    return [{ do: 'list', next: '' }];
  }

  #watch(now: number, random: number): Effect[] {
    this.#phase = { in: 'watching', since: now, lastLineAt: now };
    const timeoutSeconds = WATCH_SECONDS + Math.floor(random * JITTER_SECONDS);
    return [{ do: 'watch', resourceVersion: this.#resourceVersion, timeoutSeconds }];
  }

  #wait(then: 'list' | 'watch', now: number, random: number): Effect[] {
    if (this.#phase.in === 'watching' && now - this.#phase.since > HEALTHY_MS) this.#failures = 0;
    this.#failures += 1;
    this.#phase = { in: 'waiting', until: now + backoffMs(this.#failures, BACKOFF, random), then };
    return [];
  }

  /** Takes the fresh list over; returns the keys that differ. */
  #swap(fresh: Map<string, T>): string[] {
    const keys: string[] = [];
    for (const key of this.objects.keys()) if (!fresh.has(key)) keys.push(key);
    for (const key of keys) this.objects.delete(key);
    for (const [key, object] of fresh) {
      const old = this.objects.get(key);
      if (old?.metadata.resourceVersion === object.metadata.resourceVersion && old !== undefined) continue;
      this.objects.set(key, object);
      keys.push(key);
    }
    return keys;
  }
}
