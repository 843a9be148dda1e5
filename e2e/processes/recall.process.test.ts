import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import hnswlib from 'hnswlib-node';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { K, readDataset } from '#bench/dataset.ts';
import type { Metric } from '#model/cluster-map.ts';
import { evenSlots, slotOf } from '#model/slot.ts';
import { Embedded, eventually } from './embedded.ts';
import { ask, createCollection } from './rest.ts';

const SHARDS = 2;
const M = 16;
const EF_CONSTRUCTION = 100;
const EFS = [32, 64, 128];
/** How much recall@10 through the API may differ from the library's own. */
const TOLERANCE = 0.005;
/** A shard below this many points is scanned and has no graph (node-agent/shard/limits.ts). */
const GRAPH_MIN_POINTS = 4_000;
/** Bounds of what is taken from a large data set, to bound the test's time. */
const MAX_ROWS = 16_000;
/** So many that chance in building a graph stays well under TOLERANCE; a set with fewer gives up rows for them. */
const QUERIES = 1_000;
const UPLOAD_ROWS = 500;
const QUERIES_A_REQUEST = 100;
/** Folder of data sets beside the checkout; a user may have none. */
const FOLDER = process.env['ANNULUS_DATA'] ?? join(import.meta.dirname, '..', '..', '..', 'shared', 'data');

const CLUSTER = `
apiVersion: annulus.dev/v1alpha1
kind: VectorCluster
metadata: { name: recall, namespace: default }
spec: { nodes: 2, replicationFactor: 1, shards: ${SHARDS}, storage: { size: 4Gi } }
`;

/** Rows as number[], which is what both sides want. Their place is the point's id. */
interface Data {
  readonly metric: Metric;
  readonly base: number[][];
  readonly queries: number[][];
}

interface Hit {
  readonly label: number;
  readonly distance: number;
}

function rows(vectors: Float32Array, dimension: number, most: number): number[][] {
  const count = Math.min(most, vectors.length / dimension);
  return Array.from({ length: count }, (_, i) => Array.from(vectors.subarray(i * dimension, (i + 1) * dimension)));
}

/** Points around 50 centres in 32 dimensions, clouds that touch: graphs must work for their recall. Always the same. */
function clustered(): Data {
  let seed = 20_261_121;
  const uniform = (): number => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  const normal = (): number => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  const vector = (scale: number): number[] => Array.from({ length: 32 }, () => normal() * scale);
  const centres = Array.from({ length: 50 }, () => vector(1));
  const near = (): number[] => {
    const centre = centres[Math.floor(uniform() * centres.length)]!;
    return vector(1).map((x, i) => Math.fround(x + centre[i]!));
  };
  return {
    metric: 'Euclid',
    base: Array.from({ length: 10_000 }, near),
    queries: Array.from({ length: QUERIES }, near),
  };
}

function fromFolder(name: string): Data {
  const { metric, base, queries, dimension } = readDataset(join(FOLDER, name), name);
  const given = rows(queries, dimension, QUERIES);
  const all = rows(base, dimension, MAX_ROWS);
  const lent = all.splice(Math.max(all.length / 2, all.length - (QUERIES - given.length)));
  return { metric, base: all, queries: [...given, ...lent] };
}

const space = (metric: Metric): 'l2' | 'cosine' => (metric === 'Euclid' ? 'l2' : 'cosine');

/** The library's own graph over some of the rows. */
function graphOf(data: Data, labels: readonly number[]): hnswlib.HierarchicalNSW {
  const graph = new hnswlib.HierarchicalNSW(space(data.metric), data.base[0]!.length);
  graph.initIndex(labels.length, M, EF_CONSTRUCTION);
  for (const label of labels) graph.addPoint(data.base[label]!, label);
  return graph;
}

/** The nearest of all graphs, as a coordinator merges shards. */
function searchAll(graphs: readonly hnswlib.HierarchicalNSW[], ef: number, query: number[]): number[] {
  const hits = graphs.flatMap((graph): Hit[] => {
    graph.setEf(ef);
    const { neighbors, distances } = graph.searchKnn(query, K);
    return neighbors.map((label, i) => ({ label, distance: distances[i]! }));
  });
  hits.sort((a, b) => a.distance - b.distance || a.label - b.label);
  return hits.slice(0, K).map(({ label }) => label);
}

function exact(data: Data): Set<number>[] {
  const scan = new hnswlib.BruteforceSearch(space(data.metric), data.base[0]!.length);
  scan.initIndex(data.base.length);
  data.base.forEach((vector, label) => scan.addPoint(vector, label));
  return data.queries.map((query) => new Set(scan.searchKnn(query, K).neighbors));
}

