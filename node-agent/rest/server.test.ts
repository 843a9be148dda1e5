import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { REFUSALS } from './testing/refusals.ts';
import { twinServer } from './testing/start.ts';

const { server } = twinServer({ bodyLimitBytes: 10_000 });

async function call(
  method: 'GET' | 'PUT' | 'POST',
  url: string,
  body?: unknown,
): Promise<{ status: number; text: string; json: Record<string, unknown> }> {
  const payload =
    body === undefined
      ? {}
      : {
          payload: typeof body === 'string' ? body : JSON.stringify(body),
          headers: { 'content-type': 'application/json' },
        };
  const answer = await server.inject({ method, url, ...payload });
  const json: unknown = answer.headers['content-type']?.includes('json') ? answer.json() : {};
  return { status: answer.statusCode, text: answer.body, json: json as Record<string, unknown> };
}

beforeAll(async () => {
  await server.ready();
  await call('PUT', '/collections/c', { vectors: { size: 2, distance: 'Dot' } });
  await call('PUT', '/collections/c/points', {
    points: [
      { id: 1, vector: [1, 0], payload: { a: 1 } },
      { id: 2, vector: [0, 1] },
    ],
  });
});
afterAll(() => server.close());

describe('the envelope', () => {
  test('of an answer', async () => {
    const { status, json } = await call('POST', '/collections/c/points/count', {});
    expect(status).toBe(200);
    expect(json).toEqual({ result: { count: 2 }, status: 'ok', time: expect.any(Number) });
  });

  test('of a refusal says what, where, and our code', async () => {
    const { status, json } = await call('POST', '/collections/c/points/search', { vector: [1], limit: 1 });
    expect(status).toBe(400);
    expect(json).toEqual({
      status: { error: 'Wrong input: Vector dimension error: expected dim: 2, got 1' },
      result: null,
      time: expect.any(Number),
      code: 'ANN_DIMENSION_MISMATCH',
      field: 'vector',
    });
  });

  test('the root names the dialect version that clients check', async () => {
    expect((await call('GET', '/')).json).toMatchObject({
      title: expect.any(String),
      version: expect.stringMatching(/^1\.\d+\.\d+$/),
    });
  });

  test('search answers as the dialect writes it', async () => {
    const { json } = await call('POST', '/collections/c/points/search', {
      vector: [2, 1],
      limit: 2,
      with_payload: true,
    });
    expect(json['result']).toEqual([
      { id: 1, version: 0, score: 2, payload: { a: 1 } },
      { id: 2, version: 0, score: 1, payload: {} },
    ]);
    const batch = await call('POST', '/collections/c/points/search/batch', {
      searches: [
        { vector: [2, 1], limit: 1 },
        { vector: { name: '', vector: [1, 2] }, limit: 1 },
      ],
    });
    expect(batch.json['result']).toEqual([[{ id: 1, version: 0, score: 2 }], [{ id: 2, version: 0, score: 2 }]]);
    const recommended = await call('POST', '/collections/c/points/recommend', { positive: [1], limit: 3 });
    expect(recommended.json['result']).toEqual([{ id: 2, version: 0, score: 0 }]);
  });
});

describe('refusals', () => {
  const search = '/collections/c/points/search';
  test.each(REFUSALS)('%s', async (_title, [method, url, body], [status, code, field]) => {
    const { status: answered, json } = await call(method, url, body);
    expect(json).toMatchObject({ code, result: null, status: { error: expect.stringMatching(/.{10}/) } });
    expect(answered).toBe(status);
    expect(json['field']).toBe(field);
  });

  test('leave the data as it was', async () => {
    expect((await call('POST', '/collections/c/points', { ids: [1, 2], with_vector: true })).json['result']).toEqual([
      { id: 1, payload: { a: 1 }, vector: [1, 0] },
      { id: 2, payload: {}, vector: [0, 1] },
    ]);
  });

  test('an answer to the wrong content type says which is right', async () => {
    const answer = await server.inject({
      method: 'POST',
      url: search,
      payload: 'a=1',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect(answer.statusCode).toBe(400);
    expect(answer.body).toContain('application/json');
  });

  test('bodies that are not UTF-8 are refused', async () => {
    const answer = await server.inject({
      method: 'POST',
      url: search,
      payload: Buffer.from([0x7b, 0xff, 0x7d]),
      headers: { 'content-type': 'application/json' },
    });
    expect(answer.statusCode).toBe(400);
    expect(answer.body).toContain('UTF-8');
  });
});

test('UUIDs in any spelling are one id', async () => {
  const uuid = 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11';
  await call('PUT', '/collections/c/points', { points: [{ id: uuid, vector: [1, 1] }] });
  const { text } = await call('POST', '/collections/c/points', { ids: [`urn:uuid:${uuid}`] });
  expect(text).toContain(`"id":"${uuid.toLowerCase()}"`);
  await call('POST', '/collections/c/points/delete', { points: [uuid.replaceAll('-', '')] });
  expect((await call('POST', '/collections/c/points/count', {})).json['result']).toEqual({ count: 2 });
});

describe('service routes', () => {
  test('probes and metrics', async () => {
    for (const path of ['/healthz', '/livez', '/readyz']) expect((await call('GET', path)).status).toBe(200);
    expect((await call('GET', '/metrics')).text).toBe('annulus_up 1\n');
  });

  test('a node that is not ready says so with 503', async () => {
    const health = {
      healthz: () => ({ ok: true, text: 'ok' }),
      readyz: () => ({ ok: false, text: '2 copies are opening' }),
      metrics: () => Promise.resolve(''),
    };
    const { server: starting } = twinServer({ health });
    const answer = await starting.inject({ method: 'GET', url: '/readyz' });
    expect([answer.statusCode, answer.body]).toEqual([503, '2 copies are opening\n']);
    await starting.close();
  });

  test('aliases are none', async () => {
    expect((await call('GET', '/aliases')).json['result']).toEqual({ aliases: [] });
    expect((await call('GET', '/collections/c/aliases')).json['result']).toEqual({ aliases: [] });
  });

  test('every answer is counted by route pattern and status', async () => {
    const seen: string[] = [];
    const { server: counted } = twinServer({
      onRequestMetrics: (method, route, status) => seen.push(`${method} ${route} ${status}`),
    });
    await counted.inject({ method: 'GET', url: '/collections/none' });
    await counted.inject({ method: 'GET', url: '/nothing' });
    await counted.close();
    expect(seen).toEqual(['GET /collections/:name 404', 'GET unknown 404']);
  });
});
