import type { KubeObject, KubeStatus, WatchEvent } from '../api-types.ts';
import { apiVersionOf } from '../resource-def.ts';
import type { ResourceDef } from '../resource-def.ts';
import type { Change } from '../store/database.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { gone } from '../status-errors.ts';

/** A watcher that falls so many events behind is cut off; it lists again. */
const MAX_PENDING_EVENTS = 10_000;
export const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';

export interface WatchRequest {
  readonly namespace?: string;
  readonly matches: (object: KubeObject) => boolean;
  /** Changes after this version; undefined: ADDED for what there is, first. */
  readonly after?: number;
  /** Ends the initial ADDED events by a marked bookmark. */
  readonly markInitialEnd?: boolean;
  /** Milliseconds between bookmarks; none when undefined. */
  readonly bookmarkEveryMs?: number;
  readonly signal: AbortSignal;
}

function bookmark(def: ResourceDef, version: number, isInitialEnd = false): WatchEvent {
  const annotations = isInitialEnd ? { annotations: { [INITIAL_EVENTS_END]: 'true' } } : {};
  const metadata = { resourceVersion: String(version), creationTimestamp: null, ...annotations };
  return {
    type: 'BOOKMARK',
    object: { apiVersion: apiVersionOf(def), kind: def.kind, metadata } as unknown as KubeObject,
  };
}

/** What a change means to a watcher that sees only some objects. */
function eventFor(change: Change, request: WatchRequest): WatchEvent | null {
  const namespace = change.object.metadata.namespace ?? '';
  if (request.namespace !== undefined && namespace !== request.namespace) return null;
  const saw = change.previous !== undefined && request.matches(change.previous);
  if (change.type === 'DELETED') return saw ? { type: 'DELETED', object: change.object } : null;
  const sees = request.matches(change.object);
  if (sees) return { type: saw ? 'MODIFIED' : 'ADDED', object: change.object };
  if (!saw || change.previous === undefined) return null;
  const { resourceVersion } = change.object.metadata;
  return {
    type: 'DELETED',
    object: { ...change.previous, metadata: { ...change.previous.metadata, resourceVersion } },
  };
}

const expired = (status: KubeStatus): WatchEvent => ({ type: 'ERROR', object: status });

/** Events of one resource until the signal aborts. A forgotten resourceVersion gives one ERROR event (410). */
export async function* watchObjects(
  store: ObjectStore,
  def: ResourceDef,
  request: WatchRequest,
): AsyncGenerator<WatchEvent> {
  const present = (event: WatchEvent): WatchEvent =>
    event.type === 'ERROR' || event.type === 'BOOKMARK'
      ? event
      : { ...event, object: def.fromStored?.(event.object) ?? event.object };
  if (request.after !== undefined && request.after < store.compactedVersion) {
    yield expired(gone(`too old resource version: ${request.after} (${store.compactedVersion + 1})`).status);
    return;
  }
  const queue: WatchEvent[] = [];
  let wake: (() => void) | null = null;
  let overflow = false;
  const push = (event: WatchEvent): void => {
    if (queue.length >= MAX_PENDING_EVENTS) overflow = true;
    else queue.push(event);
    wake?.();
  };
  const onChange = (change: Change): void => {
    if (change.storageKey !== def.storageKey) return;
    const event = eventFor(change, request);
    if (event !== null) push(event);
  };
  const initial: WatchEvent[] = [];
  if (request.after === undefined) {
    for (const object of store.list(def.storageKey, request.namespace))
      if (request.matches(object)) initial.push({ type: 'ADDED', object });
    if (request.markInitialEnd === true) initial.push(bookmark(def, store.currentVersion, true));
  } else for (const change of store.changesAfter(request.after)) onChange(change);
  const unsubscribe = store.onChange(onChange);
  const onAbort = (): void => wake?.();
  request.signal.addEventListener('abort', onAbort);
  const { bookmarkEveryMs } = request;
  const timer =
    bookmarkEveryMs === undefined
      ? undefined
      : setInterval(() => push(bookmark(def, store.currentVersion)), bookmarkEveryMs);
  try {
    for (const event of initial) {
      if (request.signal.aborted) return;
      yield present(event);
    }
    while (!request.signal.aborted && !overflow) {
      const event = queue.shift();
      if (event !== undefined) {
        yield present(event);
        continue;
      }
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
      wake = null;
    }
    if (overflow) yield expired(gone('too old resource version: this watch fell too far behind; list again').status);
  } finally {
    clearInterval(timer);
    unsubscribe();
    request.signal.removeEventListener('abort', onAbort);
  }
}
