import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { PointInput, Write } from './operations.ts';
import { copyOptions, TestHost } from './testing.ts';

let host: TestHost;
beforeEach(async () => {
  host = await TestHost.start();
});
afterEach(() => host.stop());

const ALL = { payload: true, vector: true } as const;

function point(id: number, numbers: number[] = [1, 2, 3, id], payload: object | null = null): PointInput {
  return { id, vector: Float32Array.from(numbers), payload: payload && JSON.stringify(payload) };
}

function upsert(...points: PointInput[]): Write {
  return { type: 'upsert', points };
}

describe('opening', () => {
  test('missing, created, found again, another uid, twice', async () => {
    const options = copyOptions();
    expect(await host.open({ ...options, create: false })).toEqual({ state: 'missing' });
    expect(await host.open(options)).toEqual({ state: 'open', created: true, seqNo: 0, term: 0 });
    await expect(host.open(options)).rejects.toMatchObject({ code: 'ANN_CONFLICT' });
    await host.write('s-0', upsert(point(1)));
    await host.host.close('s-0');
    expect(await host.open(options)).toEqual({ state: 'open', created: false, seqNo: 1, term: 1 });
    await host.host.destroy(options.shardUid, options.allocationId);
    expect(await host.open({ ...options, create: false })).toEqual({ state: 'missing' });
    await expect(host.open({ ...options, shardUid: '../other' })).rejects.toMatchObject({ code: 'ANN_BAD_REQUEST' });
  });

  test('calls on a shard that is not open', async () => {
    await expect(host.host.count('nobody', null)).rejects.toMatchObject({ code: 'ANN_SHARD_UNAVAILABLE' });
  });
});

describe('refused writes', () => {
  beforeEach(() => host.open(copyOptions()));

  test.each<[string, Write, string, string | undefined]>([
    ['dimension', upsert(point(1), point(2, [1, 2])), 'ANN_DIMENSION_MISMATCH', 'points[1].vector'],
    ['NaN', upsert(point(1, [1, Number.NaN, 1, 1])), 'ANN_BAD_REQUEST', 'points[0].vector'],
    ['infinite in float32', upsert(point(1, [1e39, 1, 1, 1])), 'ANN_BAD_REQUEST', 'points[0].vector'],
    ['payload no object', upsert({ ...point(1), payload: '[1]' }), 'ANN_BAD_REQUEST', 'points[0].payload'],
    ['payload no JSON', upsert({ ...point(1), payload: '{"a":' }), 'ANN_BAD_REQUEST', 'points[0].payload'],
    [
      'payload deep',
      upsert({ ...point(1), payload: `{"a":${'['.repeat(200)}${']'.repeat(200)}}` }),
      'ANN_BAD_REQUEST',
      'points[0].payload',
    ],
    ['unknown id', { type: 'setPayload', select: { ids: [5] }, payload: '{}' }, 'ANN_POINT_NOT_FOUND', undefined],
    [
      'unknown id, vector',
      { type: 'updateVectors', points: [{ id: 5, vector: new Float32Array(4) }] },
      'ANN_POINT_NOT_FOUND',
      undefined,
    ],
    ['bad key', { type: 'deletePayload', select: { ids: [] }, keys: ['a..b'] }, 'ANN_BAD_REQUEST', 'keys[0]'],
    [
      'bad filter',
      { type: 'delete', select: { filter: '{"must":[{"keys":1}]}' } },
      'ANN_BAD_REQUEST',
      'filter.must[0].keys',
    ],
  ])('%s: alone, nothing of it is logged', async (_name, write, code, field) => {
    const { results, firstSeqNo, lastSeqNo } = await host.host.append('s-0', 1, [
      upsert(point(8)),
      write,
      upsert(point(9)),
    ]);
    expect(results.map(({ ok }) => ok)).toEqual([true, false, true]);
    expect(results[1]).toMatchObject({ error: { code, ...(field && { field }) } });
    expect([firstSeqNo, lastSeqNo]).toEqual([1, 2]);
    expect(await host.host.count('s-0', null)).toBe(2);
  });

  test('searches of another dimension or with a bad filter', async () => {
    await expect(host.search('s-0', [1, 2])).rejects.toMatchObject({ code: 'ANN_DIMENSION_MISMATCH' });
    await expect(host.search('s-0', [1, 2, 3, 4], { filter: '{"x":1}' })).rejects.toMatchObject({ field: 'filter.x' });
    await expect(host.search('s-0', [1, Number.NaN, 3, 4])).rejects.toMatchObject({ code: 'ANN_BAD_REQUEST' });
  });
});

