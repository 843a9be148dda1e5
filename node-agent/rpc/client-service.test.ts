import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { credentials, ServerCredentials, type Client, type Server, type ServiceError } from '@grpc/grpc-js';
import { pino } from 'pino';
import { MemoryRouter } from '../rest/testing/memory-router.ts';
import { floatBytes } from './columns.ts';
import { createClientGrpcServer, PointsClient, pointsService } from './client-service.ts';

const BIG = '18446744073709551615';
const UUID = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11';
const bytes = (...numbers: number[]): Uint8Array => floatBytes(Float32Array.from(numbers));

describe('service Points', () => {
  const router = new MemoryRouter();
  const seen: [string, number][] = [];
  let server: Server;
  let client: Client;

  /** Calls a method; the reply as the loader gives it. */
  const call = (name: string, request: object): Promise<Record<string, unknown>> => {
    const { path, requestSerialize, responseDeserialize } = pointsService[name]!;
    return new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        (error: ServiceError | null, reply?: Record<string, unknown>) => (error ? reject(error) : resolve(reply ?? {})),
      );
    });
  };

  beforeAll(async () => {
    await router.create('c', { dimension: 2, metric: 'Dot' });
    server = createClientGrpcServer({
      router,
      logger: pino({ level: 'silent' }),
      onRequestMetrics: (method, status) => seen.push([method, status]),
    });
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      );
    });
    client = new PointsClient(`127.0.0.1:${port}`, credentials.createInsecure());
    const points = [
      { id: { num: '1' }, vector: bytes(1, 0), payload: '{"color":"red","n":9007199254740993}' },
      { id: { num: BIG }, vector: bytes(0, 1), payload: '' },
      { id: { uuid: UUID.toUpperCase() }, vector: bytes(1, 1), payload: '{"color":"blue"}' },
    ];
    expect(await call('Upsert', { collection: 'c', points })).toEqual({ seqNo: '1' });
  });
  afterAll(() => {
    client.close();
    server.forceShutdown();
  });

  test('finds the nearest, one by one and in batches', async () => {
    const query = { vector: bytes(2, 1), limit: 2, parts: { payload: true } };
    const { hits } = (await call('Search', { collection: 'c', query })) as { hits: object[] };
    expect(hits).toMatchObject([
      { id: { uuid: UUID }, score: 3, payload: '{"color":"blue"}' },
      { id: { num: '1' }, score: 2 },
    ]);
    const filtered = { ...query, filter: '{"must":[{"key":"color","match":{"value":"red"}}]}' };
    const thresholded = { ...query, scoreThreshold: 2.5, limit: 0, parts: { vector: true } };
    const { results } = (await call('SearchBatch', { collection: 'c', queries: [query, filtered, thresholded] })) as {
      results: { hits: object[] }[];
    };
    expect(results[0]!.hits).toEqual(hits);
    expect(results[1]!.hits).toMatchObject([{ id: { num: '1' } }]);
    expect(results[2]!.hits).toMatchObject([{ id: { uuid: UUID }, payload: '', vector: Buffer.from(bytes(1, 1)) }]);
    expect(results[2]!.hits).toHaveLength(1);
  });

  test('gets, counts and pages, ids beyond 2^53 and payload numbers intact', async () => {
    const { points } = (await call('Get', {
      collection: 'c',
      ids: [{ num: BIG }, { num: '1' }, { num: '77' }],
      parts: { payload: true },
    })) as { points: object[] };
    expect(points).toMatchObject([
      { id: { num: BIG } },
      { id: { num: '1' }, payload: '{"color":"red","n":9007199254740993}' },
    ]);
    expect(await call('Count', { collection: 'c', filter: '' })).toEqual({ count: '3' });
    const first = await call('Scroll', { collection: 'c', limit: 2 });
    expect(first).toMatchObject({ points: [{ id: { num: '1' } }, { id: { num: BIG } }], next: { uuid: UUID } });
    const second = await call('Scroll', { collection: 'c', limit: 2, from: first['next'] });
    expect(second).toMatchObject({ points: [{ id: { uuid: UUID } }], next: null });
  });

  test('deletes by ids and by filter', async () => {
    await call('Upsert', {
      collection: 'c',
      points: [
        { id: { num: '5' }, vector: bytes(1, 2) },
        { id: { num: '6' }, payload: '{"gone":true}' },
      ],
    });
    await call('Delete', { collection: 'c', ids: [{ num: '5' }] });
    await call('Delete', { collection: 'c', filter: '{"must":[{"key":"gone","match":{"value":true}}]}' });
    expect(await call('Count', { collection: 'c' })).toEqual({ count: '3' });
  });

  test.each<[string, string, object, number, string, string?]>([
    ['an unknown collection', 'Count', { collection: 'none' }, 5, 'ANN_COLLECTION_NOT_FOUND'],
    [
      'a wrong dimension',
      'Search',
      { collection: 'c', query: { vector: bytes(1) } },
      3,
      'ANN_DIMENSION_MISMATCH',
      'query.vector',
    ],
    [
      'half a float',
      'Search',
      { collection: 'c', query: { vector: new Uint8Array(7) } },
      3,
      'ANN_DIMENSION_MISMATCH',
      'query.vector',
    ],
    ['NaN', 'Search', { collection: 'c', query: { vector: bytes(1, NaN) } }, 3, 'ANN_BAD_REQUEST', 'query.vector'],
    ['no query', 'Search', { collection: 'c' }, 3, 'ANN_BAD_REQUEST', 'query'],
    ['a broken filter', 'Count', { collection: 'c', filter: '{"most":[]}' }, 3, 'ANN_BAD_REQUEST', 'filter.most'],
    ['no id', 'Upsert', { collection: 'c', points: [{ vector: bytes(1, 1) }] }, 3, 'ANN_BAD_REQUEST', 'points[0].id'],
    [
      'a payload that is no object',
      'Upsert',
      { collection: 'c', points: [{ id: { num: '1' }, payload: '[1]' }] },
      3,
      'ANN_BAD_REQUEST',
      'points[0].payload',
    ],
    ['nothing to delete', 'Delete', { collection: 'c' }, 3, 'ANN_BAD_REQUEST', 'ids'],
    [
      'too many hits',
      'Search',
      { collection: 'c', query: { vector: bytes(1, 1), limit: 99_999, offset: 2 } },
      3,
      'ANN_BAD_REQUEST',
      'query.limit',
    ],
  ])('refuses %s', async (...[, method, request, status, code, field]) => {
    const error = await call(method, request).then(
      () => null,
      (refused: ServiceError) => refused,
    );
    expect(error?.code).toBe(status);
    expect(error?.metadata.get('annulus-code')).toEqual([code]);
    expect(error?.metadata.get('annulus-field')).toEqual(field === undefined ? [] : [field]);
    expect(seen.at(-1)).toEqual([method, status]);
  });
});
