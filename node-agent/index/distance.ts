import type { Metric } from '#model/cluster-map.ts';

/** What clients see for a distance as hnswlib measures it (1 - dot product, or squared Euclidean): cosine similarity, dot product, Euclidean distance. */
export function scoreOf(metric: Metric, distance: number): number {
  return Math.fround(metric === 'Euclid' ? Math.sqrt(Math.max(0, distance)) : 1 - distance);
}

/** True when the score is good enough for the client's threshold. */
export function passesThreshold(metric: Metric, score: number, threshold: number): boolean {
  return metric === 'Euclid' ? score <= threshold : score >= threshold;
}
