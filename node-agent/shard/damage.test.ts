import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { Write } from './operations.ts';
import { pino } from 'pino';
import { createShardHost } from './host.ts';
import { copyOptions, randomFrom, TestHost } from './testing.ts';
import { ShardCopy } from './copy.ts';
import { isDiskFull } from './damaged.ts';
import { SETTINGS } from './testing.ts';
import { tune } from './schema.ts';
import { Store } from './store.ts';

let host: TestHost;
afterEach(() => host.stop());
const options = copyOptions();

function upserts(count: number, size = 10): Write {
  const random = randomFrom(5);
  const points = Array.from({ length: count }, (_, id) => ({
    id,
    vector: Float32Array.from({ length: 4 }, () => random() - 0.5),
    payload: JSON.stringify({ id, text: 'x'.repeat(size) }),
  }));
  return { type: 'upsert', points };
}

const FLIPS = 40;

async function filled(count: number, tuning = {}, size = 10): Promise<string> {
  host = await TestHost.start({ tuning });
  await host.open(options);
  await host.write('s-0', upserts(count, size));
  return host.folder(options);
}

test('a file that its maker never finished is made again, but only where an empty copy may be made', async () => {
  host = await TestHost.start({});
  mkdirSync(host.folder(options), { recursive: true });
  const db = new DatabaseSync(join(host.folder(options), 'points.sqlite'));
  tune(db);
  db.close();
  expect(await host.open({ ...options, create: false })).toMatchObject({ state: 'failed' });
  expect(await host.open({ ...options, create: true })).toMatchObject({ state: 'open', created: true, seqNo: 0 });
});

describe('a damaged database is not served', () => {
  async function damage(sql: string): Promise<void> {
    const folder = await filled(20);
    await host.host.close('s-0');
    const db = new DatabaseSync(join(folder, 'points.sqlite'));
    db.exec(sql);
    db.close();
  }

  test.each([
    ['a vector', `UPDATE points SET vector = zeroblob(16) WHERE label = 5`],
    ['a payload', `UPDATE points SET payload = '{"id":4,"text":"y"}' WHERE label = 5`],
  ])('%s', async (_name, sql) => {
    await damage(sql);
    const failures: string[][] = [];
    host.host.onExit((shards) => failures.push(shards));
    const opened = await host.open({ ...options, create: false });
    if (opened.state === 'open') {
      const scroll = { from: null, limit: 100, filter: null, fields: { payload: true, vector: true } };
      await expect(host.host.scroll('s-0', scroll)).rejects.toThrow(
        /damaged: the payload of point 4 has a wrong checksum/,
      );
      await expect(host.host.count('s-0', null)).rejects.toMatchObject({ code: 'ANN_SHARD_UNAVAILABLE' });
      expect(failures).toEqual([['s-0']]);
      await host.host.close('s-0');
    }
    await expect(host.open({ ...options, create: false })).resolves.toMatchObject({
      state: 'failed',
      message: expect.stringMatching(/point 4 has a wrong checksum/),
    });
  });

  test.each([
    ['a lost row', 'DELETE FROM points WHERE label = 5', /has 19 points, 20 were committed/],
    ['a changed position', 'UPDATE meta SET seq = 9', /meta row has a wrong checksum/],
    ['another shard', `UPDATE meta SET uid = 'other'`, /belongs to shard uid other/],
    ['a newer format', 'PRAGMA user_version = 99', /format 99/],
  ])('%s', async (_name, sql, message) => {
    await damage(sql);
    expect(await host.open({ ...options, create: false })).toEqual({
      state: 'failed',
      message: expect.stringMatching(message),
    });
  });

  test('a file that is no database', async () => {
    const folder = await filled(20);
    await host.host.close('s-0');
    for (const name of readdirSync(folder)) rmSync(join(folder, name));
    writeFileSync(join(folder, 'points.sqlite'), Buffer.alloc(20_000, 7));
    expect(await host.open({ ...options, create: false })).toMatchObject({ state: 'failed' });
  });
});

