import { KubeError } from './errors.ts';
import { isObject, objectsAt, textAt, type JsonObject } from './json.ts';
import { apiVersionOf, resourcePath, type KubeObject, type Resource } from './object.ts';
import type { ApiRequest, Transport } from './transport.ts';

/** One page of a list. */
export interface ListPage {
  items: KubeObject[];
  resourceVersion: string;
  /** Token of the next page; '' on the last. */
  next: string;
}

export interface WatchLine {
  type: string;
  object: JsonObject;
}

export interface Watch {
  events: AsyncIterable<WatchLine>;
  close(): void;
}

export interface ListOptions {
  namespace?: string;
  labelSelector?: string;
  limit?: number;
  next?: string;
  signal?: AbortSignal;
}

export interface WatchOptions {
  namespace?: string;
  labelSelector?: string;
  resourceVersion: string;
  timeoutSeconds: number;
  signal?: AbortSignal;
}

/** The verbs of the API server that the operator uses, on raw JSON. Every one rejects with KubeError or KubeUnreachable. */
export interface KubeApi {
  get(resource: Resource, namespace: string, name: string): Promise<KubeObject>;
  list(resource: Resource, options?: ListOptions): Promise<ListPage>;
  watch(resource: Resource, options: WatchOptions): Promise<Watch>;
  create(resource: Resource, object: KubeObject): Promise<KubeObject>;
  /** PUT with metadata.resourceVersion: 409 when stale. */
  replace(resource: Resource, object: KubeObject): Promise<KubeObject>;
  /** JSON merge patch; put metadata.resourceVersion into it to have it conflict-checked. */
  mergePatch(
    resource: Resource,
    namespace: string,
    name: string,
    patch: JsonObject,
    subresource?: 'status',
  ): Promise<KubeObject>;
  /** Server-side apply; metadata.resourceVersion, when there, is conflict-checked. */
  serverSideApply(
    resource: Resource,
    object: KubeObject,
    options: { fieldManager: string; force: boolean; subresource?: 'status' },
  ): Promise<KubeObject>;
  remove(resource: Resource, namespace: string, name: string, uid?: string): Promise<void>;
  /** True when the server knows the resource (its CRD is installed). */
  serves(resource: Resource): Promise<boolean>;
}

/** Called after every answered or failed call, for metrics: code 0 means unreachable. */
export type OnCall = (verb: string, kind: string, code: number) => void;

/** Field manager of everything that the operator writes. */
export const FIELD_MANAGER = 'annulus-operator';
const AS_US = `?fieldManager=${FIELD_MANAGER}`;
const DEADLINE_MS = 30_000;
const MERGE_PATCH = 'application/merge-patch+json';
const APPLY_PATCH = 'application/apply-patch+yaml';

export interface KubeApiOptions {
  onCall?: OnCall;
  /** Called right before a write is sent: throws when this process may not write (any more). */
  permitWrite?: () => void;
}

/** The API over HTTP. `shutdown` aborts whatever is under way. */
export function createKubeApi(transport: Transport, shutdown: AbortSignal, options: KubeApiOptions = {}): KubeApi {
  return new HttpKubeApi(transport, shutdown, options);
}

class HttpKubeApi implements KubeApi {
  readonly #transport: Transport;
  readonly #shutdown: AbortSignal;
  readonly #onCall: OnCall;
  readonly #permitWrite: (() => void) | undefined;

  constructor(transport: Transport, shutdown: AbortSignal, { onCall, permitWrite }: KubeApiOptions) {
    this.#transport = transport;
    this.#shutdown = shutdown;
    this.#onCall = onCall ?? (() => undefined);
    this.#permitWrite = permitWrite;
  }

