import { crc32 } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { GraphOffer, GraphPart, ImportBatch, ImportFrom } from './shard-host.ts';
import { copyOptions, randomFrom, TestHost } from './testing.ts';

// A recovery brings the source's graph: what is found afterwards must be what the source finds, whatever happens on the way.

const POINTS = 1_500;
const DIMENSION = 16;
const PART_BYTES = 50_000;
const settings = { dimension: DIMENSION, hnsw: { m: 8, efConstruction: 40, efSearch: 40 } };
const source = copyOptions(settings);
const target = copyOptions(settings, { shard: 'copy', allocationId: 'a1' });
const other = copyOptions(settings, { shard: 'other', allocationId: 'a2' });
const CENTRES = Array.from({ length: 30 }, (_, c) => {
  const random = randomFrom(c + 1000);
  return Array.from({ length: DIMENSION }, () => random() * 2 - 1);
});

let host: TestHost;
let random: () => number;

beforeEach(async () => {
  random = randomFrom(5);
  host = await TestHost.start({ tuning: { graphMinPoints: 50, flatTailMaxPoints: 100, filterExactMaxPoints: 10 } });
  for (const options of [source, target, other]) await host.open(options);
  // Labels in another order than keys.
  for (let to = POINTS; to > 0; to -= 100) await upsert('s-0', to - 100, to);
  await host.indexed('s-0');
});
afterEach(() => host.stop());

/** Around centres, as embeddings are. */
function vector(): Float32Array {
  const centre = CENTRES[Math.floor(random() * CENTRES.length)]!;
  return Float32Array.from(centre, (x) => x + (random() - 0.5) * 0.6);
}

async function upsert(shard: string, from: number, to: number): Promise<void> {
  const points = Array.from({ length: to - from }, (_, i) => ({ id: from + i, vector: vector(), payload: null }));
  await host.write(shard, { type: 'upsert', points });
}

async function moment(shard = 's-0'): Promise<ImportFrom> {
  const { seqNo, term, points, labels } = await host.host.stats(shard);
  return { seqNo, term, total: points, labels: labels! };
}

/** Batches after a key; `between` runs after each and says whether to go on. */
async function copyFrom(
  shard: string,
  key: Uint8Array | null,
  session: string,
  between = async () => true,
  into = 'copy',
): Promise<ImportBatch> {
  for (let afterKey = key; ;) {
    const part = { ...(await host.host.readRange(shard, null, afterKey, 200)), afterKey };
    await host.host.importBatch(into, session, part);
    if (part.done || !(await between())) return part;
    afterKey = part.lastKey;
  }
}

async function* partsOf(offer: GraphOffer): AsyncGenerator<GraphPart> {
  for (let offset = 0; offset < offer.bytes; offset += PART_BYTES) {
    const data = await host.host.readGraph('s-0', offer.file, offset, Math.min(PART_BYTES, offer.bytes - offset));
    yield { offer, offset, data, dataCrc32: crc32(data) };
  }
}

/** Sends the graph of s-0; `spoil` may change a part. Gives why it was refused. */
async function send(session: string, offer: GraphOffer, spoil = (part: GraphPart) => part): Promise<string> {
  for await (const part of partsOf(offer)) {
    const refused = await host.host.importGraph('copy', session, spoil(part));
    if (refused !== '') return refused;
  }
  return '';
}

async function applyLog(shard: string, from: number): Promise<void> {
  const log = await host.host.readLog(shard, from, 1e9);
  await host.host.apply('copy', 1, log!.entries);
}

async function recall(shard: string): Promise<number> {
  random = randomFrom(99);
  let found = 0;
  for (let i = 0; i < 100; i++) {
    const query = [...vector()];
    const truth = new Set((await host.search(shard, query, { exact: true })).ids);
    found += (await host.search(shard, query)).ids.filter((id) => truth.has(id)).length;
  }
  return found / 1000;
}

