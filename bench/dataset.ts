import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { Metric } from '#model/cluster-map.ts';

/** A data set with exact answers. Vectors are row-major; row number = point id. */
export interface Dataset {
  name: string;
  dimension: number;
  metric: Metric;
  base: Float32Array;
  queries: Float32Array;
  /** For each query its 10 exact nearest rows. */
  truth: Int32Array[];
  /** JSON text a row; null where the set has none. */
  payloads: string[] | null;
}

export const K = 10;

interface Meta {
  dims: number;
  metric: string;
}

function widen(file: Buffer, type: string): Float32Array {
  const bytes = file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength);
  if (type === 'f32') return new Float32Array(bytes as ArrayBuffer);
  if (type === 'f16') return Float32Array.from(new Float16Array(bytes as ArrayBuffer));
  return Float32Array.from(new Uint8Array(bytes as ArrayBuffer));
}

/** Reads a folder of base.*, queries.*, truth.i32, payload.ndjson.gz, meta.json (100 exact neighbours a query). */
export function readDataset(folder: string, name: string): Dataset {
  const meta = JSON.parse(readFileSync(join(folder, 'meta.json'), 'utf8')) as Meta;
  const type = ['f32', 'f16', 'u8'].find((suffix) => existsSync(join(folder, `base.${suffix}`)));
  if (!type) throw new Error(`${folder}: no base.f32, base.f16 or base.u8`);
  const truthFile = readFileSync(join(folder, 'truth.i32'));
  const truth: Int32Array[] = [];
  for (let at = 0; at < truthFile.byteLength; at += 400) {
    truth.push(Int32Array.from({ length: K }, (_, i) => truthFile.readInt32LE(at + 4 * i)));
  }
  const payloadFile = join(folder, 'payload.ndjson.gz');
  return {
    name,
    dimension: meta.dims,
    metric: meta.metric === 'cosine' ? 'Cosine' : 'Euclid',
    base: widen(readFileSync(join(folder, `base.${type}`)), type),
    queries: widen(readFileSync(join(folder, `queries.${type}`)), type),
    truth,
    payloads: existsSync(payloadFile)
      ? gunzipSync(readFileSync(payloadFile)).toString('utf8').trimEnd().split('\n')
      : null,
  };
}

/** Exact nearest rows by brute force (cosine), for sets that bring no truth. */
export function bruteForceTruth(base: Float32Array, queries: Float32Array, dimension: number): Int32Array[] {
  const rows = base.length / dimension;
  const unit = normalised(base, dimension);
  const truth: Int32Array[] = [];
  for (let q = 0; q < queries.length; q += dimension) {
    const best: { row: number; score: number }[] = [];
    for (let row = 0; row < rows; row++) {
      let score = 0;
      const offset = row * dimension;
      for (let i = 0; i < dimension; i++) score += unit[offset + i]! * queries[q + i]!;
      if (best.length === K && score <= best[K - 1]!.score) continue;
      let at = best.length;
      while (at > 0 && best[at - 1]!.score < score) at--;
      best.splice(at, 0, { row, score });
      if (best.length > K) best.pop();
    }
    truth.push(Int32Array.from(best, (hit) => hit.row));
  }
  return truth;
}

function normalised(vectors: Float32Array, dimension: number): Float32Array {
  const out = new Float32Array(vectors);
  for (let at = 0; at < out.length; at += dimension) {
    let sum = 0;
    for (let i = 0; i < dimension; i++) sum += out[at + i]! ** 2;
    const scale = sum > 0 ? 1 / Math.sqrt(sum) : 0;
    for (let i = 0; i < dimension; i++) out[at + i]! *= scale;
  }
  return out;
}

/** Share of the exact 10 that were found, averaged over queries. */
export function recall(found: ArrayLike<number>[], truth: Int32Array[]): number {
  let hits = 0;
  found.forEach((rows, q) => {
    const exact = new Set(truth[q % truth.length]);
    for (let i = 0; i < Math.min(K, rows.length); i++) if (exact.has(rows[i]!)) hits++;
  });
  return hits / (found.length * K);
}