describe('flipped bits in the database', () => {
  test('anywhere: what was written is answered, or nothing', async () => {
    const seed = Number(process.env['ANNULUS_SEED'] ?? Date.now() % 1_000_000);
    const random = randomFrom(seed);
    const folder = await filled(300, {}, 200);
    const scroll = { from: null, limit: 1_000, filter: null, fields: { payload: true, vector: true } };
    const expected = [await host.host.digest('s-0'), await host.host.scroll('s-0', scroll)];
    await host.restart();
    const whole = readFileSync(join(folder, 'points.sqlite'));
    let found = 0;
    for (let i = 0; i < FLIPS; i++) {
      const copy = copyOptions({}, { shard: `f-${i}`, allocationId: `f${i}`, create: false });
      mkdirSync(host.folder(copy), { recursive: true });
      const bytes = Buffer.from(whole);
      const bit = Math.floor(random() * bytes.length * 8);
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      writeFileSync(join(host.folder(copy), 'points.sqlite'), bytes);
      try {
        const opened = await host.open(copy);
        if (opened.state !== 'open') throw new Error(opened.state);
        const [digest, page] = [await host.host.digest(copy.shard), await host.host.scroll(copy.shard, scroll)];
        const told = `ANNULUS_SEED=${seed}, flip ${i}, bit ${bit}`;
        expect([told, digest, page]).toEqual([told, ...expected]);
      } catch (error) {
        if (error instanceof Error && 'matcherResult' in error) throw error;
        found++;
      }
      await host.host.destroy(copy.shardUid, copy.allocationId);
    }
    // Log and empty space take the others.
    expect(found).toBeGreaterThan(0);
  });

  test('in an entry of the log: it is not sent, and what needs it is recovered whole', async () => {
    const folder = await filled(20);
    await host.write('s-0', upserts(3), upserts(4));
    await host.host.close('s-0');
    const db = new DatabaseSync(join(folder, 'points.sqlite'));
    db.exec('UPDATE log SET entry = zeroblob(length(entry)) WHERE seq = 2');
    db.close();
    await host.open({ ...options, create: false });
    expect(await host.host.readLog('s-0', 1, 1e9)).toMatchObject({ nextSeqNo: 2 });
    expect(await host.host.readLog('s-0', 2, 1e9)).toBeNull();
    expect(await host.host.readLog('s-0', 3, 1e9)).toMatchObject({ nextSeqNo: 4 });
  });
});

describe('index snapshots', () => {
  const tuning = { graphMinPoints: 50, filterExactMaxPoints: 0 };
  const query = [0.3, -0.2, 0.1, 0.4];

  test.each<[string, (path: string) => void]>([
    ['whole', () => undefined],
    ['gone', (path) => rmSync(path)],
    ['torn', (path) => writeFileSync(path, readFileSync(path).subarray(0, 5000))],
    [
      'with a flipped bit',
      (path) => {
        const bytes = readFileSync(path);
        bytes[bytes.length >> 1]! ^= 1;
        writeFileSync(path, bytes);
      },
    ],
  ])('%s: same answers after a restart', async (_name, spoil) => {
    const folder = await filled(300, tuning);
    await host.indexed('s-0');
    const before = await host.search('s-0', query);
    await host.restart();
    const file = readdirSync(folder).find((name) => name.endsWith('.hnsw'));
    expect(file).toBeDefined();
    spoil(join(folder, file!));
    await host.open(options);
    expect(await host.search('s-0', query)).toMatchObject({ ids: before.ids });
    await host.indexed('s-0');
    expect((await host.search('s-0', query)).ids).toEqual(before.ids);
    expect((await host.search('s-0', query, { exact: true })).ids).toEqual(before.ids);
  });

  test('an old one is brought up to date: what came is added, what went is not found', async () => {
    const folder = await filled(300, tuning);
    await host.indexed('s-0');
    await host.restart();
    const files = readdirSync(folder).filter((name) => name.startsWith('graph'));
    const old = files.map((name) => [name, readFileSync(join(folder, name))] as const);
    await host.open(options);
    const [nearest] = (await host.search('s-0', query)).ids;
    await host.write(
      's-0',
      { type: 'delete', select: { ids: [nearest!] } },
      { type: 'upsert', points: [{ id: 999, vector: Float32Array.from(query), payload: null }] },
    );
    await host.indexed('s-0');
    await host.restart();
    for (const name of readdirSync(folder)) if (name.startsWith('graph')) rmSync(join(folder, name));
    for (const [name, bytes] of old) writeFileSync(join(folder, name), bytes);
    await host.open(options);
    const hits = await host.search('s-0', query);
    expect(hits.ids[0]).toBe(999);
    expect(hits.ids).not.toContain(nearest);
    expect(hits.ids).toEqual((await host.search('s-0', query, { exact: true })).ids);
  });

  test('too many deleted: the graph is rebuilt, then given up when few are left', async () => {
    await filled(400, { ...tuning, flatTailMaxPoints: 20 });
    await host.indexed('s-0');
    const drop = async (from: number, to: number): Promise<void> => {
      const ids = Array.from({ length: to - from }, (_, i) => from + i);
      await host.write('s-0', { type: 'delete', select: { ids } });
      for (let i = 0; i < 200 && (await host.host.stats('s-0')).deletedInGraph > 0; i++)
        await new Promise((r) => setTimeout(r, 5));
      const hits = await host.search('s-0', query);
      expect(hits.ids).toEqual((await host.search('s-0', query, { exact: true })).ids);
      expect(hits.ids.every((id) => Number(id) >= to)).toBe(true);
    };
    await drop(0, 150);
    expect((await host.host.stats('s-0')).deletedInGraph).toBe(0);
    await drop(150, 380);
    expect((await host.host.stats('s-0')).memoryBytes).toBeLessThan(1_000_000);
  });
});