describe('the log', () => {
  beforeEach(() => host.open(copyOptions()));

  test('terms, gaps, repeats, forks', async () => {
    const first = await host.write('s-0', upsert(point(1)));
    const second = await host.write('s-0', upsert(point(2)));
    await host.open(copyOptions({}, { shard: 'r', allocationId: 'a1' }));
    await expect(host.host.apply('r', 1, second.entries)).rejects.toThrow(/expected seqNo 1, got 2/);
    expect(await host.host.apply('r', 1, first.entries)).toEqual({ seqNo: 1, term: 1 });
    expect(await host.host.apply('r', 2, first.entries)).toEqual({ seqNo: 1, term: 2 });
    await expect(host.host.apply('r', 1, second.entries)).rejects.toMatchObject({ code: 'ANN_STALE_TERM' });
    await expect(host.host.append('r', 1, [upsert(point(3))])).rejects.toMatchObject({ code: 'ANN_STALE_TERM' });
    const fork = await host.host.append('r', 3, [upsert(point(3))]);
    await expect(host.host.apply('s-0', 3, fork.entries)).rejects.toMatchObject({ code: 'ANN_CONFLICT' });
    const broken = Uint8Array.from(second.entries);
    broken[20]! ^= 4;
    await expect(host.host.apply('r', 3, broken)).rejects.toMatchObject({ code: 'ANN_BAD_REQUEST' });
    expect(await host.host.count('r', null)).toBe(2);
  });

  test('is read in parts and trimmed', async () => {
    for (let id = 1; id <= 5; id++) await host.write('s-0', upsert(point(id)));
    await host.open(copyOptions({}, { shard: 'r', allocationId: 'a1' }));
    for (let from = 1; from <= 5;) {
      const part = await host.host.readLog('s-0', from, 1);
      expect(part!.nextSeqNo).toBe(from + 1);
      await host.host.apply('r', 1, part!.entries);
      from = part!.nextSeqNo;
    }
    expect((await host.host.readLog('s-0', 6, 100))!.entries.length).toBe(0);
    await host.host.trimLog('s-0', 4);
    expect(await host.host.readLog('s-0', 3, 100)).toBeNull();
    expect((await host.host.readLog('s-0', 4, 1e6))!.nextSeqNo).toBe(6);
    expect(await host.host.stats('s-0')).toMatchObject({ logFromSeqNo: 4, seqNo: 5 });
    expect((await host.host.digest('s-0')).digest).toBe((await host.host.digest('r')).digest);
  });

  test('a long upsert becomes several entries of at most 4 MiB', async () => {
    const text = 'x'.repeat(1_000_000);
    const points = Array.from({ length: 9 }, (_, id) => point(id, [1, 2, 3, 4], { text }));
    const { firstSeqNo, lastSeqNo, entries } = await host.write('s-0', upsert(...points));
    expect([firstSeqNo, lastSeqNo]).toEqual([1, 3]);
    expect(entries.length).toBeGreaterThan(9_000_000);
    const { results } = await host.host.append('s-0', 1, [upsert(point(1, [1, 2, 3, 4], { text: text.repeat(5) }))]);
    expect(results[0]).toMatchObject({ ok: false, error: { code: 'ANN_BODY_TOO_LARGE' } });
  });
});

