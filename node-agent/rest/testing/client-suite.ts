import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { QdrantClient } from '@qdrant/js-client-rest';
import { filterTests } from './client-filters.ts';
import { readTests } from './client-reads.ts';
import { searchTests } from './client-search.ts';
import { writeTests } from './client-writes.ts';
import { rawTests } from './raw-tests.ts';
import { countries } from './sample.ts';
import { status } from './status.ts';

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
    filterTests(() => client, name, points);
    writeTests(() => client, prefix);
    rawTests(baseUrl, name, prefix, points);
  });
}

function collectionTests(client: () => QdrantClient, name: string, prefix: string): void {
  describe('collections', () => {
    test('are described as clients expect', async () => {
      let info = await client().getCollection(name);
      // A copy that was slow to start may have left the in-sync set and be on its way back.
      for (let i = 0; i < 100 && info.status !== 'green'; i++) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        info = await client().getCollection(name);
      }
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
