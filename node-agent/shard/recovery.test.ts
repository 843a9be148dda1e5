import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Selector, Write } from './operations.ts';
import type { ImportBatch, ImportFrom } from './shard-host.ts';
import { copyOptions, randomFrom, TestHost } from './testing.ts';

let host: TestHost;
const source = copyOptions();
const target = copyOptions({}, { shard: 'copy', allocationId: 'a1' });

beforeEach(async () => {
  host = await TestHost.start({ tuning: { graphMinPoints: 50, flatTailMaxPoints: 100 } });
  await host.open(source);
  await host.open(target);
  await host.write('s-0', upserts(0, 250));
});
afterEach(() => host.stop());

function upserts(from: number, to: number, mark = 0): Write {
  const points = Array.from({ length: to - from }, (_, i) => ({
    id: from + i,
    vector: (from + i) % 7 === 0 ? null : Float32Array.of(1, from + i, 2, 3),
    payload: JSON.stringify({ n: from + i, mark, list: [1, 2, 3, 4, 5] }),
  }));
  return { type: 'upsert', points };
}

async function moment(): Promise<ImportFrom> {
  const { seqNo, term, points } = await host.host.stats('s-0');
  return { seqNo, term, total: points };
}

async function read(afterKey: Uint8Array | null, limit = 40): Promise<ImportBatch & { done: boolean }> {
  return { ...(await host.host.readRange('s-0', null, afterKey, limit)), afterKey };
}

/** Batches after a key; `between` runs after each and says whether to go on. */
async function copyFrom(key: Uint8Array | null, session: string, between = async () => true): Promise<ImportBatch> {
  for (let after = key; ;) {
    const part = await read(after);
    await host.host.importBatch('copy', session, part);
    if (part.done || !(await between())) return part;
    after = part.lastKey;
  }
}

async function applyLog(from: number): Promise<void> {
  const log = await host.host.readLog('s-0', from, 1e9);
  await host.host.apply('copy', 1, log!.entries);
}

async function equal(): Promise<void> {
  expect(await host.host.digest('copy')).toEqual(await host.host.digest('s-0'));
  const query = [1, 200, 2, 3];
  const exact = (await host.search('s-0', query, { exact: true })).ids;
  expect((await host.search('copy', query, { exact: true })).ids).toEqual(exact);
  // By the graph that the import built.
  expect((await host.search('copy', query)).ids.slice(0, 3)).toEqual(exact.slice(0, 3));
}

/** Writes that do not come out the same when they are applied twice. */
function disturb(random: () => number): () => Promise<boolean> {
  const at = (): number => Math.floor(random() * 260);
  const some = (from: number): Selector => ({
    filter: `{"must":[{"key":"n","range":{"gte":${from},"lt":${from + 60}}}]}`,
  });
  return async () => {
    const from = at();
    await host.host.append('s-0', 1, [
      upserts(from, from + 3, 1),
      { type: 'delete', select: { ids: [at(), at(), at()] } },
      { type: 'deletePayload', select: some(at()), keys: ['list[0]', 'z'] },
      { type: 'setPayload', select: some(at()), payload: '{"z":1}' },
      { type: 'setPayload', select: some(at()), payload: '{"y":1}' },
    ]);
    return true;
  };
}