/** Every point is found by its own vector, and the copy finds as much as its source. */
async function sound(): Promise<void> {
  expect(await host.host.digest('copy')).toEqual(await host.host.digest('s-0'));
  await host.indexed('copy');
  const fields = { payload: false, vector: true };
  const { points } = await host.host.scroll('s-0', { from: null, limit: 5_000, filter: null, fields });
  let itself = 0;
  for (const { id, vector: own } of points)
    if ((await host.search('copy', [...own!], { limit: 3 })).ids.includes(id)) itself++;
  expect(itself / points.length).toBeGreaterThan(0.985);
  const [there, here] = [await recall('s-0'), await recall('copy')];
  expect(there).toBeGreaterThan(0.9);
  expect(here).toBeGreaterThan(there - 0.01);
}

async function reopen(): Promise<void> {
  await host.restart();
  for (const options of [source, target, other]) await host.open({ ...options, create: false });
}

/** Deletes, changed vectors and new points. */
async function disturb(): Promise<boolean> {
  const at = (): number => Math.floor(random() * POINTS);
  await host.write('s-0', { type: 'delete', select: { ids: [at(), at(), at(), at()] } });
  for (let i = 0; i < 4; i++) {
    const from = at();
    await upsert('s-0', from, from + 2);
  }
  const past = POINTS + Math.floor(random() * 300);
  await upsert('s-0', past, past + 5);
  return true;
}

describe('the graph that comes along', () => {
  test('with writes before, between and after: nothing is built, and the copy finds what its source finds', async () => {
    const from = await moment();
    await host.host.beginImport('copy', 'x', from);
    await copyFrom('s-0', null, 'x', disturb);
    for (let i = 0; i < 10; i++) await disturb();
    await host.indexed('s-0');
    const offer = (await host.host.offerGraph('s-0'))!;
    expect(await send('x', offer)).toBe('');
    const { indexedPoints, points } = await host.host.stats('copy');
    expect(indexedPoints).toBeGreaterThan(points * 0.9);
    await host.host.finishImport('copy', 'x', offer);
    // As at the source: deleted there already, not yet here.
    await expect(host.search('copy', [...vector()])).rejects.toMatchObject({ code: 'ANN_NOT_READY' });
    for (let i = 0; i < 10; i++) await disturb();
    await applyLog('s-0', from.seqNo + 1);
    await sound();
    await reopen();
    await sound();
    await disturb();
    await applyLog('s-0', (await host.host.stats('copy')).seqNo + 1);
    await sound();
  }, 30_000);

  test('an older one: what it lacks is added', async () => {
    expect(await host.host.offerGraph('s-0')).toMatchObject({ points: POINTS });
    await upsert('s-0', POINTS, POINTS + 400);
    await host.indexed('s-0');
    const from = await moment();
    await host.host.beginImport('copy', 'x', from);
    await copyFrom('s-0', null, 'x');
    // Lent to somebody: it stays as it is.
    const offer = (await host.host.offerGraph('s-0'))!;
    expect(offer.points).toBe(POINTS);
    expect(await send('x', offer)).toBe('');
    expect((await host.host.stats('copy')).indexedPoints).toBe(POINTS);
    await host.host.finishImport('copy', 'x', offer);
    await sound();
  });

  test.each([
    [null, ''],
    [1, 'it has labels that this copy has not given out'],
  ])(
    'labels that it has are not given to others, and without that it is not taken (%p)',
    async (nextLabel, refused) => {
      const from = await moment();
      await host.host.beginImport('copy', 'x', from);
      await copyFrom('s-0', null, 'x');
      // In the graph and not among the rows: the log brings them, under labels that the copy gives.
      await upsert('s-0', 2_000, 2_060);
      await upsert('s-0', 100, 160);
      await host.indexed('s-0');
      const offer = (await host.host.offerGraph('s-0'))!;
      expect(await send('x', nextLabel === null ? offer : { ...offer, nextLabel })).toBe(refused);
      await host.host.finishImport('copy', 'x', offer);
      await applyLog('s-0', from.seqNo + 1);
      await sound();
      await reopen();
      await sound();
    },
  );

  test('what is damaged, cut, not whole, built otherwise or of a session that is over is left out; the copy builds its own', async () => {
    const from = await moment();
    await host.host.beginImport('copy', 'x', from);
    const last = await copyFrom('s-0', null, 'x');
    const offer = (await host.host.offerGraph('s-0'))!;
    const flip = (part: GraphPart, sum: boolean): GraphPart => {
      if (part.offset !== PART_BYTES) return part;
      const data = Uint8Array.from(part.data);
      data[70]! ^= 4;
      return { ...part, data, dataCrc32: sum ? crc32(data) : part.dataCrc32 };
    };
    expect(await send('x', offer, (part) => flip(part, false))).toMatch(/damaged on its way/);
    expect(await send('x', offer, (part) => flip(part, true))).toMatch(/checksum of the file is wrong/);
    expect(await send('x', offer, (part) => ({ ...part, offset: part.offset && part.offset + 1 }))).toMatch(
      /not taken/,
    );
    expect(await send('x', { ...offer, shape: { ...offer.shape, m: 9 } })).toMatch(/other settings/);
    await expect(send('w', offer)).rejects.toMatchObject({ code: 'ANN_CONFLICT' });
    expect((await host.host.stats('copy')).indexedPoints).toBe(0);
    await host.host.finishImport('copy', 'x', last);
    await sound();
  });
});

