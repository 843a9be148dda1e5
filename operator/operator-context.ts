import type { Logger } from 'pino';
import type { BuildConfig } from './build/common.ts';
import type { Caches } from './caches.ts';
import type { ControlHub } from './control/hub.ts';
import type { HealthWatch } from './failover/health-watch.ts';
import type { KubeApi } from './kube/api.ts';
import type { EventRecorder } from './kube/events.ts';
import type { Expectations } from './kube/expectations.ts';
import type { Metrics } from './metrics.ts';
import type { MapFacts } from './resharding/map-facts.ts';

/** What the shells of all controllers share. */
export interface OperatorContext {
  api: KubeApi;
  caches: Caches;
  hub: ControlHub;
  /** What the published maps have said, and since when. */
  mapFacts: MapFacts;
  health: Pick<HealthWatch, 'of'>;
  events: EventRecorder;
  expectations: Expectations;
  metrics: Metrics;
  config: BuildConfig;
  podMonitors: boolean;
  log: Logger;
  /** When this process began to work, ms: nodes not heard of since may be fine. */
  startedAt: number;
}

/** When each object's status was last written, so that counters are not written too often. Bounded by dropping the oldest. */
export class WriteTimes {
  readonly #times = new Map<string, number>();

  get(key: string): number {
    return this.#times.get(key) ?? 0;
  }

  set(key: string, now: number): void {
    this.#times.delete(key);
    this.#times.set(key, now);
    const oldest = this.#times.keys().next().value;
    if (this.#times.size > MAX_WRITE_TIMES && oldest !== undefined) this.#times.delete(oldest);
  }
}

const MAX_WRITE_TIMES = 50_000;
