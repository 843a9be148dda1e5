import { describe, expect, test } from '@jest/globals';
import type { QdrantClient } from '@qdrant/js-client-rest';
import type { Country } from './sample.ts';
import { status } from './status.ts';

/** Retrieve, scroll and count through the public client. */
export function readTests(client: () => QdrantClient, name: string, points: Country[]): void {
  describe('reads', () => {
    test('retrieve gives points by id, and none for unknown ids', async () => {
      const uuid = points[30]!;
      const found = await client().retrieve(name, { ids: [points[0]!.id, uuid.id, 777_777], with_vector: true });
      expect(found).toHaveLength(2);
      const byUuid = found.find((point) => point.id === uuid.id)!;
      expect(byUuid.payload).toEqual(uuid.payload);
      expect(byUuid.vector).toHaveLength(4);
      const [excluded] = await client().retrieve(name, {
        ids: [points[0]!.id],
        with_payload: { exclude: ['name', 'tags'] },
      });
      expect(excluded!.payload).not.toHaveProperty('name');
      expect(excluded!.payload).toHaveProperty('continent');
    });

    test('scroll pages through every point once, in order of ids', async () => {
      const seen: (string | number)[] = [];
      let offset: string | number | undefined;
      do {
        const page = await client().scroll(name, {
          limit: 7,
          ...(offset === undefined ? {} : { offset }),
          with_payload: false,
        });
        seen.push(...page.points.map((point) => point.id));
        offset = (page.next_page_offset ?? undefined) as string | number | undefined;
      } while (offset !== undefined);
      expect(seen).toEqual(points.map((point) => point.id));
    });

    test('scroll orders by an indexed field, from a value on', async () => {
      expect(await status(client().scroll(name, { order_by: 'population' }))).toBe(400);
      await client().createPayloadIndex(name, { wait: true, field_name: 'population', field_schema: 'integer' });
      await client().createPayloadIndex(name, { wait: true, field_name: 'founded', field_schema: 'datetime' });
      const populations = points.map((point) => point.payload.population).sort((a, b) => b - a);
      const start = populations[9]!;
      const page = await client().scroll(name, {
        limit: 5,
        order_by: { key: 'population', direction: 'desc', start_from: start },
      });
      expect(page.points.map((point) => point.payload!['population'])).toEqual(populations.slice(9, 14));
      expect(page.points.map((point) => point.order_value)).toEqual(populations.slice(9, 14));
      expect(page.next_page_offset ?? null).toBeNull();
      const dates = points.map((point) => point.payload.founded).sort();
      const later = await client().scroll(name, { limit: 3, order_by: { key: 'founded', start_from: dates[20]! } });
      expect(later.points.map((point) => point.payload!['founded'])).toEqual(dates.slice(20, 23));
      const listed = await client().query(name, {
        query: { order_by: { key: 'population', direction: 'asc' } },
        limit: 3,
        with_payload: true,
      });
      expect(listed.points.map((point) => point.payload!['population'])).toEqual(populations.slice(-3).reverse());
    });

    test('count is exact', async () => {
      expect(await client().count(name, { exact: true })).toEqual({ count: 40 });
      const asia = points.filter((point) => point.payload.continent === 'Asia').length;
      expect(
        await client().count(name, { filter: { must: [{ key: 'continent', match: { value: 'Asia' } }] } }),
      ).toEqual({ count: asia });
    });
  });
}
