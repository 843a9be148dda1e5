import type { GraphShape } from './graph.ts';
import { blockDistances, blockRows, loadRow, loadRows, rowFloats } from './kernel.ts';
import type { TopK } from './top-k.ts';

/** One scan of vectors for several queries: vectors are gathered into blocks, each block is measured against every query. */
export class BlockScan {
  readonly #shape: GraphShape;
  readonly #queries: Float32Array[];
  readonly #tops: TopK[];
  readonly #rows: number;
  #labels: number[] = [];

  constructor(shape: GraphShape, queries: Float32Array[], tops: TopK[]) {
    this.#shape = shape;
    this.#queries = queries;
    this.#tops = tops;
    this.#rows = blockRows(shape.dimension);
  }

  add(label: number, vector: Float32Array): void {
    loadRow(vector, this.#shape.dimension, this.#labels.length);
    this.#labels.push(label);
    if (this.#labels.length === this.#rows) this.finish();
  }

  /** All rows of a padded matrix (kernel.ts rowFloats); `passes` picks the labels that may be found. */
  addMatrix(labels: readonly number[], matrix: Float32Array, passes: ((label: number) => boolean) | null): void {
    this.finish();
    const width = rowFloats(this.#shape.dimension);
    for (let from = 0; from < labels.length; from += this.#rows) {
      const to = Math.min(labels.length, from + this.#rows);
      loadRows(matrix.subarray(from * width, to * width), this.#shape.dimension, 0);
      this.#measure(labels, from, to, passes);
    }
  }

  /** Measures what is left; call it when everything was added. */
  finish(): void {
    this.#measure(this.#labels, 0, this.#labels.length, null);
    this.#labels.length = 0;
  }

  #measure(labels: readonly number[], from: number, to: number, passes: ((label: number) => boolean) | null): void {
    if (from === to) return;
    const { dimension, metric } = this.#shape;
    this.#queries.forEach((query, q) => {
      const distances = blockDistances(metric === 'Euclid', query, dimension, to - from);
      const top = this.#tops[q]!;
      for (let i = from; i < to; i++) {
        const label = labels[i]!;
        const distance = distances[i - from]!;
        if (distance <= top.worst && (passes === null || passes(label))) top.offer(distance, label);
      }
    });
  }
}
