import hnswlib from 'hnswlib-node';
import type { Metric } from '#model/cluster-map.ts';
import { LabelSet } from './label-set.ts';

type Native = InstanceType<typeof hnswlib.HierarchicalNSW>;

export interface GraphShape {
  dimension: number;
  metric: Metric;
  m: number;
  efConstruction: number;
}

/** Distances ascending, with their labels. */
export interface Nearest {
  distances: number[];
  labels: number[];
}

const START_CAPACITY = 4_096;
/** hnswlib's fixed cost: 65,536 label locks of 40 bytes. */
const FIXED_BYTES = 65_536 * 40;
/** Beside vector and links: label, link lock, visited mark, level, pointer, lookup entry. */
const POINT_OVERHEAD_BYTES = 8 + 40 + 2 + 4 + 8 + 40;

/** hnswlib-node with its traps closed: number[] arguments, capacity, deletions while a snapshot is written. */
export class Graph {
  readonly shape: GraphShape;
  /** Labels that searches may return. */
  readonly live = new LabelSet();
  readonly #native: Native;
  /** hnswlib wants number[]: one is filled again and again. */
  readonly #numbers: number[];
  #capacity: number;
  #count: number;
  #saving = false;
  /** No longer live, not yet marked in hnswlib: the transaction is open, or a snapshot is being written (its file must show one moment). */
  #unmarked: number[] = [];
  /** The first so many of #unmarked are committed. */
  #committed = 0;

  private constructor(shape: GraphShape, native: Native) {
    this.shape = shape;
    this.#native = native;
    this.#capacity = native.getMaxElements();
    this.#count = native.getCurrentCount();
    this.#numbers = new Array<number>(shape.dimension).fill(0.5);
  }

  static empty(shape: GraphShape): Graph {
    const native = nativeFor(shape);
    native.initIndex(START_CAPACITY, shape.m, shape.efConstruction);
    return new Graph(shape, native);
  }

  /**
   * A graph from a file that was checked already; `isLive` says which of its labels are still wanted. Throws when it has labels that were not
   * given out yet, those from `labelsBelow` on: they will be given to other vectors.
   */
  static async read(
    shape: GraphShape,
    path: string,
    isLive: (label: number) => boolean,
    labelsBelow: number,
  ): Promise<Graph> {
    const native = nativeFor(shape);
    await native.readIndex(path);
    const graph = new Graph(shape, native);
    for (const label of native.getIdsList()) {
      if (label >= labelsBelow) {
        graph.release();
        throw new Error('it has labels that this copy has not given out');
      }
      if (isLive(label)) graph.live.add(label);
      else markDeleted(native, label);
    }
    return graph;
  }

  get size(): number {
    return this.live.size;
  }

  get deleted(): number {
    return this.#count - this.live.size;
  }

  get saving(): boolean {
    return this.#saving;
  }

  get bytes(): number {
    const { dimension, m } = this.shape;
    // Upper levels hold about 1 point in m, each with m links.
    return FIXED_BYTES + this.#capacity * (dimension * 4 + m * 8 + 4 + POINT_OVERHEAD_BYTES) + this.#count * 8;
  }

  /** Never while a snapshot is written: the file would be torn. */
  add(label: number, vector: Float32Array): void {
    if (this.#saving) throw new Error('a point was added to a graph that is being saved');
    if (this.#count === this.#capacity) {
      this.#capacity *= 2;
      this.#native.resizeIndex(this.#capacity);
    }
    this.#native.addPoint(this.#fill(vector, 0), label);
    this.#count++;
    this.live.add(label);
  }

  /** No error when the label is not here. */
  remove(label: number): void {
    if (!this.live.has(label)) return;
    this.live.delete(label);
    this.#unmarked.push(label);
  }

  /** The removals so far are in the database. */
  commit(): void {
    this.#committed = this.#unmarked.length;
    if (!this.#saving) this.#mark();
  }

  /** The removals since the last commit did not happen. */
  rollback(): void {
    for (const label of this.#unmarked.splice(this.#committed)) this.live.add(label);
  }

  /** At most k live points, nearest first. `filter` must not throw: hnswlib would end the process. */
  search(queries: Float32Array, from: number, k: number, ef: number, filter?: (label: number) => boolean): Nearest {
    const wanted = Math.min(k + this.#unmarked.length, this.#count);
    if (wanted === 0) return { distances: [], labels: [] };
    this.#native.setEf(Math.max(ef, wanted));
    const { distances, neighbors } = this.#native.searchKnn(this.#fill(queries, from), wanted, filter);
    if (this.#unmarked.length === 0) return { distances, labels: neighbors };
    const kept: Nearest = { distances: [], labels: [] };
    for (let i = 0; i < neighbors.length && kept.labels.length < k; i++) {
      if (!this.live.has(neighbors[i]!)) continue;
      kept.labels.push(neighbors[i]!);
      kept.distances.push(distances[i]!);
    }
    return kept;
  }

  /** Writes the graph to a file beside searches and deletions, not beside add(). */
  async write(path: string): Promise<void> {
    this.#saving = true;
    try {
      await this.#native.writeIndex(path);
    } finally {
      this.#saving = false;
      this.#mark();
    }
  }

  /**
   * Gives the memory back now; the graph must not be used afterwards. The garbage collector sees a small object and would let
   * gigabytes wait. While a snapshot is written it has to wait for it after all.
   */
  release(): void {
    if (!this.#saving) this.#native.initIndex(1, 2, 4);
  }

  #mark(): void {
    // One that came from another copy may have been deleted there already.
    for (const label of this.#unmarked.splice(0, this.#committed)) markDeleted(this.#native, label);
    this.#committed = 0;
  }

  #fill(vectors: Float32Array, from: number): number[] {
    const numbers = this.#numbers;
    for (let i = 0; i < numbers.length; i++) numbers[i] = vectors[from + i]!;
    return numbers;
  }
}

function nativeFor({ dimension, metric }: GraphShape): Native {
  // Cosine vectors are stored at unit length, so their inner product is the cosine.
  return new hnswlib.HierarchicalNSW(metric === 'Euclid' ? 'l2' : 'ip', dimension);
}

function markDeleted(native: Native, label: number): void {
  try {
    native.markDelete(label);
  } catch {
    // It was marked when the file was written; hnswlib does not let one ask. Searches in hnswlib leave it out either way.
  }
}
