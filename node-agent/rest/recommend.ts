import type { Metric } from '#model/cluster-map.ts';

/** The average_vector strategy: avg(positive), or 2 avg(positive) - avg(negative). `positive` is not empty. */
export function averageVector(positive: readonly Float32Array[], negative: readonly Float32Array[]): Float32Array {
  const average = sum(positive);
  const down = sum(negative);
  const query = new Float32Array(average.length);
  for (let i = 0; i < query.length; i++) {
    const up = average[i]! / positive.length;
    query[i] = negative.length === 0 ? up : up + up - down[i]! / negative.length;
  }
  return query;
}

/**
 * The sum_scores strategy: a point's score is the sum of its scores against the positive examples minus that against the negative ones.
 * For an inner product that is its score against one vector, the difference of sums, so one search finds it exactly:
 * Dot: sum(x·p) - sum(x·n) = x·q. Cosine: the same with unit vectors, = cos(x, q) |q|, so scores are multiplied by `scale` = |q|.
 */
export function sumOfScores(
  positive: readonly Float32Array[],
  negative: readonly Float32Array[],
  metric: Metric,
): { vector: Float32Array; scale: number } {
  const cosine = metric === 'Cosine';
  const up = sum(cosine ? positive.map(unit) : positive);
  const down = sum(cosine ? negative.map(unit) : negative);
  const vector = new Float32Array(Math.max(up.length, down.length));
  for (let i = 0; i < vector.length; i++) vector[i] = (up[i] ?? 0) - (down[i] ?? 0);
  return { vector, scale: cosine ? norm(vector) : 1 };
}

function sum(vectors: readonly Float32Array[]): Float64Array {
  const total = new Float64Array(vectors[0]?.length ?? 0);
  for (const vector of vectors) for (let i = 0; i < total.length; i++) total[i]! += vector[i]!;
  return total;
}

/** The vector at length 1; zero stays zero. */
export function unit(vector: Float32Array): Float32Array {
  const length = norm(vector);
  return length === 0 ? vector : vector.map((x) => x / length);
}

function norm(vector: Float32Array): number {
  let squares = 0;
  for (const x of vector) squares += x * x;
  return Math.sqrt(squares);
}
