import type { Metric } from '#model/cluster-map.ts';

/** Longest vector of Dot and Euclid, squared: what hnswlib computes with two of them stays finite in float32. */
const SQUARE_MAX = 1e37;

/**
 * Turns a vector, in place, into the one that is stored and searched: of unit length for Cosine (a zero vector stays zero), else as it
 * is. Null when a number is not finite or the vector is too long to compute with.
 */
export function storedVector(vector: Float32Array, metric: Metric): Float32Array | null {
  let square = 0;
  for (let i = 0; i < vector.length; i++) square += vector[i]! * vector[i]!;
  // Squares of finite float32 never overflow a double, so the sum is finite just when every number is.
  if (!Number.isFinite(square)) return null;
  if (metric !== 'Cosine') return square <= SQUARE_MAX ? vector : null;
  if (square === 0) return vector;
  const scale = 1 / Math.sqrt(square);
  for (let i = 0; i < vector.length; i++) vector[i] = vector[i]! * scale;
  return vector;
}

export function sameVector(a: Float32Array | null, b: Float32Array | null): boolean {
  if (a === null || b === null) return a === b;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return false;
  return true;
}