function recallOf(truth: readonly Set<number>[], found: readonly number[][]): number {
  const hits = found.map((labels, q) => labels.filter((label) => truth[q]!.has(label)).length);
  return hits.reduce((sum, n) => sum + n, 0) / (truth.length * K);
}

const embedded = new Embedded();

async function load(collection: string, data: Data): Promise<void> {
  await createCollection(embedded.url, collection, {
    vectors: { size: data.base[0]!.length, distance: data.metric },
    shard_number: SHARDS,
    hnsw_config: { m: M, ef_construct: EF_CONSTRUCTION },
  });
  for (let from = 0; from < data.base.length; from += UPLOAD_ROWS) {
    const points = data.base.slice(from, from + UPLOAD_ROWS).map((vector, i) => ({ id: from + i, vector }));
    await ask(embedded.url, 'PUT', `/collections/${collection}/points?wait=true`, { points });
  }
}

async function allInGraph(collection: string, count: number): Promise<void> {
  interface Info {
    readonly points_count: number;
    readonly indexed_vectors_count: number;
  }
  await eventually('all vectors are in the graphs', 120_000, async () => {
    const info = await ask<Info>(embedded.url, 'GET', `/collections/${collection}`);
    return info.points_count === count && info.indexed_vectors_count === count ? true : null;
  });
}

async function searchCluster(collection: string, ef: number, queries: number[][]): Promise<number[][]> {
  const found: number[][] = [];
  for (let from = 0; from < queries.length; from += QUERIES_A_REQUEST) {
    const searches = queries
      .slice(from, from + QUERIES_A_REQUEST)
      .map((query) => ({ query, limit: K, params: { hnsw_ef: ef } }));
    const path = `/collections/${collection}/points/query/batch`;
    const answers = await ask<{ points: { id: number }[] }[]>(embedded.url, 'POST', path, { searches });
    for (const { points } of answers) found.push(points.map(({ id }) => id));
  }
  return found;
}

/** Recall of the API equals the library's. Two shards see more candidates than one graph at the same ef: so the same split is compared. */
async function compare(collection: string, data: Data): Promise<void> {
  await load(collection, data);
  const labels = data.base.map((_, label) => label);
  const ranges = evenSlots(SHARDS);
  const split = ranges.map(({ from, to }) => labels.filter((id) => slotOf(id) >= from && slotOf(id) <= to));
  const scanned = split.every((shard) => shard.length < GRAPH_MIN_POINTS);
  expect(scanned || split.every((shard) => shard.length >= GRAPH_MIN_POINTS)).toBe(true);
  const sharded = split.map((shard) => graphOf(data, shard));
  const whole = [graphOf(data, labels)];
  const truth = exact(data);
  await allInGraph(collection, data.base.length);
  for (const ef of EFS) {
    const here = recallOf(truth, await searchCluster(collection, ef, data.queries));
    const search = (graphs: readonly hnswlib.HierarchicalNSW[]): number[][] =>
      data.queries.map((query) => searchAll(graphs, ef, query));
    const [merged, one] = [recallOf(truth, search(sharded)), recallOf(truth, search(whole))];
    console.info(
      `${collection} (${data.base.length} rows, ${data.queries.length} queries) ef ${ef}: recall@${K} ${here.toFixed(4)}; ` +
        `hnswlib sharded ${merged.toFixed(4)}, whole ${one.toFixed(4)}${scanned ? '; shards are scanned' : ''}`,
    );
    // A difference of rounding in a distance may swap the tenth and the eleventh.
    if (scanned) expect(here).toBeGreaterThan(0.9995);
    else expect(Math.abs(here - merged)).toBeLessThanOrEqual(TOLERANCE);
    expect(here).toBeGreaterThanOrEqual(one - TOLERANCE);
  }
}

beforeAll(() => embedded.start(CLUSTER), 90_000);
afterAll(() => embedded.close(), 60_000);

describe(`recall@${K} through the API is hnswlib's own at the same m, efConstruction and ef`, () => {
  test('on synthetic clusters', () => compare('synthetic', clustered()), 180_000);

  const names = existsSync(FOLDER)
    ? readdirSync(FOLDER).filter((name) => existsSync(join(FOLDER, name, 'meta.json')))
    : [];
  if (names.length === 0) {
    console.warn('no data sets found: recall on real ones is SKIPPED (ANNULUS_DATA names their folder)');
    test.skip('on data sets of the folder ANNULUS_DATA', () => undefined);
  }
  for (const name of names) test(`on ${name}`, () => compare(name, fromFolder(name)), 240_000);
});
