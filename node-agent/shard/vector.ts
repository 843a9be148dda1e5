import type { Metric } from '#model/cluster-map.ts';

/**
 * The vector as it is stored and searched: of unit length for Cosine (a zero vector stays zero), else as it is.
 * Null when a number is not finite.
 */
export function storedVector(vector: Float32Array, metric: Metric): Float32Array | null {
  let square = 0;
  for (let i = 0; i < vector.length; i++) square += vector[i]! * vector[i]!;
  // Squares of finite float32 never overflow a double, so the sum is finite just when every number is.
  if (!Number.isFinite(square)) return null;
  if (metric !== 'Cosine' || square === 0) return vector;
  const scale = 1 / Math.sqrt(square);
  const unit = new Float32Array(vector.length);
  for (let i = 0; i < vector.length; i++) unit[i] = vector[i]! * scale;
  return unit;
}

export function sameVector(a: Float32Array | null, b: Float32Array | null): boolean {
  if (a === null || b === null) return a === b;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return false;
  return true;
}
