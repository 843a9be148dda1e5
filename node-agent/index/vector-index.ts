import type { Metric } from '#model/cluster-map.ts';
import { distanceOf, type Distance } from './distance.ts';
import { FlatSegment } from './flat-segment.ts';
import type { LabelIds } from './label-ids.ts';
import type { LabelSet } from './label-set.ts';
import { TopK } from './top-k.ts';

export interface Nearest {
  distances: number[];
  labels: number[];
}

export class VectorIndex {
  readonly #distance: Distance;
  readonly #dimension: number;
  readonly #ids: LabelIds;
  readonly flat: FlatSegment;

  constructor(dimension: number, metric: Metric, ids: LabelIds) {
    this.#dimension = dimension;
    this.#distance = distanceOf(metric);
    this.#ids = ids;
    this.flat = new FlatSegment(dimension);
  }

  add(label: number, vector: Float32Array): void {
    this.flat.add(label, vector);
  }

  remove(label: number): void {
    this.flat.delete(label);
  }

  exact(queries: Float32Array, count: number, k: number, only: LabelSet | null): Nearest[] {
    const tops: Nearest[] = [];
    for (let q = 0; q < count; q++) {
      const top = new TopK(k, (label) => this.#ids.get(label));
      this.flat.scan(queries, q * this.#dimension, this.#distance, only, top);
      tops.push(top.sorted());
    }
    return tops;
  }
}
