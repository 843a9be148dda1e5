import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { QdrantClient } from '@qdrant/js-client-rest';
import { cosine, countries, nearest, type Country } from './sample.ts';

/**
 * The public JavaScript client does everything that we promise of the dialect, unmodified, against whatever listens at the base URL
 * (a twin, a node, the demo cluster). Collections are made under `prefix` and deleted at the end.
 */
export function clientSuite(baseUrl: () => string, prefix = `suite-${process.pid}`): void {
  const name = `${prefix}_Countries`;
  const points = countries();
  let client: QdrantClient;

  describe('the public JavaScript client', () => {
    beforeAll(async () => {
      client = new QdrantClient({ url: baseUrl(), checkCompatibility: false });
      await client.createCollection(name, { vectors: { size: 4, distance: 'Cosine' }, shard_number: 2 });
      await client.upsert(name, { wait: true, points: points.slice(0, 20) });
      const rest = points.slice(20);
      await client.upsert(name, {
        wait: true,
        batch: { ids: rest.map((p) => p.id), vectors: rest.map((p) => p.vector), payloads: rest.map((p) => p.payload) },
      });
    });
    afterAll(async () => {
      const { collections } = await client.getCollections();
      for (const one of collections) if (one.name.startsWith(prefix)) await client.deleteCollection(one.name);
    });

    collectionTests(() => client, name, prefix);
    searchTests(() => client, name, points);
    readTests(() => client, name, points);
  });
}

/** Fails with the HTTP status of the answer. */
async function status(call: Promise<unknown>): Promise<number> {
  try {
    await call;
    return 200;
  } catch (error) {
    return (error as { status?: number }).status ?? 0;
  }
}

function collectionTests(client: () => QdrantClient, name: string, prefix: string): void {
  describe('collections', () => {
    test('are described as clients expect', async () => {
      const info = await client().getCollection(name);
      expect(info.status).toBe('green');
      expect(info.optimizer_status).toBe('ok');
      expect(info.points_count).toBe(40);
      expect(info.config.params.vectors).toEqual({ size: 4, distance: 'Cosine' });
      expect(info.config.params.shard_number).toBe(2);
      expect(info.config.hnsw_config).toMatchObject({ m: 16, ef_construct: 100 });
    });

    test('exist or not', async () => {
      expect(await client().collectionExists(name)).toEqual({ exists: true });
      expect(await client().collectionExists(`${prefix}-none`)).toEqual({ exists: false });
      expect((await client().getCollections()).collections.map((one) => one.name)).toContain(name);
      expect(await status(client().getCollection(`${prefix}-none`))).toBe(404);
      expect(await status(client().createCollection(name, { vectors: { size: 4, distance: 'Dot' } }))).toBe(409);
    });

    test('are created, updated and deleted', async () => {
      const other = `${prefix}-other`;
      expect(
        await client().createCollection(other, {
          vectors: { size: 3, distance: 'Dot' },
          shard_number: 1,
          replication_factor: 1,
          hnsw_config: { m: 8, ef_construct: 60 },
          on_disk_payload: true,
        }),
      ).toBe(true);
      expect((await client().getCollection(other)).config.hnsw_config).toMatchObject({ m: 8, ef_construct: 60 });
      expect(await client().updateCollection(other, { hnsw_config: { ef_construct: 70 } })).toBe(true);
      expect((await client().getCollection(other)).config.hnsw_config).toMatchObject({ m: 8, ef_construct: 70 });
      expect(await client().deleteCollection(other)).toBe(true);
      expect(await client().collectionExists(other)).toEqual({ exists: false });
      expect(await client().deleteCollection(other)).toBe(false);
    });

    test('get payload indexes and lose them', async () => {
      await client().createPayloadIndex(name, { wait: true, field_name: 'temporary', field_schema: 'keyword' });
      expect((await client().getCollection(name)).payload_schema['temporary']).toMatchObject({ data_type: 'keyword' });
      await client().deletePayloadIndex(name, 'temporary');
      expect((await client().getCollection(name)).payload_schema['temporary']).toBeUndefined();
    });
  });
}

function searchTests(client: () => QdrantClient, name: string, points: Country[]): void {
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

function readTests(client: () => QdrantClient, name: string, points: Country[]): void {
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
