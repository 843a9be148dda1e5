import { beforeEach, describe, expect, test } from '@jest/globals';
import type { QdrantClient } from '@qdrant/js-client-rest';
import { status } from './status.ts';

const UUID = '6f9619ff-8b86-4011-b42d-00c04fc964ff';

/** Writes through the public client, each seen by a read right after it. */
export function writeTests(client: () => QdrantClient, prefix: string): void {
  describe('writes', () => {
    const name = `${prefix}-writes`;
    const payloads = async (): Promise<unknown[]> => {
      const { points } = await client().scroll(name, { limit: 10 });
      return points.map((point) => point.payload);
    };
    const ids = async (): Promise<unknown[]> =>
      (await client().scroll(name, { limit: 10 })).points.map((point) => point.id);

    beforeEach(async () => {
      if (!(await client().collectionExists(name)).exists) {
        await client().createCollection(name, { vectors: { size: 2, distance: 'Euclid' }, shard_number: 2 });
      }
      await client().delete(name, { wait: true, filter: {} });
      const answer = await client().upsert(name, {
        wait: true,
        points: [
          { id: 1, vector: [1, 0], payload: { color: 'red', size: { w: 1 } } },
          { id: 2, vector: [2, 0], payload: { color: 'blue' } },
          { id: UUID, vector: [3, 0] },
        ],
      });
      expect(answer.status).toBe('completed');
    });

    test('upsert replaces whole points', async () => {
      await client().upsert(name, { wait: true, points: [{ id: 1, vector: [9, 9], payload: { a: 1 } }] });
      const [point] = await client().retrieve(name, { ids: [1], with_vector: true });
      expect(point).toEqual({ id: 1, payload: { a: 1 }, vector: [9, 9] });
      expect(await ids()).toEqual([1, 2, UUID]);
    });

    test('delete by ids and by filter', async () => {
      await client().delete(name, { wait: true, points: [2, 999] });
      expect(await ids()).toEqual([1, UUID]);
      await client().delete(name, { wait: true, filter: { must: [{ key: 'color', match: { value: 'red' } }] } });
      expect(await ids()).toEqual([UUID]);
    });

    test('set, overwrite, delete and clear payload', async () => {
      await client().setPayload(name, { payload: { seen: true }, points: [1, UUID] });
      expect(await payloads()).toEqual([
        { color: 'red', size: { w: 1 }, seen: true },
        { color: 'blue' },
        { seen: true },
      ]);
      await client().setPayload(name, { payload: { h: 2 }, key: 'size', points: [1] });
      expect((await payloads())[0]).toEqual({ color: 'red', size: { w: 1, h: 2 }, seen: true });
      await client().overwritePayload(name, {
        payload: { only: 1 },
        filter: { must: [{ key: 'seen', match: { value: true } }] },
      });
      expect(await payloads()).toEqual([{ only: 1 }, { color: 'blue' }, { only: 1 }]);
      await client().deletePayload(name, { keys: ['only', 'none'], points: [1] });
      await client().clearPayload(name, { points: [2] });
      expect(await payloads()).toEqual([{}, {}, { only: 1 }]);
      expect(await status(client().setPayload(name, { payload: { a: 1 }, points: [1, 31] }))).toBe(404);
      expect((await payloads())[0]).toEqual({});
    });

    test('update and delete vectors', async () => {
      await client().updateVectors(name, { points: [{ id: 2, vector: [7, 7] }] });
      const [moved] = await client().retrieve(name, { ids: [2], with_vector: true });
      expect(moved).toMatchObject({ vector: [7, 7], payload: { color: 'blue' } });
      await client().deleteVectors(name, { points: [2], vector: [''] });
      const { points } = await client().query(name, { query: [7, 7], limit: 10 });
      expect(points.map((point) => point.id)).toEqual([UUID, 1]);
      expect(points[0]!.score).toBeCloseTo(Math.hypot(4, 7), 5);
      expect(await ids()).toEqual([1, 2, UUID]);
      expect(await status(client().updateVectors(name, { points: [{ id: 31, vector: [1, 1] }] }))).toBe(404);
    });

    test('a batch of operations happens in order', async () => {
      const results = await client().batchUpdate(name, {
        operations: [
          { upsert: { points: [{ id: 5, vector: [5, 5], payload: { n: 1 } }] } },
          { set_payload: { payload: { m: 2 }, points: [5] } },
          { overwrite_payload: { payload: { color: 'green' }, points: [1] } },
          { delete_payload: { keys: ['color'], points: [2] } },
          { clear_payload: { points: [1] } },
          { update_vectors: { points: [{ id: 1, vector: [4, 4] }] } },
          { delete_vectors: { points: [2], vector: [''] } },
          { delete: { points: [UUID] } },
        ],
      });
      expect(results).toHaveLength(8);
      expect(results.every((result) => result.status === 'completed')).toBe(true);
      const { points } = await client().scroll(name, { with_vector: true });
      expect(points).toEqual([
        { id: 1, payload: {}, vector: [4, 4] },
        { id: 2, payload: {}, vector: {} },
        { id: 5, payload: { n: 1, m: 2 }, vector: [5, 5] },
      ]);
    });

    test('one bad point refuses the whole request, and nothing is written', async () => {
      const good = { id: 50, vector: [1, 1] };
      for (const bad of [
        { id: 51, vector: [1] },
        { id: -1, vector: [1, 1] },
        { id: 'x', vector: [1, 1] },
        { id: 52, vector: [1, null as unknown as number] },
      ]) {
        expect(await status(client().upsert(name, { wait: true, points: [good, bad] }))).toBe(400);
      }
      const upsert = { upsert: { points: [good] } };
      const wrong = { set_payload: { payload: { a: 1 } } };
      expect(await status(client().batchUpdate(name, { operations: [upsert, wrong] }))).toBe(422);
      expect(await ids()).toEqual([1, 2, UUID]);
    });
  });
}
