/** hnswlib-node alone, in a process of its own: `node bench/bare.ts NAME` prints one JSON line. */
import hnswlib from 'hnswlib-node';
import { K, recall } from './dataset.ts';
import { loadDataset } from './sources.ts';

export interface BareResult {
  /** Points a CPU second. */
  buildRate: number;
  /** Resident bytes that the index added. */
  bytes: number;
  searches: { ef: number; recall: number; /** Queries a CPU second. */ rate: number }[];
}

const M = 16;
const EF_CONSTRUCTION = 100;
const QUERIES_MIN = 4000;

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

function rows(vectors: Float32Array, dimension: number): number[][] {
  return Array.from({ length: vectors.length / dimension }, (_, i) =>
    Array.from(vectors.subarray(i * dimension, (i + 1) * dimension)),
  );
}

async function measure(name: string): Promise<BareResult> {
  const data = await loadDataset(name);
  const base = rows(data.base, data.dimension);
  const queries = rows(data.queries, data.dimension);
  const before = process.memoryUsage.rss();
  const index = new hnswlib.HierarchicalNSW(data.metric === 'Cosine' ? 'cosine' : 'l2', data.dimension);
  index.initIndex(base.length, M, EF_CONSTRUCTION);
  let started = cpuSeconds();
  base.forEach((vector, label) => index.addPoint(vector, label));
  const buildRate = base.length / (cpuSeconds() - started);
  const bytes = process.memoryUsage.rss() - before;
  const searches = [16, 32, 48, 64, 96, 128, 192, 256].map((ef) => {
    index.setEf(ef);
    const found = queries.map((query) => index.searchKnn(query, K).neighbors);
    started = cpuSeconds();
    let done = 0;
    while (done < QUERIES_MIN) {
      for (const query of queries) done += index.searchKnn(query, K).neighbors.length > 0 ? 1 : 0;
    }
    return { ef, recall: recall(found, data.truth), rate: done / (cpuSeconds() - started) };
  });
  return { buildRate, bytes, searches };
}

console.log(JSON.stringify(await measure(process.argv[2] ?? '')));
