import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import { ApiError } from '../api-types.ts';
import type { KubeList, KubeObject, KubeStatus, PodLogs } from '../api-types.ts';
import {
  AGGREGATED_TYPE,
  aggregatedDiscovery,
  coreVersions,
  groupInfo,
  groupList,
  resourceList,
  VERSION_INFO,
} from '../discovery.ts';
import type { Engine } from '../engine/engine.ts';
import type { Json } from '../json.ts';
import { openApiDocument } from '../openapi/v3.ts';
import { openApiV2 } from '../openapi/v2.ts';
import { apiVersionOf } from '../resource-def.ts';
import { failure, tooLarge, unauthorized, unknownPath } from '../status-errors.ts';
import { toMetadata, toTable } from '../tables/table.ts';
import type { IncludeObject } from '../tables/table.ts';
import { ResourceHandler } from './handle-resource.ts';
import type { ApiResponse } from './handle-resource.ts';
import { negotiate, wantsAggregated } from './negotiate.ts';
import type { Form } from './negotiate.ts';
import { streamPodLog } from './pod-log-response.ts';
import { isTrue } from './query.ts';
import { route } from './route.ts';
import type { Target } from './route.ts';
import { streamWatch } from './watch-response.ts';

/** The real server's limit for a request's body. */
export const MAX_BODY_BYTES = 3 * 1024 * 1024;

export interface ListenerOptions {
  readonly token: string;
  readonly logger: Logger;
  readonly podLogs?: PodLogs;
  readonly bookmarkEveryMs: number;
  readonly closing: AbortSignal;
}

const HEALTH_PATHS = new Set(['/healthz', '/livez', '/readyz']);

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw tooLarge(MAX_BODY_BYTES);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function sendJson(
  response: ServerResponse,
  code: number,
  value: unknown,
  headers: Record<string, string | string[]> = {},
): void {
  const text = JSON.stringify(value);
  response.writeHead(code, { 'content-type': 'application/json', 'cache-control': 'no-cache, private', ...headers });
  response.end(`${text}\n`);
}

/** Quotes a warning's text for the Warning header (RFC 7234). */
const warningHeader = (text: string): string =>
  `299 - "${text.replaceAll(/[\\"]/g, '\\$&').replaceAll(/[^\x20-\x7e]/g, '?')}"`;

/** The API over HTTP: authentication, paths, forms of answers. One instance answers all requests. */
export class Listener {
  private readonly engine: Engine;
  private readonly options: ListenerOptions;
  private readonly resources: ResourceHandler;
  private readonly token: Buffer;

