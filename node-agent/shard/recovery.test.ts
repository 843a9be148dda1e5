import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { pointIdKey } from '#model/point-id.ts';
import type { Write } from './operations.ts';
import { copyOptions, TestHost } from './testing.ts';

let host: TestHost;
const source = copyOptions();
const target = copyOptions({}, { shard: 'copy', allocationId: 'a1' });

beforeEach(async () => {
  host = await TestHost.start();
  await host.open(source);
  await host.open(target);
  await host.write('s-0', upserts(0, 250));
});
afterEach(() => host.stop());

function upserts(from: number, to: number): Write {
  const points = Array.from({ length: to - from }, (_, i) => ({
    id: from + i,
    vector: i % 7 === 0 ? null : Float32Array.of(1, from + i, 2, 3),
    payload: JSON.stringify({ n: i }),
  }));
  return { type: 'upsert', points };
}

async function copyAll(session: string): Promise<number> {
  let after: Uint8Array | null = null;
  let batches = 0;
  for (let done = false; !done; batches++) {
    const part: { batch: Uint8Array; lastKey: Uint8Array | null; done: boolean } = await host.host.readExport(
      session,
      after,
      100,
    );
    await host.host.importBatch('copy', part.batch);
    ({ lastKey: after, done } = part);
  }
  return batches;
}

describe('a copy is made from another', () => {
  test('snapshot, log tail, verification, while writes go on', async () => {
    const exported = await host.host.openExport('s-0');
    expect(exported).toMatchObject({ seqNo: 1, term: 1, points: 250 });
    await host.write('s-0', upserts(240, 260), { type: 'delete', select: { ids: [1, 2] } });
    await host.host.trimLog('s-0', 100);
    await host.host.beginImport('copy');
    await expect(host.host.count('copy', null)).rejects.toMatchObject({ code: 'ANN_NOT_READY' });
    expect(await copyAll(exported.session)).toBe(3);
    await host.host.finishImport('copy', exported);
    await host.host.closeExport(exported.session);
    // The log that the new copy needs was not trimmed under it.
    const tail = await host.host.readLog('s-0', exported.seqNo + 1, 1e6);
    expect(await host.host.apply('copy', 1, tail!.entries)).toEqual({ seqNo: 3, term: 1 });
    expect(await host.host.digest('copy')).toEqual(await host.host.digest('s-0'));
    expect((await host.search('copy', [1, 255, 2, 3])).ids).toEqual((await host.search('s-0', [1, 255, 2, 3])).ids);
    await host.restart();
    expect(await host.open({ ...target, create: false })).toMatchObject({ state: 'open', seqNo: 3 });
    expect((await host.host.digest('copy')).points).toBe(258);
  });

  test('a lost batch, a damaged batch, a cut import', async () => {
    const exported = await host.host.openExport('s-0');
    await host.host.beginImport('copy');
    const part = await host.host.readExport(exported.session, pointIdKey(99), 100);
    await host.host.importBatch('copy', part.batch);
    await expect(host.host.finishImport('copy', exported)).rejects.toThrow(/has 100 points/);
    part.batch[50]! ^= 1;
    await expect(host.host.importBatch('copy', part.batch)).rejects.toMatchObject({ code: 'ANN_BAD_REQUEST' });
    await host.restart();
    // Still marked as half imported.
    expect(await host.open({ ...target, create: false })).toMatchObject({ state: 'open', seqNo: 0 });
    await expect(host.search('copy', [1, 1, 1, 1])).rejects.toMatchObject({ code: 'ANN_NOT_READY' });
    await host.open(source);
    const again = await host.host.openExport('s-0');
    await host.host.beginImport('copy');
    await copyAll(again.session);
    await host.host.finishImport('copy', again);
    expect(await host.host.digest('copy')).toEqual(await host.host.digest('s-0'));
  });

  test('import without begin, sessions that are gone', async () => {
    const exported = await host.host.openExport('s-0');
    const { batch } = await host.host.readExport(exported.session, null, 10);
    await expect(host.host.importBatch('copy', batch)).rejects.toMatchObject({ code: 'ANN_CONFLICT' });
    await host.host.close('s-0');
    await expect(host.host.readExport(exported.session, null, 10)).rejects.toMatchObject({ code: 'ANN_NOT_FOUND' });
    await expect(host.host.readExport('nonsense', null, 10)).rejects.toMatchObject({ code: 'ANN_NOT_FOUND' });
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
