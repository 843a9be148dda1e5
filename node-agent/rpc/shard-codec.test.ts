import { describe, expect, test } from '@jest/globals';
import type { PointId } from '#model/point-id.ts';
import { loadServiceClient } from '#proto/load-service.ts';
import type { Write } from '../shard/operations.ts';
import type { RepliesMessage, RequestKind, RequestsMessage } from './messages.ts';
import * as codec from './shard-codec.ts';

const method = loadServiceClient('node.proto', 'Peer').service['Exchange']!;

/** A body as the other side gets it. */
function sent(kind: RequestKind, body: unknown): never {
  const bytes = method.requestSerialize({ mapVersion: 1, requests: [{ id: 1, timeoutMs: 5, [kind]: body }] });
  return (method.requestDeserialize(bytes) as RequestsMessage).requests[0]![kind] as never;
}

function replied(kind: RequestKind, body: unknown): never {
  const bytes = method.responseSerialize({ mapVersion: 1, replies: [{ id: 1, [kind]: body }] });
  return (method.responseDeserialize(bytes) as RepliesMessage).replies[0]![kind] as never;
}

const IDS: PointId[] = [0, 2 ** 53 - 1, 2n ** 64n - 1n, '550e8400-e29b-41d4-a716-446655440000'];
const SHARD = { name: 's', uid: 'u' };

describe('over the wire and back', () => {
  const writes: Write[] = [
    {
      type: 'upsert',
      points: IDS.map((id, i) => ({ id, vector: Float32Array.from([i, 0.1]), payload: `{"i":${i}}` })),
    },
    {
      type: 'upsert',
      points: [
        { id: 1, vector: null, payload: null },
        { id: 2, vector: Float32Array.from([1, 2]), payload: null },
      ],
    },
    { type: 'delete', select: { ids: IDS } },
    { type: 'delete', select: { filter: '{"must":[]}' } },
    { type: 'setPayload', select: { ids: [1] }, payload: '{"a":1}', key: 'nested' },
    { type: 'setPayload', select: { ids: [1] }, payload: '{"a":1}' },
    { type: 'overwritePayload', select: { filter: '{}' }, payload: '{}' },
    { type: 'deletePayload', select: { ids: [1] }, keys: ['a', 'b.c'] },
    { type: 'clearPayload', select: { ids: [1] } },
    { type: 'updateVectors', points: [{ id: 3, vector: Float32Array.from([7, 8]) }] },
    { type: 'deleteVectors', select: { ids: [1] } },
  ];

  test('writes', () => {
    const message: { writes: Parameters<typeof codec.decodeWrite>[0][] } = sent('write', {
      shard: SHARD,
      writes: writes.map(codec.encodeWrite),
    });
    expect(message.writes.map(codec.decodeWrite)).toEqual(writes);
  });

  test('searches, with and without the optional parts', () => {
    const base = { vectors: Float32Array.from([1, 2, 3, 4]), count: 2, limit: 10, exact: false };
    const fields = { payload: { exclude: ['a'] }, vector: true };
    for (const search of [
      { ...base, filter: null, fields: { payload: true, vector: false } },
      { ...base, ef: 50, filter: '{}', scoreThreshold: 0, fields },
    ]) {
      expect(codec.decodeSearch(sent('search', codec.encodeSearch(SHARD, search)))).toEqual(search);
    }
  });

  test('hits', () => {
    const hits = {
      offsets: Uint32Array.from([0, 1, 4]),
      ids: IDS,
      scores: Float32Array.from([1, 0.5, 0.25, 0]),
      payloads: ['{"a":1}', null, '{}', null],
      vectors: Float32Array.from([1, 2, 3, 4]),
    };
    expect(codec.decodeHits(replied('search', codec.encodeHits(hits)))).toEqual(hits);
    const bare = { ...hits, payloads: null, vectors: null };
    expect(codec.decodeHits(replied('search', codec.encodeHits(bare)))).toEqual(bare);
  });

  test('scrolls', () => {
    const fields = { payload: { include: ['a'] }, vector: false };
    for (const scroll of [
      { from: null, limit: 5, filter: null, fields },
      {
        from: IDS[3]!,
        limit: 5,
        filter: '{}',
        fields,
        order: { field: 'f', direction: 'desc' as const, startFrom: 0 },
      },
    ]) {
      expect(codec.decodeScroll(sent('scroll', codec.encodeScroll(SHARD, scroll)))).toEqual(scroll);
    }
  });

  test('points, with order values', () => {
    const points = IDS.map((id, i) => ({ id, payload: i % 2 ? null : '{}', vector: null, orderValue: i }));
    const message: { points: Parameters<typeof codec.decodePoints>[0] } = replied('scroll', {
      points: codec.encodePoints(points),
      more: true,
    });
    expect(codec.decodePoints(message.points)).toEqual(points);
  });
});
