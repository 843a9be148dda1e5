import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { pointIdKey, type PointId } from '#model/point-id.ts';
import { evenSlots, SLOTS, slotOf, type Slots } from '#model/slot.ts';
import { combineDigests } from './digest.ts';
import { decodeBatch } from './export-codec.ts';
import type { Selector, Write } from './operations.ts';
import type { RangeBatch } from './shard-host.ts';
import { copyOptions, randomFrom, TestHost } from './testing.ts';

let host: TestHost;
const TARGET = 't-0';
const ALL: Slots = { from: 0, to: SLOTS - 1 };

beforeEach(async () => {
  host = await TestHost.start();
  await host.open(copyOptions());
  await host.open(copyOptions({}, { shard: TARGET, shardUid: 'uid-1', allocationId: 'b0' }));
});
afterEach(() => host.stop());

function upserts(from: number, to: number, mark = 0): Write {
  const points = Array.from({ length: to - from }, (_, i) => ({
    id: from + i,
    vector: (from + i) % 7 === 0 ? null : Float32Array.of(1, from + i, mark, 3),
    payload: JSON.stringify({ n: i, list: [1, 2, 3, 4], mark }),
  }));
  return { type: 'upsert', points };
}

async function readAll(slots: Slots | null, limit: number): Promise<{ ids: PointId[]; reads: RangeBatch[] }> {
  const reads: RangeBatch[] = [];
  for (let last: RangeBatch | undefined; last?.done !== true;) {
    last = await host.host.readRange('s-0', slots, last?.lastKey ?? null, limit);
    reads.push(last);
  }
  return { ids: reads.flatMap(({ batch }) => decodeBatch(batch).map(({ id }) => id)), reads };
}

describe('readRange', () => {
  test.each([[null], [{ from: 0, to: 4_000 }], [{ from: 9_000, to: 9_000 }]])(
    'every point of the slots once, in key order, whatever the limit: %j',
    async (slots) => {
      await host.write('s-0', upserts(0, 1_000));
      const expected = Array.from({ length: 1_000 }, (_, id) => id).filter(
        (id) => slots === null || (slotOf(id) >= slots.from && slotOf(id) <= slots.to),
      );
      for (const limit of [1, 7, 64, 1_000, 5_000]) expect((await readAll(slots, limit)).ids).toEqual(expected);
    },
  );

  test('work a call is bounded: few matches come in several empty batches', async () => {
    await host.write('s-0', upserts(0, 20_000));
    const { reads, ids } = await readAll({ from: 1, to: 1 }, 1_000);
    expect(reads.length).toBeGreaterThan(3);
    expect(ids.every((id) => slotOf(id) === 1)).toBe(true);
  });

  test('says at which moment it was', async () => {
    expect(await host.host.readRange('s-0', null, null, 10)).toMatchObject({ done: true, lastKey: null, seqNo: 0 });
    await host.write('s-0', upserts(0, 1));
    await host.host.append('s-0', 4, [upserts(1, 2)]);
    // A later primary is known, its first entry is not there yet.
    await host.host.apply('s-0', 6, new Uint8Array(0));
    expect(await host.host.readRange('s-0', null, null, 10)).toMatchObject({ seqNo: 2, term: 4 });
    expect(await host.host.logTerm('s-0', 1)).toBe(1);
    expect(await host.host.logTerm('s-0', 3)).toBeNull();
  });
});

describe('digests', () => {
  test('of parts add up to that of the whole', async () => {
    await host.write('s-0', upserts(0, 500));
    const whole = await host.host.digest('s-0');
    for (const parts of [1, 2, 5]) {
      const digests = await Promise.all(evenSlots(parts).map((slots) => host.host.digest('s-0', slots)));
      expect(combineDigests(digests.map(({ digest }) => digest))).toBe(whole.digest);
      expect(digests.reduce((sum, { points }) => sum + points, 0)).toBe(500);
      const buckets = await host.host.digestBuckets('s-0', parts);
      expect(buckets).toEqual({ seqNo: 1, digests: expect.any(Array) });
      // 16384 divides by 1 and 2 without a rest.
      if (parts !== 5) expect(buckets.digests).toEqual(digests.map(({ digest }) => digest));
      expect(combineDigests(buckets.digests)).toBe(whole.digest);
    }
    expect(() => combineDigests(['x'])).toThrow(RangeError);
  });

  test('hold at one seqNo though writes go on', async () => {
    await host.write('s-0', upserts(0, 20_000));
    const before = await host.host.digest('s-0');
    const [during] = await Promise.all([
      host.host.digestBuckets('s-0', 16),
      ...Array.from({ length: 20 }, (_, i) => host.write('s-0', upserts(i * 1_000, i * 1_000 + 3, 1))),
    ]);
    expect(combineDigests(during.digests)).toBe(before.digest);
    expect(during.seqNo).toBe(1);
  });
});

