import type { PointsApi } from './points-api.ts';
import type { Words } from './words.ts';

const K = 10;

/** Indices of the words that the measurements ask for: spread evenly, the same at every start. */
export const sampleOf = (total: number, count: number): number[] =>
  Array.from({ length: count }, (_, index) => Math.floor((index * total) / count));

export const vectorOf = (words: Words, index: number): number[] =>
  Array.from(words.vectors.subarray(index * words.dimension, (index + 1) * words.dimension));

/** Share of the exact 10 nearest (cosine, by a scan in this process) that the cluster's search finds. */
export async function measureRecall(api: PointsApi, words: Words, indices: readonly number[]): Promise<number> {
  const rows = unitRows(words);
  let found = 0;
  for (const index of indices) {
    const hits = await api.query(vectorOf(words, index), K);
    const exact = exactNearest(rows, words.dimension, index);
    found += hits.filter((hit) => exact.has(hit.id)).length;
  }
  return found / (indices.length * K);
}

export interface Latency {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  /** Searches a second with `parallel` clients. */
  readonly rate: number;
  readonly parallel: number;
}

/** One search at a time for the percentiles (milliseconds), then several at once for the rate. */
export async function measureLatency(api: PointsApi, words: Words, indices: readonly number[]): Promise<Latency> {
  const times: number[] = [];
  for (const index of indices) {
    const begun = performance.now();
    await api.query(vectorOf(words, index), K);
    times.push(performance.now() - begun);
  }
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.min(times.length - 1, Math.floor(share * times.length))] ?? 0;
  const parallel = 8;
  const begun = performance.now();
  const client = async (first: number): Promise<void> => {
    for (let next = first; next < indices.length; next += parallel) {
      await api.query(vectorOf(words, indices[next] ?? 0), K);
    }
  };
  await Promise.all(Array.from({ length: parallel }, (_, first) => client(first)));
  const rate = (indices.length * 1000) / (performance.now() - begun);
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), rate, parallel };
}

/** Rows scaled to length 1, so that the product of two is their cosine. */
function unitRows({ vectors, dimension }: Words): Float32Array {
  const rows = vectors.slice();
  for (let from = 0; from < rows.length; from += dimension) {
    let sum = 0;
    for (let at = from; at < from + dimension; at += 1) sum += (rows[at] as number) ** 2;
    const scale = sum > 0 ? 1 / Math.sqrt(sum) : 0;
    for (let at = from; at < from + dimension; at += 1) rows[at] = (rows[at] as number) * scale;
  }
  return rows;
}

/** Ids (rank from 1) of the K nearest rows. Indices are in range, and a check of each would cost half the time. */
function exactNearest(rows: Float32Array, dimension: number, query: number): Set<number> {
  const best: { id: number; score: number }[] = [];
  const asked = rows.slice(query * dimension, (query + 1) * dimension);
  for (let from = 0; from < rows.length; from += dimension) {
    let score = 0;
    for (let at = 0; at < dimension; at += 1) score += (rows[from + at] as number) * (asked[at] as number);
    if (best.length === K && score <= (best[K - 1]?.score ?? 0)) continue;
    let place = best.length;
    while (place > 0 && (best[place - 1]?.score ?? 0) < score) place -= 1;
    best.splice(place, 0, { id: from / dimension + 1, score });
    if (best.length > K) best.pop();
  }
  return new Set(best.map((each) => each.id));
}