describe('a full disk', () => {
  test('under the reserve: writes are refused, deletes and reads are not', async () => {
    host = await TestHost.start({ diskReserveBytes: Number.MAX_SAFE_INTEGER });
    await host.open(options);
    await expect(host.write('s-0', upserts(1))).rejects.toMatchObject({ code: 'ANN_DISK_FULL' });
    await host.write('s-0', { type: 'delete', select: { ids: [1] } });
    expect(await host.host.count('s-0', null)).toBe(0);
    await host.host.beginImport('s-0', 'x', { seqNo: 0, term: 0, total: 1 });
    const part = { batch: new Uint8Array(9), afterKey: null, lastKey: null, seqNo: 0, term: 0 };
    await expect(host.host.importBatch('s-0', 'x', part)).rejects.toMatchObject({ code: 'ANN_DISK_FULL' });
  });

  test('under the reserve a replica takes what it has already, and deletes, nothing else', async () => {
    host = await TestHost.start();
    const replica = copyOptions({}, { shard: 'r', allocationId: 'a1' });
    await host.open(options);
    await host.open(replica);
    const first = await host.write('s-0', upserts(3));
    const gone = await host.write('s-0', { type: 'delete', select: { ids: [1] } });
    const more = await host.write('s-0', upserts(5));
    await host.host.apply('r', 1, first.entries);
    await host.host.shutdown();
    const full = { node: 'ring-8', diskReserveBytes: Number.MAX_SAFE_INTEGER };
    host.host = await createShardHost({
      dataDir: host.directory,
      workers: 1,
      logger: pino({ level: 'silent' }),
      ...full,
    });
    await host.open(replica);
    expect(await host.host.apply('r', 1, first.entries)).toMatchObject({ seqNo: 1 });
    expect(await host.host.apply('r', 1, gone.entries)).toMatchObject({ seqNo: 2 });
    await expect(host.host.apply('r', 1, more.entries)).rejects.toMatchObject({
      code: 'ANN_DISK_FULL',
      message: expect.stringMatching(/^node ring-8, shard r: .* MiB of disk are free/),
    });
    expect(await host.host.count('r', null)).toBe(2);
  });

  test('SQLITE_FULL: the turn is undone in the database and in memory, and the copy lives on', async () => {
    const folder = await filled(0);
    const store = new Store(join(folder, 'other.sqlite'), 'u', true);
    const copy = new ShardCopy(store, structuredClone(SETTINGS));
    copy.append(1, [upserts(10)]);
    copy.commit();
    store.db.exec(`PRAGMA max_page_count = ${Number(store.get('PRAGMA page_count')![0]) + 4}`);
    let failure: unknown;
    try {
      copy.append(1, [{ type: 'delete', select: { ids: [3] } }, upserts(200, 4000)]);
      copy.commit();
    } catch (error) {
      failure = error;
    }
    expect(isDiskFull(failure)).toBe(true);
    copy.rollback();
    expect(copy.position).toEqual({ seqNo: 1, term: 1 });
    expect([copy.count(null), copy.ids.size, copy.index.size]).toEqual([10, 10, 10]);
    copy.append(1, [{ type: 'delete', select: { ids: [3] } }]);
    copy.commit();
    expect(copy.count(null)).toBe(9);
    store.close();
    expect(existsSync(join(folder, 'failed.txt'))).toBe(false);
  });
});