describe('a recovery that was cut', () => {
  test('goes on with the same source and its labels; one that was all there keeps the graph', async () => {
    const from = await moment();
    await host.host.beginImport('copy', 'x', from);
    await copyFrom('s-0', null, 'x', async () => false);
    await disturb();
    await reopen();
    const half = (await host.host.resumeImport('copy', 'y', from.labels))!;
    expect(half).toMatchObject({ labels: from.labels, complete: false });
    await copyFrom('s-0', half.lastKey, 'y', disturb);
    const offer = (await host.host.offerGraph('s-0'))!;
    expect(await send('y', offer)).toBe('');
    await reopen();
    // It comes again: what is there may be of another moment than the rows to come.
    expect(await host.host.resumeImport('copy', 'z', from.labels)).toMatchObject({ labels: from.labels });
    expect((await host.host.stats('copy')).indexedPoints).toBe(0);
    expect(await send('z', (await host.host.offerGraph('s-0'))!)).toBe('');
    await host.host.finishImport('copy', 'z', (await host.host.offerGraph('s-0'))!);
    await reopen();
    expect(await host.host.resumeImport('copy', 'u', from.labels)).toMatchObject({ complete: true });
    await applyLog('s-0', from.seqNo + 1);
    await sound();
  }, 30_000);

  test('by another source: its labels are others, none of them is taken, nor a graph', async () => {
    const from = await moment();
    // A copy with the same log and labels of its own.
    await host.host.beginImport('other', 'o', { ...from, labels: 'elsewhere' });
    await host.host.resumeImport('other', 'o');
    await copyFrom('s-0', null, 'o', undefined, 'other');
    await host.host.finishImport('other', 'o', from);
    const labels = (await moment('other')).labels!;
    expect(labels).not.toBe(from.labels);

    await host.host.beginImport('copy', 'x', from);
    await copyFrom('s-0', null, 'x', async () => false);
    const half = (await host.host.resumeImport('copy', 'y', labels))!;
    expect(half.labels).toBeUndefined();
    await copyFrom('other', half.lastKey, 'y');
    expect(await send('y', (await host.host.offerGraph('s-0'))!)).toMatch(/other labels/);
    // And not again with the first one either.
    expect((await host.host.resumeImport('copy', 'z', from.labels))!.labels).toBeUndefined();
    await host.host.finishImport('copy', 'z', from);
    await sound();
  });

  test('a copy that was filled lends labels under a name of its own, and so does one that is filled again', async () => {
    const names = new Set([(await moment()).labels, (await moment('copy')).labels]);
    for (const session of ['x', 'x']) {
      const from = await moment();
      await host.host.beginImport('copy', session, from);
      names.add((await moment('copy')).labels);
      await host.host.finishImport('copy', session, await copyFrom('s-0', null, session));
    }
    expect(names.size).toBe(4);
    await reopen();
    expect(names).toContain((await moment('copy')).labels);
    expect(names.size).toBe(4);
  });
});