  async get(resource: Resource, namespace: string, name: string): Promise<KubeObject> {
    const path = resourcePath(resource, namespace, name);
    return toObject(await this.#call('get', resource, { method: 'GET', path }), resource);
  }

  async list(resource: Resource, options: ListOptions = {}): Promise<ListPage> {
    const { labelSelector, limit, next, signal } = options;
    const query = toQuery({ labelSelector, limit: limit?.toString(), continue: next });
    const path = resourcePath(resource, options.namespace) + query;
    const found = await this.#call('list', resource, { method: 'GET', path, ...(signal ? { signal } : {}) });
    return toPage(found, resource);
  }

  async watch(resource: Resource, options: WatchOptions): Promise<Watch> {
    const query = toQuery({
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: options.resourceVersion,
      timeoutSeconds: options.timeoutSeconds.toString(),
      labelSelector: options.labelSelector,
    });
    const path = resourcePath(resource, options.namespace) + query;
    const signal = options.signal ? AbortSignal.any([options.signal, this.#shutdown]) : this.#shutdown;
    let status = 0;
    try {
      const stream = await this.#transport.stream({ method: 'GET', path, timeoutMs: DEADLINE_MS, signal });
      status = stream.status;
      if (status !== 200) {
        let body = '';
        for await (const line of stream.lines) body += line;
        throw new KubeError(`watch ${resource.kind}`, status, body);
      }
      return { events: parseLines(stream.lines), close: () => stream.close() };
    } finally {
      this.#onCall('watch', resource.kind, status);
    }
  }

  create(resource: Resource, object: KubeObject): Promise<KubeObject> {
    const path = resourcePath(resource, object.metadata.namespace) + AS_US;
    return this.#send('create', resource, { method: 'POST', path, json: object });
  }

  replace(resource: Resource, object: KubeObject): Promise<KubeObject> {
    const path = resourcePath(resource, object.metadata.namespace, object.metadata.name) + AS_US;
    return this.#send('update', resource, { method: 'PUT', path, json: object });
  }

  mergePatch(
    resource: Resource,
    namespace: string,
    name: string,
    patch: JsonObject,
    subresource?: 'status',
  ): Promise<KubeObject> {
    const path = resourcePath(resource, namespace, name, subresource) + AS_US;
    return this.#send('patch', resource, { method: 'PATCH', path, contentType: MERGE_PATCH, json: patch });
  }

  serverSideApply(
    resource: Resource,
    object: KubeObject,
    { fieldManager, force, subresource }: { fieldManager: string; force: boolean; subresource?: 'status' },
  ): Promise<KubeObject> {
    const { namespace, name } = object.metadata;
    const query = toQuery({ fieldManager, force: force ? 'true' : undefined });
    const path = resourcePath(resource, namespace, name, subresource) + query;
    return this.#send('apply', resource, { method: 'PATCH', path, contentType: APPLY_PATCH, json: object });
  }

  async remove(resource: Resource, namespace: string, name: string, uid?: string): Promise<void> {
    const body = {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      propagationPolicy: 'Background',
      ...(uid === undefined ? {} : { preconditions: { uid } }),
    };
    const path = resourcePath(resource, namespace, name);
    await this.#call('delete', resource, { method: 'DELETE', path, body: JSON.stringify(body) });
  }

  async serves(resource: Resource): Promise<boolean> {
    const root = resource.group === '' ? '/api' : `/apis/${resource.group}`;
    try {
      const found = await this.#call('discover', resource, { method: 'GET', path: `${root}/${resource.version}` });
      return objectsAt(found, 'resources').some((entry) => entry['name'] === resource.plural);
    } catch (error) {
      if (error instanceof KubeError && error.code === 404) return false;
      throw error;
    }
  }

  async #send(
    verb: string,
    resource: Resource,
    { json, ...rest }: Omit<ApiRequest, 'timeoutMs' | 'body'> & { json: unknown },
  ): Promise<KubeObject> {
    return toObject(await this.#call(verb, resource, { ...rest, body: JSON.stringify(json) }), resource);
  }

  async #call(verb: string, resource: Resource, request: Omit<ApiRequest, 'timeoutMs'>): Promise<unknown> {
    let code = 0;
    const permit = request.method === 'GET' ? undefined : this.#permitWrite;
    try {
      const limits = { timeoutMs: DEADLINE_MS, signal: this.#shutdown, ...(permit === undefined ? {} : { permit }) };
      const answer = await this.#transport.request({ ...limits, ...request });
      code = answer.status;
      if (code < 200 || code > 299) throw new KubeError(`${verb} ${resource.kind} ${request.path}`, code, answer.body);
      return JSON.parse(answer.body);
    } finally {
      this.#onCall(verb, resource.kind, code);
    }
  }
}

async function* parseLines(lines: AsyncIterable<string>): AsyncIterable<WatchLine> {
  for await (const line of lines) {
    const json: unknown = JSON.parse(line);
    if (isObject(json) && isObject(json['object'])) yield { type: textAt(json, 'type'), object: json['object'] };
  }
}

function toQuery(parameters: Record<string, string | undefined>): string {
  const set = Object.entries(parameters).filter((entry): entry is [string, string] => Boolean(entry[1]));
  return set.length === 0 ? '' : `?${new URLSearchParams(set).toString()}`;
}

/** Items of a list carry no apiVersion and kind: they get the resource's. */
export function toObject(json: unknown, resource: Resource): KubeObject {
  const metadata = isObject(json) ? json['metadata'] : undefined;
  const name = textAt(metadata, 'name');
  if (!isObject(json) || !isObject(metadata) || name === '') {
    throw new Error(`the API server sent a ${resource.kind} without metadata.name`);
  }
  return { ...json, metadata: { ...metadata, name }, apiVersion: apiVersionOf(resource), kind: resource.kind };
}

function toPage(json: unknown, resource: Resource): ListPage {
  return {
    items: objectsAt(json, 'items').map((item) => toObject(item, resource)),
    resourceVersion: textAt(json, 'metadata', 'resourceVersion'),
    next: textAt(json, 'metadata', 'continue'),
  };
}
