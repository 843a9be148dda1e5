import type { KubeObject } from '../api-types.ts';
import { asObject, asString } from '../json.ts';
import type { Engine } from '../engine/engine.ts';

/** As the real server's --event-ttl. */
const EVENT_TTL_MS = 60 * 60 * 1000;
const SWEEP_EVERY_MS = 5 * 60 * 1000;
/** Beyond so many the oldest go early, whatever their age. */
const MAX_EVENTS = 5_000;
const EVENTS_KEY = '/events';

function lastSeen(event: KubeObject): number {
  const series = asString(asObject(event['series'])['lastObservedTime']);
  const text =
    series || asString(event['lastTimestamp']) || asString(event['eventTime']) || event.metadata.creationTimestamp;
  return Date.parse(text) || 0;
}

/** The events that have to go at a time (milliseconds): too old, or too many. Pure. */
export function expiredEvents(
  events: readonly KubeObject[],
  now: number,
  ttlMs = EVENT_TTL_MS,
  limit = MAX_EVENTS,
): KubeObject[] {
  const byAge = events.map((event) => ({ event, seen: lastSeen(event) })).sort((a, b) => b.seen - a.seen);
  return byAge.filter(({ seen }, i) => i >= limit || now - seen > ttlMs).map(({ event }) => event);
}

/** Forgets events after an hour, as the real server does: they would grow without end. */
export class EventExpiry {
  private readonly engine: Engine;
  private readonly timer: NodeJS.Timeout;

  constructor(engine: Engine) {
    this.engine = engine;
    this.timer = setInterval(() => this.sweep(), SWEEP_EVERY_MS);
    this.timer.unref();
    this.sweep();
  }

  close(): void {
    clearInterval(this.timer);
  }

  private sweep(): void {
    const { store, environment } = this.engine;
    const now = Date.parse(environment.now());
    for (const event of expiredEvents(store.list(EVENTS_KEY), now)) store.remove(EVENTS_KEY, event);
  }
}
