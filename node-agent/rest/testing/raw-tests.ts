import { beforeAll, describe, expect, test } from '@jest/globals';
import { nearest, type Country } from './sample.ts';

const BIG_ID = '18446744073709551615';
const PAYLOAD =
  '{"big":9007199254740993,"micros":1763696000000001,"text":"1234567890123456789","float":1234567890.1234567}';

/** What the JavaScript client cannot say: integers beyond 2^53, and the dialect's older spellings of search. */
export function rawTests(baseUrl: () => string, name: string, prefix: string, points: Country[]): void {
  const send = async (
    method: string,
    path: string,
    body?: string | object,
  ): Promise<{ status: number; text: string; result: unknown }> => {
    const answer = await fetch(`${baseUrl()}/collections/${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      body: body === undefined || typeof body === 'string' ? (body ?? null) : JSON.stringify(body),
    });
    const text = await answer.text();
    return { status: answer.status, text, result: (JSON.parse(text) as { result: unknown }).result };
  };

  describe('integers beyond 2^53', () => {
    const own = `${prefix}-integers`;
    const count = async (filter: string): Promise<unknown> =>
      (await send('POST', `${own}/points/count`, `{"filter":{"must":[${filter}]}}`)).result;

    beforeAll(async () => {
      await send('PUT', own, { vectors: { size: 2, distance: 'Dot' } });
      const points = `{"points":[{"id":${BIG_ID},"vector":[5,5],"payload":${PAYLOAD}},{"id":1,"vector":[1,1]}]}`;
      expect((await send('PUT', `${own}/points?wait=true`, points)).status).toBe(200);
    });

    test('survive in ids and payloads', async () => {
      const { text } = await send('POST', `${own}/points`, `{"ids":[${BIG_ID}]}`);
      expect(text).toContain(`{"id":${BIG_ID},"payload":${PAYLOAD}}`);
      expect((await send('GET', `${own}/points/${BIG_ID}`)).text).toContain(`"id":${BIG_ID},"payload":${PAYLOAD}`);
      const one = await send('POST', `${own}/points/scroll`, `{"with_payload":["big"],"offset":${BIG_ID}}`);
      expect(one.text).toContain(
        `{"points":[{"id":${BIG_ID},"payload":{"big":9007199254740993}}],"next_page_offset":null}`,
      );
      const self = await send('POST', `${own}/points/query`, `{"query":${BIG_ID},"limit":5}`);
      expect(self.result).toEqual({ points: [{ id: 1, version: 0, score: 10 }] });
    });

    test('are told apart by filters', async () => {
      expect(await count(`{"has_id":[${BIG_ID}]}`)).toEqual({ count: 1 });
      expect(await count('{"has_id":[18446744073709551614]}')).toEqual({ count: 0 });
      expect(await count('{"key":"big","match":{"value":9007199254740993}}')).toEqual({ count: 1 });
      expect(await count('{"key":"big","match":{"value":9007199254740992}}')).toEqual({ count: 0 });
      expect(await count('{"key":"micros","range":{"gte":1763696000000001}}')).toEqual({ count: 1 });
      expect(await count('{"key":"micros","range":{"gt":1763696000000001}}')).toEqual({ count: 0 });
    });

    test('survive a merge of payloads', async () => {
      await send(
        'POST',
        `${own}/points/payload?wait=true`,
        `{"payload":{"more":9007199254740995},"points":[${BIG_ID}]}`,
      );
      const { text } = await send('POST', `${own}/points`, `{"ids":[${BIG_ID}]}`);
      expect(text).toContain('"big":9007199254740993');
      expect(text).toContain('"more":9007199254740995');
    });
  });

  describe('older spellings', () => {
    const vector = [0.3, -0.2, 0.5, 0.7];
    const ids = (result: unknown): unknown[] => (result as { id: unknown }[]).map((hit) => hit.id);

    test('search and search batch', async () => {
      const { result } = await send('POST', `${name}/points/search`, { vector, limit: 4, with_payload: true });
      expect(ids(result)).toEqual(nearest(points, vector, 4));
      expect((result as object[])[0]).toHaveProperty('payload.name');
      const searches = [
        { vector, limit: 2 },
        { vector: { name: '', vector }, limit: 3, offset: 1 },
      ];
      const batch = await send('POST', `${name}/points/search/batch`, { searches });
      expect((batch.result as unknown[]).map(ids)).toEqual([
        nearest(points, vector, 2),
        nearest(points, vector, 4).slice(1),
      ]);
    });

    test('recommend and recommend batch', async () => {
      const self = points[4]!;
      const expected = nearest(points, self.vector, 4).filter((id) => id !== self.id);
      const { result } = await send('POST', `${name}/points/recommend`, { positive: [self.id], limit: 3 });
      expect(ids(result)).toEqual(expected);
      const batch = await send('POST', `${name}/points/recommend/batch`, {
        searches: [{ positive: [self.id], limit: 3 }],
      });
      expect((batch.result as unknown[]).map(ids)).toEqual([expected]);
    });

    test('consistency, ordering and timeout are known parameters', async () => {
      for (const consistency of ['1', '2', 'majority', 'quorum', 'all']) {
        const { status, result } = await send('POST', `${name}/points/count?consistency=${consistency}&timeout=30`, {});
        expect([status, result]).toEqual([200, { count: 40 }]);
      }
      const again = { points: [points[0]] };
      const { result } = await send('PUT', `${name}/points?ordering=strong&timeout=30`, again);
      expect(result).toMatchObject({ status: 'acknowledged' });
    });
  });
}
