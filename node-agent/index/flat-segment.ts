import type { Distance } from './distance.ts';
import type { TopK } from './top-k.ts';
import type { LabelSet } from './label-set.ts';

const START_ROWS = 64;

/** Vectors side by side in memory, searched by scanning. */
export class FlatSegment {
  readonly #dimension: number;
  #vectors: Float32Array<ArrayBuffer>;
  #labels: number[] = [];
  #rows = new Map<number, number>();

  constructor(dimension: number) {
    this.#dimension = dimension;
    this.#vectors = new Float32Array(0);
  }

  get size(): number {
    return this.#labels.length;
  }

  get bytes(): number {
    return this.#vectors.byteLength + this.#labels.length * 48;
  }

  has(label: number): boolean {
    return this.#rows.has(label);
  }

  add(label: number, vector: Float32Array): void {
    const row = this.#labels.length;
    const end = (row + 1) * this.#dimension;
    if (end > this.#vectors.length) this.#resize(Math.max(START_ROWS, row * 2));
    this.#vectors.set(vector, row * this.#dimension);
    this.#labels.push(label);
    this.#rows.set(label, row);
  }

  /** The last row moves into the gap. */
  delete(label: number): boolean {
    const row = this.#rows.get(label);
    if (row === undefined) return false;
    const last = this.#labels.length - 1;
    const moved = this.#labels[last]!;
    if (row !== last) {
      this.#vectors.copyWithin(row * this.#dimension, last * this.#dimension, (last + 1) * this.#dimension);
      this.#labels[row] = moved;
      this.#rows.set(moved, row);
    }
    this.#labels.pop();
    this.#rows.delete(label);
    if (last > START_ROWS && last < this.#vectors.length / this.#dimension / 4) this.#resize(last * 2);
    return true;
  }

  clear(): void {
    this.#labels = [];
    this.#rows.clear();
    this.#vectors = new Float32Array(0);
  }

  /** Some label of the segment, the cheapest to take out. */
  lastLabel(): number | undefined {
    return this.#labels.at(-1);
  }

  /** View of a row; valid until the segment changes. */
  vector(label: number): Float32Array<ArrayBuffer> | undefined {
    const row = this.#rows.get(label);
    if (row === undefined) return undefined;
    return this.#vectors.subarray(row * this.#dimension, (row + 1) * this.#dimension);
  }

  /** Offers every vector (that `only` has) to `top`. */
  scan(query: Float32Array, queryFrom: number, distance: Distance, only: LabelSet | null, top: TopK): void {
    const labels = this.#labels;
    for (let row = 0; row < labels.length; row++) {
      const label = labels[row]!;
      if (only !== null && !only.has(label)) continue;
      top.offer(distance(query, queryFrom, this.#vectors, row * this.#dimension, this.#dimension), label);
    }
  }

  #resize(rows: number): void {
    const grown = new Float32Array(rows * this.#dimension);
    grown.set(this.#vectors.subarray(0, Math.min(this.#vectors.length, this.#labels.length * this.#dimension)));
    this.#vectors = grown;
  }
}
