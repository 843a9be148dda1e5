import type { KubeList, KubeObject } from '../api-types.ts';
import { objectKey } from '../store/object-store.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { apiVersionOf } from '../resource-def.ts';
import type { ResourceDef } from '../resource-def.ts';
import { parseFieldSelector, parseLabelSelector } from '../selectors.ts';
import { badRequest, failure, gone } from '../status-errors.ts';

const COMMON_FIELDS: Readonly<Record<string, (object: KubeObject) => string>> = {
  'metadata.name': (object) => object.metadata.name,
  'metadata.namespace': (object) => object.metadata.namespace ?? '',
};

/** Which objects a label selector and a field selector let through. 400 when one does not parse. */
export function selection(def: ResourceDef, labelSelector = '', fieldSelector = ''): (object: KubeObject) => boolean {
  const readers = { ...COMMON_FIELDS, ...def.behaviour.selectableFields };
  const byLabel = labelSelector === '' ? null : parseLabelSelector(labelSelector);
  const byField =
    fieldSelector === ''
      ? null
      : parseFieldSelector(fieldSelector, new Set(Object.keys(readers)), def.custom !== undefined);
  return (object) => {
    if (byLabel !== null && !byLabel(object.metadata.labels ?? {})) return false;
    if (byField === null) return true;
    const values: Record<string, string> = {};
    for (const [field, read] of Object.entries(readers)) values[field] = read(object);
    return byField(values);
  };
}

export interface ListRequest {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly limit?: number;
  readonly continue?: string;
  readonly resourceVersion?: string;
}

interface ContinueToken {
  /** resourceVersion of the first page. */
  rv: string;
  /** Key of the last object given. */
  start: string;
}

const INCONSISTENT =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.';

function readToken(text: string, store: ObjectStore): ContinueToken {
  let token: ContinueToken;
  try {
    token = JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as ContinueToken;
  } catch {
    throw badRequest('invalid continue token: continue key is not valid: it was not given by this server');
  }
  if (typeof token?.rv !== 'string' || typeof token.start !== 'string')
    throw badRequest('invalid continue token: continue key is not valid');
  if (Number(token.rv) < store.compactedVersion) throw gone(INCONSISTENT);
  return token;
}

/** Refuses a resourceVersion that nobody has been given yet, as the API server does after waiting. */
export function checkNotFuture(store: ObjectStore, resourceVersion: string | undefined): void {
  if (resourceVersion === undefined || resourceVersion === '') return;
  if (!/^\d+$/.test(resourceVersion)) {
    throw badRequest(
      `invalid resource version: resourceVersion: Invalid value: ${JSON.stringify(resourceVersion)}: strconv.ParseUint: parsing ${JSON.stringify(resourceVersion)}: invalid syntax`,
    );
  }
  if (Number(resourceVersion) <= store.currentVersion) return;
  throw failure(504, 'Timeout', `Too large resource version: ${resourceVersion}, current: ${store.currentVersion}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  });
}

/** Lists a resource. Pages show the newest state; their resourceVersion is the first page's, so a watch misses nothing. */
export function listObjects(store: ObjectStore, def: ResourceDef, request: ListRequest): KubeList {
  checkNotFuture(store, request.resourceVersion);
  const matches = selection(def, request.labelSelector, request.fieldSelector);
  const token = request.continue ? readToken(request.continue, store) : null;
  const candidates = store.list(def.storageKey, request.namespace, token?.start).filter(matches);
  const limit = request.limit !== undefined && request.limit > 0 ? request.limit : candidates.length;
  const page = candidates.slice(0, limit);
  const version = token?.rv ?? String(store.currentVersion);
  // Lists of custom resources always carry the member.
  const metadata: KubeList['metadata'] = { ...(def.custom && { continue: '' }), resourceVersion: version };
  const last = page.at(-1);
  if (page.length < candidates.length && last !== undefined) {
    const next: ContinueToken = { rv: version, start: objectKey(last.metadata.namespace, last.metadata.name) };
    metadata.continue = Buffer.from(JSON.stringify(next)).toString('base64url');
    if (!request.labelSelector && !request.fieldSelector) metadata.remainingItemCount = candidates.length - page.length;
  }
  return {
    kind: def.listKind,
    apiVersion: apiVersionOf(def),
    metadata,
    items: page.map((object) => def.fromStored?.(object) ?? object),
  };
}