  constructor(engine: Engine, options: ListenerOptions) {
    this.engine = engine;
    this.options = options;
    this.resources = new ResourceHandler(engine);
    this.token = Buffer.from(`Bearer ${options.token}`);
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await this.dispatch(request, response);
    } catch (error) {
      this.refuse(error, request, response);
    }
  }

  private refuse(error: unknown, request: IncomingMessage, response: ServerResponse): void {
    const known = error instanceof ApiError;
    if (!known)
      this.options.logger.error({ err: error, method: request.method, url: request.url }, 'kube-api: request failed');
    const { status } = known
      ? error
      : failure(500, 'InternalError', 'Internal error occurred: see the log of the local API server');
    if (response.headersSent) response.destroy();
    else {
      // An unread body would be taken for the next request.
      const headers: Record<string, string> = request.complete ? {} : { connection: 'close' };
      sendJson(response, status.code ?? 500, status, headers);
    }
  }

  private isAuthorized(request: IncomingMessage): boolean {
    const given = Buffer.from(request.headers.authorization ?? '');
    return given.length === this.token.length && timingSafeEqual(given, this.token);
  }

  private async dispatch(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'https://local');
    if (HEALTH_PATHS.has(url.pathname)) {
      response.writeHead(200, { 'content-type': 'text/plain' });
      response.end('ok');
      return;
    }
    if (!this.isAuthorized(request)) throw unauthorized();
    const parts = url.pathname
      .split('/')
      .filter((part) => part !== '')
      .map(decodeURIComponent);
    const target = route(this.engine.registry, parts);
    if (target === null) {
      if (request.method !== 'GET') throw unknownPath();
      this.describe(parts, url, request, response);
      return;
    }
    const form = negotiate(request.headers.accept);
    if (form === null) {
      throw failure(
        406,
        'NotAcceptable',
        'only the following media types are accepted: application/json, application/json;as=Table;v=v1;g=meta.k8s.io',
      );
    }
    await this.onResource(target, form, url, request, response);
  }

  private async onResource(
    target: Target,
    form: Form,
    url: URL,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const method = request.method ?? 'GET';
    const { searchParams: query } = url;
    const { closing, bookmarkEveryMs, podLogs } = this.options;
    if (method === 'GET' && target.subresource === 'log') {
      await streamPodLog(this.engine, target, query, response, podLogs);
      return;
    }
    if (method === 'GET' && isTrue(query, 'watch') && query.has('watch') && target.subresource === undefined) {
      if (target.name !== undefined) query.set('fieldSelector', `metadata.name=${target.name}`);
      const namespace = target.namespace === undefined ? {} : { namespace: target.namespace };
      await streamWatch(this.engine.store, target.def, query, response, {
        ...namespace,
        form,
        bookmarkEveryMs,
        closing,
      });
      return;
    }
    const body = method === 'GET' ? Buffer.alloc(0) : await readBody(request);
    const answer = this.resources.handle(target, {
      method,
      query,
      contentType: request.headers['content-type'] ?? '',
      userAgent: request.headers['user-agent'],
      body,
    });
    this.send(target, form, query, answer, response);
  }

  private send(
    target: Target,
    form: Form,
    query: URLSearchParams,
    answer: ApiResponse,
    response: ServerResponse,
  ): void {
    const headers: Record<string, string | string[]> =
      answer.warnings.length === 0 ? {} : { warning: answer.warnings.map(warningHeader) };
    const value = answer.value as KubeObject | KubeList | KubeStatus;
    const plain = form === 'json' || value.kind === 'Status' || target.subresource === 'scale';
    if (plain) sendJson(response, answer.code, value, headers);
    else if (form === 'metadata') sendJson(response, answer.code, toMetadata(value as KubeObject), headers);
    else {
      const include = (query.get('includeObject') as IncludeObject | null) ?? 'Metadata';
      const list = 'items' in value && Array.isArray(value.items) ? (value as KubeList) : null;
      const objects = list === null ? [value as KubeObject] : list.items;
      const metadata: KubeList['metadata'] = {
        ...(list === null ? { resourceVersion: (value as KubeObject).metadata.resourceVersion } : list.metadata),
      };
      if (metadata.continue === '') delete metadata.continue;
      sendJson(response, answer.code, toTable(target.def, objects, metadata, include, Date.now()), headers);
    }
  }

  /** Everything that is not a resource: version, discovery, OpenAPI. */
  private describe(parts: readonly string[], url: URL, request: IncomingMessage, response: ServerResponse): void {
    const defs = this.engine.registry.all();
    const [root, first, second, third] = parts;
    const json = (value: Json | null): void => {
      if (value === null) throw unknownPath();
      sendJson(response, 200, value);
    };
    if (root === 'version' && first === undefined) return json(VERSION_INFO);
    if (root === 'openapi' && first === 'v3')
      return json(openApiDocument(this.engine.registry, parts.slice(2), url.pathname));
    if (root === 'openapi' && first === 'v2' && second === undefined) return json(openApiV2(this.engine.registry));
    if (root !== 'api' && root !== 'apis') return this.noSuchPage(response);
    if (first === undefined) {
      if (wantsAggregated(request.headers.accept)) {
        sendJson(response, 200, aggregatedDiscovery(defs, root === 'api'), { 'content-type': AGGREGATED_TYPE });
        return;
      }
      return json(root === 'api' ? coreVersions(request.headers.host ?? '127.0.0.1') : groupList(defs));
    }
    if (root === 'apis' && second === undefined) {
      const info = groupInfo(defs, first);
      if (info === null) return this.noSuchPage(response);
      return json({ kind: 'APIGroup', apiVersion: 'v1', ...info });
    }
    const groupVersion = root === 'api' ? first : `${first}/${second ?? ''}`;
    const isEnd = root === 'api' ? second === undefined : third === undefined;
    if (!defs.some((def) => apiVersionOf(def) === groupVersion)) return this.noSuchPage(response);
    if (!isEnd) throw unknownPath();
    return json(resourceList(defs, groupVersion));
  }

  /** Paths outside the API get plain text, as from any web server. */
  private noSuchPage(response: ServerResponse): void {
    response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' });
    response.end('404 page not found\n');
  }
}
