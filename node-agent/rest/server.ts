import Fastify, {
  LogController,
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import { AnnulusError, ERRORS, type ErrorCode } from '#model/errors.ts';
import { MAX_BODY_BYTES } from './limits.ts';
import { openApi } from './openapi.ts';
import { checkParameters, type RawQuery } from './query-params.ts';
import type { RestDeps, Route } from './route.ts';
import { COLLECTION_ROUTES } from './routes-collections.ts';
import { READ_ROUTES } from './routes-read.ts';
import { SEARCH_ROUTES } from './routes-search.ts';
import { ABSENT_ROUTES, DIALECT_VERSION, SERVICE_ROUTES } from './routes-service.ts';
import { WRITE_ROUTES } from './routes-write.ts';

export interface RestOptions extends RestDeps {
  logger: FastifyBaseLogger;
  /** Called after each answer. `route` is the path's pattern, so it has few values. */
  onRequestMetrics?: (method: string, route: string, status: number, seconds: number) => void;
  /** Longest body in bytes; longer ones get 413. */
  bodyLimitBytes?: number;
}

const NO_BODY = Buffer.alloc(0);
/** Measured: two. */
const CLOSE_SEEN_TURNS = 4;

/** Every route that does something. */
export const ROUTES: readonly Route[] = [
  ...SERVICE_ROUTES,
  ...COLLECTION_ROUTES,
  ...SEARCH_ROUTES,
  ...READ_ROUTES,
  ...WRITE_ROUTES,
];

/**
 * The client API: the Qdrant REST dialect over the node's router. The caller listens and closes. Authentication belongs into an
 * `onRequest` hook that the caller adds before listening.
 */
export function createRestServer(options: RestOptions): FastifyInstance {
  const bodyLimit = options.bodyLimitBytes ?? MAX_BODY_BYTES;
  const server = Fastify({
    loggerInstance: options.logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit,
    // A URL is a path with a collection's name in it: 255 characters, each up to 12 when encoded.
    routerOptions: { maxParamLength: 4096 },
    exposeHeadRoutes: false,
    // Idle connections are clients' pools: as long as usual load balancers keep them.
    keepAliveTimeout: 75_000,
    // A whole body must be here in this time.
    requestTimeout: 300_000,
    frameworkErrors: (error, request, reply) => refuse(error, request, reply, bodyLimit),
  });
  server.removeAllContentTypeParsers();
  server.addContentTypeParser(
    /^application\/(?:[\w.-]+\+)?json\b/,
    { parseAs: 'buffer', bodyLimit },
    (_request, body, done) => done(null, body),
  );
  server.setErrorHandler((error, request, reply) => refuse(error, request, reply, bodyLimit));
  server.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0] ?? '';
    refuse(
      new AnnulusError('ANN_NOT_FOUND', `Not found: no route ${request.method} ${path.slice(0, 200)}`),
      request,
      reply,
      bodyLimit,
    );
  });
  for (const route of [...ROUTES, ...ABSENT_ROUTES]) add(server, route, options);
  const description = JSON.stringify(openApi(ROUTES, DIALECT_VERSION));
  server.get('/openapi.json', (_request, reply) => reply.type('application/json').send(description));
  const { onRequestMetrics } = options;
  if (onRequestMetrics !== undefined) {
    server.addHook('onResponse', (request, reply, done) => {
      onRequestMetrics(
        request.method,
        request.routeOptions.url ?? 'unknown',
        reply.statusCode,
        reply.elapsedTime / 1000,
      );
      done();
    });
  }
  return server;
}

function add(server: FastifyInstance, route: Route, deps: RestDeps): void {
  const known = route.parameters ?? [];
  server.route<{ Params: Record<string, string>; Querystring: RawQuery }>({
    method: route.method,
    url: route.path,
    handler: async (request, reply) => {
      checkParameters(request.query, known);
      const body = Buffer.isBuffer(request.body) ? request.body : NO_BODY;
      const { socket } = request.raw;
      const callerGone = (): boolean => socket.destroyed;
      if (deps.standstill?.recent) await refuseForgotten(callerGone);
      const answer = await route.handle({ deps, params: request.params, query: request.query, body, callerGone });
      if (typeof answer !== 'string') return reply.code(answer.status).type(answer.type).send(answer.text);
      return reply.type('application/json').send(`{"result":${answer},"status":"ok","time":${seconds(reply)}}`);
    },
  });
}

/** After a standstill: a client that has given up meanwhile has closed its connection, which is seen some turns after its request. */
async function refuseForgotten(callerGone: () => boolean): Promise<void> {
  for (let turn = 0; turn < CLOSE_SEEN_TURNS; turn++) await new Promise(setImmediate);
  if (callerGone()) throw new AnnulusError('ANN_TIMEOUT', 'this node stood still, and the client did not wait');
}

/** Writes any failure as the dialect's error body, with our code and the field. */
function refuse(error: unknown, request: FastifyRequest, reply: FastifyReply, bodyLimit: number): void {
  const shown = asAnnulusError(error, request, bodyLimit);
  if (shown.code === 'ANN_INTERNAL')
    request.log.error({ err: error, method: request.method, route: request.routeOptions.url }, 'request failed');
  // Closed at once, the connection would be reset under a client that is still sending, and the answer lost: Node reads the rest
  // and throws it away, for at most requestTimeout.
  if (shown.code === 'ANN_BODY_TOO_LARGE') void reply.removeHeader('connection');
  const retry: 'retry' | 'wait' | 'never' = ERRORS[shown.code].retry;
  if (retry === 'wait') void reply.header('retry-after', '1');
  void reply
    .code(shown.status)
    .type('application/json')
    .send(
      JSON.stringify({
        status: { error: shown.message },
        result: null,
        time: seconds(reply),
        code: shown.code,
        ...(shown.field === undefined || shown.field === '' ? {} : { field: shown.field }),
      }),
    );
}

function asAnnulusError(error: unknown, request: FastifyRequest, bodyLimit: number): AnnulusError {
  if (error instanceof AnnulusError) return error;
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return new AnnulusError(
      'ANN_BODY_TOO_LARGE',
      `The body is over the limit of ${bodyLimit} bytes; send smaller batches`,
    );
  }
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    const given = request.headers['content-type'] ?? 'none';
    return new AnnulusError(
      'ANN_BAD_REQUEST',
      `Content type error: expected application/json, got ${given.slice(0, 100)}`,
    );
  }
  const status = typeof error === 'object' && error !== null && 'statusCode' in error ? error.statusCode : undefined;
  if (typeof status === 'number' && status >= 400 && status < 500) {
    const known: ErrorCode = 'ANN_BAD_REQUEST';
    return new AnnulusError(known, error instanceof Error ? error.message : 'bad request', { cause: error });
  }
  return new AnnulusError('ANN_INTERNAL', 'Service internal error: see the log of the node that answered', {
    cause: error,
  });
}

function seconds(reply: FastifyReply): number {
  return Math.round(reply.elapsedTime * 1000) / 1e6;
}
