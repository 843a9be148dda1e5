import type { Metric } from '#model/cluster-map.ts';

/** Distance as the index orders by it, smaller is nearer: 1 - dot product, or the squared Euclidean distance (as hnswlib's). */
export type Distance = (a: Float32Array, aFrom: number, b: Float32Array, bFrom: number, dimension: number) => number;

export function distanceOf(metric: Metric): Distance {
  return metric === 'Euclid' ? squaredEuclid : oneMinusDot;
}

/** What clients see for a distance: cosine similarity, dot product, Euclidean distance. */
export function scoreOf(metric: Metric, distance: number): number {
  return Math.fround(metric === 'Euclid' ? Math.sqrt(Math.max(0, distance)) : 1 - distance);
}

/** True when the score is good enough for the client's threshold. */
export function passesThreshold(metric: Metric, score: number, threshold: number): boolean {
  return metric === 'Euclid' ? score <= threshold : score >= threshold;
}

function oneMinusDot(a: Float32Array, aFrom: number, b: Float32Array, bFrom: number, dimension: number): number {
  // Four sums: the processor adds them side by side.
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  const end = dimension - (dimension % 4);
  for (let i = 0; i < end; i += 4) {
    s0 += a[aFrom + i]! * b[bFrom + i]!;
    s1 += a[aFrom + i + 1]! * b[bFrom + i + 1]!;
    s2 += a[aFrom + i + 2]! * b[bFrom + i + 2]!;
    s3 += a[aFrom + i + 3]! * b[bFrom + i + 3]!;
  }
  for (let i = end; i < dimension; i++) s0 += a[aFrom + i]! * b[bFrom + i]!;
  return 1 - (s0 + s1 + (s2 + s3));
}

function squaredEuclid(a: Float32Array, aFrom: number, b: Float32Array, bFrom: number, dimension: number): number {
  let s0 = 0;
  let s1 = 0;
  const end = dimension - (dimension % 2);
  for (let i = 0; i < end; i += 2) {
    const d0 = a[aFrom + i]! - b[bFrom + i]!;
    const d1 = a[aFrom + i + 1]! - b[bFrom + i + 1]!;
    s0 += d0 * d0;
    s1 += d1 * d1;
  }
  if (end < dimension) {
    const d = a[aFrom + end]! - b[bFrom + end]!;
    s0 += d * d;
  }
  return s0 + s1;
}