describe('a shard filled from another', () => {
  const slots: Slots = { from: 2_000, to: 12_000 };

  async function equal(): Promise<void> {
    const [source, target] = [await host.host.digest('s-0', slots), await host.host.digest(TARGET, slots)];
    expect([target.points, target.digest]).toEqual([source.points, source.digest]);
  }

  async function copyRange(limit: number, between: () => Promise<unknown>): Promise<void> {
    let applied = (await host.host.stats('s-0')).seqNo;
    let after: Uint8Array | null = null;
    for (let done = false; !done;) {
      const part: RangeBatch = await host.host.readRange('s-0', slots, after, limit);
      if (after !== null) await follow(applied, part.seqNo, after);
      applied = part.seqNo;
      const throughKey = part.done ? null : part.lastKey;
      await host.host.ingestRange(TARGET, 1, { slots, afterKey: after, throughKey, batch: part.batch });
      ({ lastKey: after, done } = part);
      await between();
    }
    await follow(applied, (await host.host.stats('s-0')).seqNo, null);
  }

  async function follow(from: number, through: number, throughKey: Uint8Array | null): Promise<void> {
    for (let seqNo = from + 1; seqNo <= through; seqNo++) {
      const read = await host.host.readLog('s-0', seqNo, 1);
      await host.host.ingestEntries(TARGET, 1, { slots, throughKey, entries: read!.entries });
    }
  }

  test('is equal by slots after a scan under writes, and gets rid of what it had', async () => {
    await host.write('s-0', upserts(0, 2_000));
    await host.write(TARGET, upserts(1_500, 2_500, 9));
    const random = randomFrom(11);
    await copyRange(150, async () => {
      const at = (): number => Math.floor(random() * 2_100);
      const some = (from: number): Selector => ({
        filter: `{"must":[{"key":"n","range":{"gte":${from},"lt":${from + 300}}}]}`,
      });
      const ids = Array.from({ length: 5 }, at);
      await host.host.append('s-0', 1, [
        upserts(at(), at() + 5, 2),
        { type: 'delete', select: { ids } },
        { type: 'deletePayload', select: some(at()), keys: ['list[0]', 'z'] },
        { type: 'setPayload', select: some(at()), payload: '{"z":1}' },
        { type: 'setPayload', select: some(at()), payload: '{"y":1}' },
      ]);
    });
    await equal();
    // A replica of the target is the same by log alone.
    await host.open(copyOptions({}, { shard: 'r', allocationId: 'r0' }));
    const log = await host.host.readLog(TARGET, 1, 1e9);
    await host.host.apply('r', 1, log!.entries);
    expect(await host.host.digest('r')).toEqual(await host.host.digest(TARGET));
  });

  test('a second scan of equal points logs nothing', async () => {
    await host.write('s-0', upserts(0, 300));
    await copyRange(100, () => Promise.resolve());
    const { seqNo } = await host.host.stats(TARGET);
    await copyRange(70, () => Promise.resolve());
    expect((await host.host.stats(TARGET)).seqNo).toBe(seqNo);
    const { batch } = await host.host.readRange('s-0', slots, null, 10);
    const again = await host.host.ingestRange(TARGET, 1, {
      slots,
      afterKey: null,
      throughKey: pointIdKey(decodeBatch(batch).at(-1)!.id),
      batch,
    });
    expect(again).toMatchObject({ results: [], entries: new Uint8Array(0), lastSeqNo: seqNo });
  });

  test('a batch of another range, a damaged batch, a stale term', async () => {
    await host.write('s-0', upserts(0, 300));
    const { batch, lastKey } = await host.host.readRange('s-0', ALL, null, 300);
    const ingest = (range: Partial<Parameters<typeof host.host.ingestRange>[2]>, term = 2) =>
      host.host.ingestRange(TARGET, term, { slots: ALL, afterKey: null, throughKey: lastKey, batch, ...range });
    await expect(ingest({ slots })).rejects.toMatchObject({ code: 'ANN_BAD_REQUEST' });
    await expect(ingest({ afterKey: pointIdKey(5) })).rejects.toMatchObject({ code: 'ANN_BAD_REQUEST' });
    await expect(ingest({ throughKey: pointIdKey(5) })).rejects.toMatchObject({ code: 'ANN_BAD_REQUEST' });
    const damaged = Uint8Array.from(batch);
    damaged[99]! ^= 1;
    await expect(ingest({ batch: damaged })).rejects.toMatchObject({ code: 'ANN_BAD_REQUEST' });
    expect(await host.host.count(TARGET, null)).toBe(0);
    await ingest({});
    await expect(ingest({}, 1)).rejects.toMatchObject({ code: 'ANN_STALE_TERM' });
    expect(await host.host.count(TARGET, null)).toBe(300);
  });
});
