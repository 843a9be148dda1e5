import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { QdrantClient } from '@qdrant/js-client-rest';
import { setTimeout as sleep } from 'node:timers/promises';
import { Broken, Embedded, eventually } from './embedded.ts';

const KILLS = 10;
const DIMENSION = 24;
const BATCH = 25;
const WRITERS = 3;
const COLLECTION = 'Kill_Me';
/** Load between two kills: at random within these, milliseconds. */
const LOAD_MS = { min: 100, max: 1500 };

const CLUSTER = `
apiVersion: annulus.dev/v1alpha1
kind: VectorCluster
metadata: { name: kill, namespace: default }
spec: { nodes: 3, replicationFactor: 2, shards: 4, storage: { size: 1Gi } }
`;

const embedded = new Embedded();
let seed = 20_261_121;

/** Small generator (Lehmer), so that a run can be told apart by its seed; kills are at random moments by the machine's own timing anyway. */
function random(): number {
  seed = (seed * 48_271) % 2_147_483_647;
  return seed / 2_147_483_647;
}

/** The vector of a point's version: everyone can compute it. */
function vectorOf(id: number, version: number): number[] {
  return Array.from({ length: DIMENSION }, (_, i) => Math.fround(Math.sin((id + 1) * (i + 1.37) + version * 0.61)));
}

/** Highest version of each id that was sent, and that was acknowledged. */
const sent = new Map<number, number>();
const acknowledged = new Map<number, number>();
let nextId = 0;

function client(): QdrantClient {
  return new QdrantClient({ url: embedded.url, checkCompatibility: false, timeout: 20_000 });
}

async function write(qdrant: QdrantClient, ids: number[]): Promise<void> {
  const points = ids.map((id) => {
    const version = (sent.get(id) ?? 0) + 1;
    sent.set(id, version);
    return { id, vector: vectorOf(id, version), payload: { version } };
  });
  await qdrant.upsert(COLLECTION, { wait: true, points });
  for (const point of points) acknowledged.set(point.id, point.payload.version);
}

/** Writes until told to stop: mostly new points, some overwritten. Errors end the writer: the processes are being killed. */
async function writer(stop: { now: boolean }, lane: number): Promise<void> {
  const qdrant = client();
  try {
    while (!stop.now) {
      const fresh = Array.from({ length: BATCH }, () => nextId++);
      // Each writer overwrites only ids of its own remainder, so that versions are written in order.
      const old = fresh
        .slice(0, 5)
        .map(() => Math.floor(random() * nextId))
        .filter((id) => id % WRITERS === lane && acknowledged.has(id));
      await write(qdrant, [...fresh, ...new Set(old)]);
    }
  } catch {
    // A write without an answer may or may not be there; only acknowledged ones are promised.
  }
}

async function everyPoint(qdrant: QdrantClient): Promise<Map<number, number>> {
  const found = new Map<number, number>();
  let offset: number | undefined;
  do {
    const page = await qdrant.scroll(COLLECTION, {
      limit: 1000,
      with_payload: true,
      with_vector: true,
      ...(offset === undefined ? {} : { offset }),
    });
    for (const point of page.points) {
      const id = Number(point.id);
      const version = Number(point.payload?.['version']);
      if (found.has(id)) throw new Broken(`point ${id} is there twice`);
      const vector = point.vector as number[];
      // Not by expect: 24 numbers of thousands of points.
      if (!vectorOf(id, version).every((x, i) => x === Math.fround(vector[i]!)))
        throw new Broken(`point ${id} has another vector than its version ${version}`);
      found.set(id, version);
    }
    offset = page.next_page_offset === null ? undefined : Number(page.next_page_offset);
  } while (offset !== undefined);
  return found;
}

async function check(): Promise<Map<number, number>> {
  const qdrant = client();
  // Writes that were cut off may still be on their way from a primary to its replicas: until then two reads may differ by them.
  const found = await eventually('every shard answers, and count and scroll agree', 60_000, async () => {
    const points = await everyPoint(qdrant);
    return (await qdrant.count(COLLECTION, { exact: true })).count === points.size ? points : null;
  });
  for (const [id, version] of acknowledged) {
    if ((found.get(id) ?? 0) < version)
      throw new Broken(`point ${id}: version ${version} was acknowledged, ${found.get(id) ?? 'none'} is there`);
  }
  const invented = [...found].filter(([id, version]) => version > (sent.get(id) ?? 0));
  expect(invented).toEqual([]);
  return found;
}

/** Ids by brute force, nearest first, as an undisturbed cluster would answer. */
function nearest(found: Map<number, number>, query: number[]): number[] {
  return [...found]
    .map(([id, version]) => ({
      id,
      distance: vectorOf(id, version).reduce((sum, x, i) => sum + (x - query[i]!) ** 2, 0),
    }))
    .sort((a, b) => a.distance - b.distance || a.id - b.id)
    .slice(0, 10)
    .map(({ id }) => id);
}

beforeAll(async () => {
  await embedded.start(CLUSTER);
  await eventually('the collection can be created', 60_000, async () => {
    const qdrant = client();
    if ((await qdrant.collectionExists(COLLECTION)).exists) return true;
    return qdrant.createCollection(COLLECTION, { vectors: { size: DIMENSION, distance: 'Euclid' } });
  });
}, 120_000);

afterAll(() => embedded.close(), 60_000);

test(`${KILLS} times kill -9 of all processes under load: no acknowledged point is lost, none is there twice, answers are right`, async () => {
  for (let kill = 0; kill < KILLS; kill++) {
    const before = acknowledged.size;
    const stop = { now: false };
    const writers = Array.from({ length: WRITERS }, (_, lane) => writer(stop, lane));
    await eventually('some writes are acknowledged', 60_000, async () => (acknowledged.size > before ? true : null));
    await sleep(LOAD_MS.min + random() * (LOAD_MS.max - LOAD_MS.min));
    expect(await embedded.killEverything()).toBeGreaterThanOrEqual(5);
    stop.now = true;
    await Promise.all(writers);
    await embedded.start();
    await check();
  }
  const qdrant = client();
  const found = await check();
  expect(found.size).toBeGreaterThan(KILLS * BATCH);
  for (let n = 0; n < 20; n++) {
    const query = vectorOf(n * 31, 1).map((x) => Math.fround(x + 0.01));
    const answer = await qdrant.query(COLLECTION, { query, limit: 10, params: { exact: true } });
    expect(answer.points.map((point) => point.id)).toEqual(nearest(found, query));
  }
}, 600_000);
