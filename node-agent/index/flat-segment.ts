import type { BlockScan } from './block-scan.ts';
import { rowFloats } from './kernel.ts';

const START_ROWS = 64;

/** Vectors side by side in memory, searched by scanning. */
export class FlatSegment {
  readonly #dimension: number;
  /** Floats from one row to the next: padded for the kernel. */
  readonly #width: number;
  #vectors: Float32Array<ArrayBuffer>;
  #labels: number[] = [];
  #rows = new Map<number, number>();

  constructor(dimension: number) {
    this.#dimension = dimension;
    this.#width = rowFloats(dimension);
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
    const end = (row + 1) * this.#width;
    if (end > this.#vectors.length) this.#resize(Math.max(START_ROWS, row * 2));
    this.#vectors.set(vector, row * this.#width);
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
      this.#vectors.copyWithin(row * this.#width, last * this.#width, (last + 1) * this.#width);
      this.#labels[row] = moved;
      this.#rows.set(moved, row);
    }
    this.#labels.pop();
    this.#rows.delete(label);
    if (last > START_ROWS && last < this.#vectors.length / this.#width / 4) this.#resize(last * 2);
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
    return this.#vectors.subarray(row * this.#width, row * this.#width + this.#dimension);
  }

  /** Measures every vector (that `passes`). */
  scan(scan: BlockScan, passes: ((label: number) => boolean) | null): void {
    scan.addMatrix(this.#labels, this.#vectors, passes);
  }

  #resize(rows: number): void {
    const grown = new Float32Array(rows * this.#width);
    grown.set(this.#vectors.subarray(0, Math.min(this.#vectors.length, this.#labels.length * this.#width)));
    this.#vectors = grown;
  }
}
