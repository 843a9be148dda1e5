import { describe, expect, test } from '@jest/globals';
import type { QdrantClient } from '@qdrant/js-client-rest';
import { cosine, nearest, type Country } from './sample.ts';
import { status } from './status.ts';

/** Queries through the public client. */
export function searchTests(client: () => QdrantClient, name: string, points: Country[]): void {
  describe('query', () => {
    const vector = [0.3, -0.2, 0.5, 0.7];
    const ids = (found: { points: { id: string | number }[] }): (string | number)[] =>
      found.points.map((point) => point.id);

    test('finds the nearest of a vector, with scores', async () => {
      const { points: found } = await client().query(name, {
        query: vector,
        limit: 5,
        with_payload: true,
        with_vector: true,
      });
      expect(found.map((point) => point.id)).toEqual(nearest(points, vector, 5));
      for (const point of found) {
        const country = points.find((one) => one.id === point.id)!;
        expect(point.score).toBeCloseTo(cosine(vector, country.vector), 5);
        expect(point.payload).toEqual(country.payload);
        (point.vector as number[]).forEach((x, i) => expect(x).toBeCloseTo(country.vector[i]!, 5));
      }
    });

    test('pages by offset, and answers 10 by default without payload', async () => {
      const all = nearest(points, vector, 40);
      expect(ids(await client().query(name, { query: vector, limit: 7, offset: 5 }))).toEqual(all.slice(5, 12));
      const { points: plain } = await client().query(name, { query: vector });
      expect(plain.map((point) => point.id)).toEqual(all.slice(0, 10));
      expect(plain[0]!.payload ?? null).toBeNull();
      expect(plain[0]!.vector ?? null).toBeNull();
    });

    test('by id leaves the point itself out', async () => {
      const self = points[3]!;
      const expected = nearest(points, self.vector, 40)
        .filter((id) => id !== self.id)
        .slice(0, 6);
      expect(ids(await client().query(name, { query: self.id, limit: 6 }))).toEqual(expected);
      expect(await status(client().query(name, { query: 987_654, limit: 6 }))).toBe(404);
    });

    test('filters, thresholds and parameters', async () => {
      const filter = { must: [{ key: 'continent', match: { value: 'Europe' } }] };
      const europe = points.filter((one) => one.payload.continent === 'Europe');
      expect(ids(await client().query(name, { query: vector, filter, limit: 40, params: { hnsw_ef: 64 } }))).toEqual(
        nearest(europe, vector, 40),
      );
      const close = points.filter((one) => cosine(vector, one.vector) >= 0.4);
      const found = await client().query(name, {
        query: vector,
        score_threshold: 0.4,
        limit: 40,
        params: { exact: true },
      });
      expect(ids(found)).toEqual(nearest(close, vector, 40));
    });

    test('recommends by average vector and by sum of scores', async () => {
      const [a, b, c] = [points[1]!, points[2]!, points[5]!];
      const rest = points.filter((one) => ![a.id, b.id, c.id].includes(one.id));
      const average = a.vector.map((x, i) => x + b.vector[i]! - c.vector[i]!);
      const recommend = { positive: [a.id, b.id], negative: [c.id] };
      expect(ids(await client().query(name, { query: { recommend }, limit: 5 }))).toEqual(nearest(rest, average, 5));
      const summed = await client().query(name, {
        query: { recommend: { ...recommend, strategy: 'sum_scores' } },
        limit: 5,
      });
      const sum = (one: Country): number =>
        cosine(one.vector, a.vector) + cosine(one.vector, b.vector) - cosine(one.vector, c.vector);
      const expected = [...rest].sort((x, y) => sum(y) - sum(x)).slice(0, 5);
      expect(ids(summed)).toEqual(expected.map((one) => one.id));
      expect(summed.points[0]!.score).toBeCloseTo(sum(expected[0]!), 4);
    });

    test('in a batch answers as one by one', async () => {
      const searches = [
        { query: vector, limit: 3 },
        { query: points[7]!.id, limit: 4, with_payload: ['name'] },
        { limit: 2 },
      ];
      const together = await client().queryBatch(name, { searches });
      const alone = await Promise.all(searches.map((search) => client().query(name, search)));
      expect(together.map((one) => one.points)).toEqual(alone.map((one) => one.points));
      expect(together[1]!.points[0]!.payload).toHaveProperty('name');
      expect(Object.keys(together[1]!.points[0]!.payload!)).toEqual(['name']);
    });

    test('refuses what it does not know, by name', async () => {
      expect(await status(client().query(name, { query: { fusion: 'rrf' }, prefetch: [{ query: vector }] }))).toBe(400);
      expect(await status(client().query(name, { query: [1, 2, 3] }))).toBe(400);
      expect(await status(client().query(name, { query: vector, using: 'image' }))).toBe(400);
    });
  });
}
