import { ApiError } from '../kube-api/api-types.ts';
import type { KubeObject, KubeStore } from '../kube-api/api-types.ts';
import { apiTime } from './pod-status.plan.ts';
import { EVENTS } from './resources.ts';

/** Events kept of this recorder; older ones are removed. */
const MAX_EVENTS = 200;
/** Writes that may wait; more are dropped (events are a courtesy). */
const MAX_QUEUE = 100;

interface Recorded {
  readonly namespace: string;
  readonly name: string;
  count: number;
}

/** Writes core/v1 Events: equal ones are counted up, the oldest removed. Never fails its caller. */
export class EventRecorder {
  private readonly store: KubeStore;
  private readonly component: string;
  private readonly recorded = new Map<string, Recorded>();
  private queue = Promise.resolve();
  private waiting = 0;

  constructor(store: KubeStore, component: string) {
    this.store = store;
    this.component = component;
  }

  record(about: KubeObject, type: 'Normal' | 'Warning', reason: string, message: string): void {
    if (this.waiting >= MAX_QUEUE) return;
    this.waiting += 1;
    this.queue = this.queue
      .then(() => this.write(about, type, reason, message))
      .catch(() => undefined)
      .finally(() => (this.waiting -= 1));
  }

  /** Resolves when all that was recorded is written. */
  drained(): Promise<void> {
    return this.queue;
  }

  private async write(about: KubeObject, type: string, reason: string, message: string): Promise<void> {
    const key = `${about.metadata.uid}/${reason}/${message}`;
    const now = apiTime(Date.now());
    const known = this.recorded.get(key);
    if (known !== undefined) {
      known.count += 1;
      const patch = { count: known.count, lastTimestamp: now };
      try {
        await this.store.patch(EVENTS, known.namespace, known.name, patch);
        return;
      } catch (error) {
        if (!(error instanceof ApiError) || error.code !== 404) throw error;
        this.recorded.delete(key);
      }
    }
    const namespace = about.metadata.namespace ?? 'default';
    const made = await this.store.create(EVENTS, {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { namespace, generateName: `${about.metadata.name}.` },
      involvedObject: {
        apiVersion: about.apiVersion,
        kind: about.kind,
        name: about.metadata.name,
        namespace,
        uid: about.metadata.uid,
      },
      type,
      reason,
      message: message.slice(0, 1024),
      count: 1,
      firstTimestamp: now,
      lastTimestamp: now,
      source: { component: this.component, host: 'local' },
      reportingComponent: this.component,
      reportingInstance: 'local',
    });
    this.recorded.set(key, { namespace, name: made.metadata.name, count: 1 });
    await this.trim();
  }

  private async trim(): Promise<void> {
    const [oldest] = this.recorded;
    if (this.recorded.size <= MAX_EVENTS || oldest === undefined) return;
    this.recorded.delete(oldest[0]);
    await this.store.delete(EVENTS, oldest[1].namespace, oldest[1].name);
  }
}
