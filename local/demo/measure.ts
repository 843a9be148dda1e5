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
  const norms = normsOf(words);
  let found = 0;
  for (const index of indices) {
    const hits = await api.query(vectorOf(words, index), K);
    const exact = exactNearest(words, norms, index);
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

function normsOf(words: Words): Float64Array {
  const norms = new Float64Array(words.words.length);
  for (let row = 0; row < norms.length; row += 1) norms[row] = Math.sqrt(dot(words, row, row)) || 1;
  return norms;
}

function dot(words: Words, a: number, b: number): number {
  const { vectors, dimension } = words;
  let sum = 0;
  for (let at = 0; at < dimension; at += 1) {
    sum += (vectors[a * dimension + at] ?? 0) * (vectors[b * dimension + at] ?? 0);
  }
  return sum;
}

/** Ids (rank from 1) of the K nearest rows. */
function exactNearest(words: Words, norms: Float64Array, query: number): Set<number> {
  const best: { id: number; score: number }[] = [];
  for (let row = 0; row < norms.length; row += 1) {
    const score = dot(words, query, row) / (norms[row] ?? 1);
    if (best.length === K && score <= (best[K - 1]?.score ?? 0)) continue;
    let at = best.length;
    while (at > 0 && (best[at - 1]?.score ?? 0) < score) at -= 1;
    best.splice(at, 0, { id: row + 1, score });
    if (best.length > K) best.pop();
  }
  return new Set(best.map((each) => each.id));
}