describe('answers', () => {
  test('score thresholds, zero vectors, vectors and payload parts', async () => {
    await host.open(copyOptions({ metric: 'Euclid' }));
    await host.write(
      's-0',
      upsert(point(1, [0, 0, 0, 0], { a: 1, b: { c: [1, 2], d: 2 } }), point(2, [3, 4, 0, 0]), {
        ...point(3),
        vector: null,
      }),
    );
    const hits = await host.search('s-0', [0, 0, 0, 0], { fields: { payload: { include: ['b.c'] }, vector: true } });
    expect([...hits.scores]).toEqual([0, 5]);
    expect(hits.payloads).toEqual(['{"b":{"c":[1,2]}}', null]);
    expect([...hits.vectors!]).toEqual([0, 0, 0, 0, 3, 4, 0, 0]);
    expect((await host.search('s-0', [0, 0, 0, 0], { scoreThreshold: 4.9 })).ids).toEqual([1]);
    expect((await host.search('s-0', [0, 0, 0, 0], { scoreThreshold: 5 })).ids).toEqual([1, 2]);
    const [found] = await host.host.retrieve('s-0', [1, 77], { payload: { exclude: ['b.d', 'a'] }, vector: false });
    expect(found).toEqual({ id: 1, payload: '{"b":{"c":[1,2]}}', vector: null });
  });

  test('cosine: unit vectors, equal scores by id, several queries at once', async () => {
    await host.open(copyOptions());
    await host.write(
      's-0',
      upsert(point(5, [2, 0, 0, 0]), point(3, [4, 0, 0, 0]), point(4, [0, 0, 0, 0]), point(9, [0, 1, 0, 0])),
    );
    const hits = await host.search('s-0', [1, 0, 0, 0, 0, 5, 0, 0], { count: 2, limit: 3 });
    expect([...hits.offsets]).toEqual([0, 3, 6]);
    expect(hits.ids).toEqual([3, 5, 4, 9, 3, 4]);
    expect([...hits.scores]).toEqual([1, 1, 0, 1, 0, 0]);
    const [zero, unit] = await host.host.retrieve('s-0', [4, 5], ALL);
    expect([...zero!.vector!, ...unit!.vector!]).toEqual([0, 0, 0, 0, 1, 0, 0, 0]);
  });

  test('a write and a read of the same turn: the read sees the write', async () => {
    await host.open(copyOptions());
    const [, count] = await Promise.all([host.write('s-0', upsert(point(1), point(2))), host.host.count('s-0', null)]);
    expect(count).toBe(2);
  });

  test('the same filter twice in one append: the second sees what came between', async () => {
    await host.open(copyOptions());
    const filter = '{"must":[{"key":"n","match":{"value":1}}]}';
    const { results } = await host.write(
      's-0',
      upsert(point(1, [1, 2, 3, 4], { n: 1 })),
      { type: 'delete', select: { filter } },
      upsert(point(2, [1, 2, 3, 4], { n: 1 }), point(3, [1, 2, 3, 4], { n: 1 })),
      { type: 'setPayload', select: { filter }, payload: '{"n":2}' },
      { type: 'delete', select: { filter } },
    );
    expect(results.map((result) => result.ok && result.points)).toEqual([1, 1, 2, 2, 0]);
    expect(await host.host.count('s-0', null)).toBe(2);
  });

  test('writing the same again leaves the index alone; a new vector does not', async () => {
    await host.stop();
    host = await TestHost.start({ tuning: { graphMinPoints: 10 } });
    await host.open(copyOptions({ metric: 'Dot' }));
    const points = Array.from({ length: 40 }, (_, id) => point(id, [id, 1, 2, 3], { id }));
    await host.write('s-0', upsert(...points));
    await host.indexed('s-0');
    await host.write('s-0', upsert(...points), upsert({ ...points[3]!, payload: '{"other":1}' }));
    expect(await host.host.stats('s-0')).toMatchObject({ points: 40, deletedInGraph: 0 });
    await host.write('s-0', upsert(point(3, [7, 7, 7, 7])));
    expect(await host.host.stats('s-0')).toMatchObject({ points: 40, deletedInGraph: 1 });
    await expect(host.write('s-0', upsert(point(3, [1e19, 0, 0, 0])))).rejects.toThrow(/longer than 3e18/);
  });

  test('integers beyond 2^53 in payloads outlive a change beside them', async () => {
    await host.open(copyOptions());
    await host.write('s-0', upsert({ ...point(1), payload: '{"big":9007199254740993}' }), {
      type: 'setPayload',
      select: { ids: [1] },
      payload: '{"x":1}',
    });
    const [found] = await host.host.retrieve('s-0', [1], ALL);
    expect(found!.payload).toBe('{"big":9007199254740993,"x":1}');
    expect(await host.host.count('s-0', '{"must":[{"key":"big","match":{"value":9007199254740993}}]}')).toBe(1);
    expect(await host.host.count('s-0', '{"must":[{"key":"big","match":{"value":9007199254740992}}]}')).toBe(0);
  });
});

describe('payload indexes', () => {
  test('over a filled shard: same answers before, while and after it is built; order_by', async () => {
    await host.open(copyOptions());
    const points = Array.from({ length: 900 }, (_, id) =>
      point(id, [1, id, 2, 3], { n: id % 10, when: `2024-01-0${1 + (id % 9)}`, tags: ['t' + (id % 3)] }),
    );
    await host.write('s-0', upsert(...points));
    const filters = [
      '{"must":[{"key":"n","range":{"gt":7}},{"key":"tags","match":{"value":"t1"}}]}',
      '{"must":[{"key":"when","range":{"gte":"2024-01-09T00:00:00Z"}}]}',
      '{"should":[{"key":"tags","match":{"any":["t0","t2"]}}],"must_not":[{"key":"n","match":{"value":3}}]}',
    ];
    const before = await Promise.all(filters.map((filter) => host.host.count('s-0', filter)));
    expect(before).toEqual([60, 100, 540]);
    const order = { field: 'n', direction: 'desc' as const, startFrom: 8 };
    const scroll = { from: null, limit: 3, filter: filters[0]!, fields: { payload: false, vector: false }, order };
    await expect(host.host.scroll('s-0', scroll)).rejects.toMatchObject({ field: 'order_by.key' });
    await host.host.configure('s-0', {
      payloadIndexes: [
        { field: 'n', type: 'integer' },
        { field: 'when', type: 'datetime' },
        { field: 'tags', type: 'keyword' },
      ],
    });
    for (let round = 0; round < 20; round++) {
      expect(await Promise.all(filters.map((filter) => host.host.count('s-0', filter)))).toEqual(before);
      const page = await host.host.scroll('s-0', scroll);
      expect(page.points.map(({ id, orderValue }) => [id, orderValue])).toEqual([
        [28, 8],
        [58, 8],
        [88, 8],
      ]);
      expect(page.more).toBe(true);
      await host.write('s-0', upsert(points[round]!));
    }
    await host.host.close('s-0');
    await host.open(copyOptions({ payloadIndexes: [{ field: 'n', type: 'integer' }] }));
    expect(await Promise.all(filters.map((filter) => host.host.count('s-0', filter)))).toEqual(before);
  });
});
