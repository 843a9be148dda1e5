import {
  Metadata,
  Server,
  type handleUnaryCall,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import type { Logger } from 'pino';
import { AnnulusError, ERRORS, errorToWire } from '#model/errors.ts';
import { loadServiceClient } from '#proto/load-service.ts';
import { MAX_BODY_BYTES } from '../rest/limits.ts';
import type { Router } from '../routing/router.ts';
import {
  decodeFilter,
  decodeId,
  decodeLimit,
  decodeParts,
  decodePoints,
  decodeQueries,
  decodeQuery,
  decodeReadOptions,
  decodeTimeout,
  encodeHit,
  encodeId,
  encodePoint,
} from './client-codec.ts';
import type {
  CountRequest,
  DeleteRequest,
  GetRequest,
  PointIdMessage,
  PointMessage,
  ScrollRequestMessage,
  SearchBatchRequest,
  SearchReply,
  SearchRequest,
  UpsertRequest,
} from './client-messages.ts';

const client = loadServiceClient('client.proto', 'Points', String);

/** Client of service Points: 64-bit numbers are strings of digits. */
export const PointsClient = client;
export const pointsService: ServiceDefinition = client.service;

export interface ClientServiceOptions {
  router: Router;
  logger: Logger;
  /** Called after each answer with the gRPC status code (0 = OK). */
  onRequestMetrics?: (method: string, grpcStatus: number, seconds: number) => void;
}

/** A gRPC server with service Points on it; bind it to port 6334 and shut it down with tryShutdown. */
export function createClientGrpcServer(options: ClientServiceOptions): Server {
  const server = new Server({
    'grpc.max_receive_message_length': MAX_BODY_BYTES,
    'grpc.max_send_message_length': -1,
  });
  server.addService(pointsService, clientHandlers(options));
  return server;
}

/** Implementation of service Points (proto/client.proto) over the router. */
export function clientHandlers(options: ClientServiceOptions): UntypedServiceImplementation {
  const { router } = options;
  const unary = <Request, Reply>(
    name: string,
    handle: (request: Request) => Promise<Reply>,
  ): handleUnaryCall<Request, Reply> => answering(name, handle, options);
  return {
    Upsert: unary('Upsert', async ({ collection, points, timeoutMs }: UpsertRequest) => {
      const { name, dimension } = router.collection(collection);
      const write = { type: 'upsert' as const, points: decodePoints(points, dimension) };
      return router.write(name, [write], { timeoutMs: decodeTimeout(timeoutMs) });
    }),
    Delete: unary('Delete', async ({ collection, ids, filter, timeoutMs }: DeleteRequest) => {
      const { name } = router.collection(collection);
      const byFilter = decodeFilter(filter, 'filter');
      if ((byFilter === null) === (ids.length === 0)) {
        throw new AnnulusError('ANN_BAD_REQUEST', 'give either ids or a filter', { field: 'ids' });
      }
      const select = byFilter === null ? { ids: decodeIds(ids) } : { filter: byFilter };
      return router.write(name, [{ type: 'delete', select }], { timeoutMs: decodeTimeout(timeoutMs) });
    }),
    Get: unary('Get', async (request: GetRequest): Promise<{ points: PointMessage[] }> => {
      const { name } = router.collection(request.collection);
      const fields = decodeParts(request.parts, 'parts');
      const points = await router.retrieve(name, decodeIds(request.ids), fields, decodeReadOptions(request));
      return { points: points.map(encodePoint) };
    }),
    Search: unary('Search', async (request: SearchRequest): Promise<SearchReply> => {
      const { name, dimension } = router.collection(request.collection);
      const query = decodeQuery(request.query, 'query', dimension);
      const [hits] = await router.search(name, [query], decodeReadOptions(request));
      return { hits: (hits ?? []).map(encodeHit) };
    }),
    SearchBatch: unary('SearchBatch', async (request: SearchBatchRequest): Promise<{ results: SearchReply[] }> => {
      const { name, dimension } = router.collection(request.collection);
      const queries = decodeQueries(request.queries, dimension);
      if (queries.length === 0) return { results: [] };
      const results = await router.search(name, queries, decodeReadOptions(request));
      return { results: results.map((hits) => ({ hits: hits.map(encodeHit) })) };
    }),
    Count: unary('Count', async (request: CountRequest): Promise<{ count: number }> => {
      const { name } = router.collection(request.collection);
      return { count: await router.count(name, decodeFilter(request.filter, 'filter'), decodeReadOptions(request)) };
    }),
    Scroll: unary(
      'Scroll',
      async (request: ScrollRequestMessage): Promise<{ points: PointMessage[]; next?: PointIdMessage }> => {
        const { name } = router.collection(request.collection);
        const scroll = {
          from: request.from === null ? null : decodeId(request.from, 'from'),
          limit: decodeLimit(request.limit, 0, 'limit'),
          filter: decodeFilter(request.filter, 'filter'),
          fields: decodeParts(request.parts, 'parts'),
        };
        const { points, next } = await router.scroll(name, scroll, decodeReadOptions(request));
        return { points: points.map(encodePoint), ...(next === null ? {} : { next: encodeId(next) }) };
      },
    ),
  };
}

function decodeIds(messages: readonly PointIdMessage[]): ReturnType<typeof decodeId>[] {
  return messages.map((message, i) => decodeId(message, `ids[${i}]`));
}

/** Runs a handler and turns what it throws into a gRPC status. */
function answering<Request, Reply>(
  name: string,
  handle: (request: Request) => Promise<Reply>,
  { logger, onRequestMetrics }: ClientServiceOptions,
): handleUnaryCall<Request, Reply> {
  return (call, callback) => {
    const startedAt = performance.now();
    const done = (status: number): void => onRequestMetrics?.(name, status, (performance.now() - startedAt) / 1000);
    handle(call.request).then(
      (reply) => {
        callback(null, reply);
        done(0);
      },
      (error: unknown) => {
        const wire = errorToWire(error);
        const metadata = new Metadata();
        metadata.set('annulus-code', wire.code);
        // Metadata is ASCII; a path may hold a payload key that is not.
        if (wire.field !== undefined) metadata.set('annulus-field', wire.field.replaceAll(/[^ -~]/g, '?'));
        if (wire.code === 'ANN_INTERNAL') logger.error({ err: error, method: name }, 'request failed');
        const message =
          wire.code === 'ANN_INTERNAL' ? 'internal error: see the log of the node that answered' : wire.message;
        callback({ code: ERRORS[wire.code].grpc, details: message, metadata });
        done(ERRORS[wire.code].grpc);
      },
    );
  };
}
