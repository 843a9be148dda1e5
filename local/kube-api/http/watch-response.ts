import type { ServerResponse } from 'node:http';
import type { KubeObject, WatchEvent } from '../api-types.ts';
import { checkNotFuture, selection } from '../engine/selection.ts';
import { watchObjects } from '../engine/watch.ts';
import type { ResourceDef } from '../resource-def.ts';
import { fieldErrors, invalid } from '../status-errors.ts';
import type { FieldError } from '../status-errors.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { toMetadata, toTable } from '../tables/table.ts';
import type { IncludeObject } from '../tables/table.ts';
import type { Form } from './negotiate.ts';
import { isTrue, positiveInteger } from './query.ts';

/** A watch without timeoutSeconds ends after 30 to 60 minutes. */
const DEFAULT_TIMEOUT_SECONDS = 1_800;

export interface WatchOptions {
  readonly namespace?: string;
  readonly form: Form;
  readonly bookmarkEveryMs: number;
  /** Aborts when the server closes. */
  readonly closing: AbortSignal;
}

function initialEventErrors(query: URLSearchParams): FieldError[] {
  const match = query.get('resourceVersionMatch') ?? '';
  const errors: FieldError[] = [];
  if (query.has('sendInitialEvents')) {
    if (match === '')
      errors.push(
        fieldErrors.forbidden(
          'resourceVersionMatch',
          'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
        ),
      );
    else if (match !== 'NotOlderThan')
      errors.push(fieldErrors.notSupported('resourceVersionMatch', match, ['NotOlderThan']));
  } else if (match !== '')
    errors.push(
      fieldErrors.forbidden(
        'resourceVersionMatch',
        'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
      ),
    );
  return errors;
}

function encode(event: WatchEvent, def: ResourceDef, form: Form, include: IncludeObject): string {
  if (form === 'json' || event.type === 'ERROR') return JSON.stringify(event);
  const { object } = event;
  const shown =
    form === 'table'
      ? toTable(def, event.type === 'BOOKMARK' ? [] : [object], object.metadata, include, Date.now())
      : toMetadata(object as KubeObject);
  return JSON.stringify({ type: event.type, object: shown });
}

/** Streams the events of one resource, a JSON line each, until the client, the timeout or the server ends it. */
export async function streamWatch(
  store: ObjectStore,
  def: ResourceDef,
  query: URLSearchParams,
  response: ServerResponse,
  options: WatchOptions,
): Promise<void> {
  const errors = initialEventErrors(query);
  if (errors.length > 0) throw invalid('meta.k8s.io', 'ListOptions', '', errors);
  const version = query.get('resourceVersion') ?? '';
  checkNotFuture(store, version);
  const matches = selection(def, query.get('labelSelector') ?? '', query.get('fieldSelector') ?? '');
  const wantsInitial = isTrue(query, 'sendInitialEvents');
  const wantsBookmarks = isTrue(query, 'allowWatchBookmarks');
  const fromStart = wantsInitial || version === '' || version === '0';
  const seconds = positiveInteger(query, 'timeoutSeconds') ?? DEFAULT_TIMEOUT_SECONDS;
  const ended = new AbortController();
  response.on('close', () => ended.abort());
  const signal = AbortSignal.any([ended.signal, options.closing, AbortSignal.timeout(Math.max(1, seconds) * 1000)]);
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache, private' });
  response.flushHeaders();
  const include = (query.get('includeObject') as IncludeObject | null) ?? 'Metadata';
  const events = watchObjects(store, def, {
    ...(options.namespace === undefined ? {} : { namespace: options.namespace }),
    matches,
    ...(fromStart ? {} : { after: Number(version) }),
    markInitialEnd: wantsInitial && wantsBookmarks,
    ...(wantsBookmarks ? { bookmarkEveryMs: options.bookmarkEveryMs } : {}),
    signal,
  });
  for await (const event of events) {
    if (!response.write(`${encode(event, def, options.form, include)}\n`)) {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          signal.removeEventListener('abort', done);
          resolve();
        };
        response.once('drain', done);
        signal.addEventListener('abort', done, { once: true });
      });
    }
  }
  response.end();
}