describe('a copy is made from another', () => {
  test.each([1, 2, 3, 4, 5])('from live points and the log, under writes (seed %i)', async (seed) => {
    const from = await moment();
    await host.host.beginImport('copy', 'x', from);
    const last = await copyFrom(null, 'x', disturb(randomFrom(seed)));
    await host.host.finishImport('copy', 'x', last);
    // It has points of different moments until the log is there.
    await expect(host.host.count('copy', null)).rejects.toMatchObject({ code: 'ANN_NOT_READY' });
    await disturb(randomFrom(seed + 100))();
    const log = await host.host.readLog('s-0', from.seqNo + 1, 1);
    await host.host.apply('copy', 1, log!.entries);
    await expect(host.search('copy', [1, 1, 1, 1])).rejects.toMatchObject({ code: 'ANN_NOT_READY' });
    await applyLog(log!.nextSeqNo);
    await equal();
    await host.restart();
    await host.open(source);
    expect(await host.open({ ...target, create: false })).toMatchObject({ state: 'open', created: false });
    await equal();
  });

  test.each([0, 1, 3, 1000])('goes on after a restart of both sides, %i batches later', async (batches) => {
    const random = randomFrom(7);
    const from = await moment();
    await host.host.beginImport('copy', 'x', from);
    let left = batches;
    if (batches > 0) {
      const last = await copyFrom(null, 'x', async () => (await disturb(random)()) && --left > 0);
      if (batches === 1000) await host.host.finishImport('copy', 'x', last);
    }
    await host.restart();
    await host.open(source);
    expect(await host.open({ ...target, create: false })).toMatchObject({ state: 'open' });
    await expect(host.host.count('copy', null)).rejects.toMatchObject({ code: 'ANN_NOT_READY' });
    const half = await host.host.resumeImport('copy', 'y');
    expect(half).toMatchObject({ ...from, complete: batches === 1000 });
    if (batches > 0 && batches < 1000) expect(half!.points).toBeGreaterThanOrEqual(40 * batches);
    const last = half!.complete
      ? { seqNo: half!.sourceSeqNo, term: half!.sourceTerm }
      : await copyFrom(half!.lastKey, 'y', disturb(random));
    await host.host.finishImport('copy', 'y', last);
    await applyLog(from.seqNo + 1);
    await equal();
    expect(await host.host.resumeImport('copy', 'z')).toBeNull();
  });

  test('a gap, a damaged batch, a session that is over; the same batch twice does no harm', async () => {
    await expect(host.host.importBatch('copy', 'x', await read(null))).rejects.toMatchObject({ code: 'ANN_CONFLICT' });
    await host.host.beginImport('copy', 'x', await moment());
    const first = await read(null);
    const second = await read(first.lastKey);
    await expect(host.host.importBatch('copy', 'x', second)).rejects.toThrow(/before this one was not taken/);
    const damaged = { ...first, batch: Uint8Array.from(first.batch) };
    damaged.batch[50]! ^= 1;
    await expect(host.host.importBatch('copy', 'x', damaged)).rejects.toMatchObject({ code: 'ANN_BAD_REQUEST' });
    await host.host.importBatch('copy', 'x', first);
    await host.host.importBatch('copy', 'x', second);
    await host.host.importBatch('copy', 'x', first);
    expect(await host.host.resumeImport('copy', 'y')).toMatchObject({ lastKey: second.lastKey });
    await expect(host.host.importBatch('copy', 'x', second)).rejects.toThrow(/session x is over/);
    await expect(host.host.finishImport('copy', 'x', second)).rejects.toThrow(/session x is over/);
    const last = await copyFrom(second.lastKey, 'y');
    await host.host.finishImport('copy', 'y', last);
    await equal();
  });

  test('beginning anew forgets all', async () => {
    await host.write('copy', upserts(900, 950));
    const from = await moment();
    await host.host.beginImport('copy', 'x', from);
    await host.host.importBatch('copy', 'x', await read(null));
    await host.host.beginImport('copy', 'y', from);
    expect(await host.host.resumeImport('copy', 'y')).toMatchObject({ lastKey: null, points: 0 });
    await host.host.finishImport('copy', 'y', await copyFrom(null, 'y'));
    await equal();
  });
});

describe('the digest', () => {
  test('does not depend on order or history, but on every id, vector and payload', async () => {
    await host.open(copyOptions({}, { shard: 'other', allocationId: 'a2' }));
    const base = [...Array(20).keys()].map((id) => ({
      id,
      vector: Float32Array.of(1, id, 2, 3),
      payload: '{"a":1}' as string | null,
    }));
    await host.write('other', { type: 'upsert', points: base.toReversed() });
    await host.write('copy', { type: 'upsert', points: base.slice(0, 10) }, { type: 'upsert', points: base });
    const { digest } = await host.host.digest('copy');
    expect((await host.host.digest('other')).digest).toBe(digest);
    const changes: Write[] = [
      { type: 'clearPayload', select: { ids: [3] } },
      { type: 'updateVectors', points: [{ id: 3, vector: Float32Array.of(1, 3, 2, 3.0001) }] },
      { type: 'deleteVectors', select: { ids: [3] } },
      { type: 'delete', select: { ids: [3] } },
      { type: 'setPayload', select: { ids: [3] }, payload: '{"a":2}' },
    ];
    for (const change of changes) {
      await host.write('other', change);
      expect((await host.host.digest('other')).digest).not.toBe(digest);
      await host.write('other', { type: 'upsert', points: base });
      expect((await host.host.digest('other')).digest).toBe(digest);
    }
  });
});
