import { INDEX_TUNING, REBUILD_DELETED_SHARE, type IndexTuning } from '../shard/limits.ts';
import { BlockScan } from './block-scan.ts';
import { FlatSegment } from './flat-segment.ts';
import { Graph, type GraphShape, type Nearest } from './graph.ts';
import type { LabelIds } from './label-ids.ts';
import type { LabelSet } from './label-set.ts';
import { TopK } from './top-k.ts';

/** Where the vectors are that the index itself does not keep in a form it can read: the database. */
export interface VectorSource {
  vectorOf(label: number): Float32Array | null | undefined;
  vectors(): Iterable<{ label: number; vector: Float32Array }>;
}

export interface Queries {
  /** count x dimension, as stored vectors are (unit length for Cosine). */
  vectors: Float32Array;
  count: number;
  k: number;
  ef: number;
  exact: boolean;
  /** Labels that may be found; null = all. */
  passing: LabelSet | null;
}

/** The graph that replaces the present one, and what is still to be copied into it. */
interface Rebuild {
  graph: Graph;
  labels: Iterator<number>;
}

/** Points between two looks at the clock while the graph is built. */
const CLOCK_EVERY_POINTS = 4;
/** How much ef is raised when a filtered search came back short. */
const SHORT_EF_FACTOR = 4;

/**
 * All vectors of a copy: new ones in a flat segment that is scanned, moved into an HNSW graph in the background. Every vector is in
 * one of the two (in both graphs while one is rebuilt), so a search that covers them sees every acknowledged point.
 */
export class VectorIndex {
  readonly shape: GraphShape;
  readonly #ids: LabelIds;
  readonly #source: VectorSource;
  readonly #flat: FlatSegment;
  readonly tuning: IndexTuning;
  #graph: Graph | null = null;
  #rebuild: Rebuild | null = null;
  #changes = 0;

  constructor(shape: GraphShape, ids: LabelIds, source: VectorSource, tuning: Partial<IndexTuning> = {}) {
    this.tuning = { ...INDEX_TUNING, ...tuning };
    this.shape = shape;
    this.#ids = ids;
    this.#source = source;
    this.#flat = new FlatSegment(shape.dimension);
  }

  /** The graph that a snapshot may be taken of. */
  get graph(): Graph | null {
    return this.#rebuild ? null : this.#graph;
  }

  /** Points added to or deleted from the graph since the last snapshot. */
  get changes(): number {
    return this.#changes;
  }

  /** A snapshot holds the first `changes` of them. */
  snapshotTaken(changes: number): void {
    this.#changes = Math.max(0, this.#changes - changes);
  }

  get size(): number {
    return this.#flat.size + (this.#graph?.size ?? 0) + this.#onlyInRebuild();
  }

  /** Vectors that wait for the graph. */
  get waiting(): number {
    return this.#wantsGraph() ? this.#flat.size : 0;
  }

  get full(): boolean {
    return this.waiting > this.tuning.flatTailMaxPoints;
  }

  get deletedInGraph(): number {
    return this.#graph?.deleted ?? 0;
  }

  get bytes(): number {
    return this.#flat.bytes + (this.#graph?.bytes ?? 0) + (this.#rebuild?.graph.bytes ?? 0);
  }

  add(label: number, vector: Float32Array): void {
    this.#flat.add(label, vector);
  }

  remove(label: number): void {
    if (this.#flat.delete(label)) return;
    this.#graph?.remove(label);
    this.#rebuild?.graph.remove(label);
    this.#changes++;
  }

  /** The changes so far are in the database. */
  commit(): void {
    this.#graph?.commit();
    this.#rebuild?.graph.commit();
  }

  /** Takes back the changes since the last commit; the flat segment is empty then, its vectors must be added again. */
  rollback(): void {
    this.#graph?.rollback();
    this.#rebuild?.graph.rollback();
    this.#flat.clear();
  }

  /** Starts again from a graph read from disk (or none): vectors that it lacks are then added. */
  reset(graph: Graph | null): void {
    this.#flat.clear();
    this.#graph?.release();
    this.#rebuild?.graph.release();
    this.#graph = graph;
    this.#rebuild = null;
    this.#changes = 0;
  }

  /** True when the label's vector is here already. */
  has(label: number): boolean {
    return (
      this.#flat.has(label) || this.#graph?.live.has(label) === true || this.#rebuild?.graph.live.has(label) === true
    );
  }

  search(queries: Queries): Nearest[] {
    const graph = this.#graph;
    const few = queries.passing !== null && queries.passing.size <= this.tuning.filterExactMaxPoints;
    if (graph === null || queries.exact || few) return this.#exact(queries, this.#offsets(queries.count));
    const found: Nearest[] = [];
    for (const from of this.#offsets(queries.count)) {
      found.push(this.#approximate(graph, queries, from) ?? this.#exact(queries, [from])[0]!);
    }
    return found;
  }

  hasWork(): boolean {
    if (this.#graph?.saving) return false;
    return this.#rebuild !== null || this.#tooManyDeleted() || this.waiting > 0;
  }

  /** Background work for about `milliseconds`. */
  work(milliseconds: number): void {
    const until = performance.now() + milliseconds;
    for (let i = 1; this.hasWork(); i++) {
      this.#workOnce();
      if (i % CLOCK_EVERY_POINTS === 0 && performance.now() >= until) return;
    }
  }

  #workOnce(): void {
    if (this.#rebuild) this.#copyOne(this.#rebuild);
    else if (this.#graph && this.#tooManyDeleted()) this.#startRebuild(this.#graph);
    else this.#moveOne((this.#graph ??= Graph.empty(this.shape)));
  }

  #moveOne(graph: Graph): void {
    const label = this.#flat.lastLabel();
    if (label === undefined) return;
    graph.add(label, this.#flat.vector(label)!);
    this.#flat.delete(label);
    this.#changes++;
  }

  #startRebuild(graph: Graph): void {
    if (graph.size + this.#flat.size >= this.tuning.graphMinPoints) {
      this.#rebuild = { graph: Graph.empty(this.shape), labels: [...graph.live].values() };
      return;
    }
    // Too few are left for a graph.
    for (const label of graph.live) this.#flat.add(label, this.#vectorOf(label));
    graph.release();
    this.#graph = null;
    this.#changes++;
  }

  #copyOne(rebuild: Rebuild): void {
    // New points go into the new graph meanwhile, else the flat segment would grow as long as the rebuild lasts.
    if (this.#flat.size > this.tuning.flatTailMaxPoints / 2) {
      this.#moveOne(rebuild.graph);
      return;
    }
    const next = rebuild.labels.next();
    if (next.done) {
      this.#graph?.release();
      this.#graph = rebuild.graph;
      this.#rebuild = null;
      this.#changes += rebuild.graph.size;
      return;
    }
    if (this.#graph?.live.has(next.value)) rebuild.graph.add(next.value, this.#vectorOf(next.value));
  }

  #vectorOf(label: number): Float32Array {
    const vector = this.#source.vectorOf(label);
    if (!vector) throw new Error(`label ${label} is in the graph, its vector is not in the database`);
    return vector;
  }

  #wantsGraph(): boolean {
    return this.#graph !== null || this.#flat.size >= this.tuning.graphMinPoints;
  }

  #tooManyDeleted(): boolean {
    const graph = this.#graph;
    return graph !== null && graph.deleted > (graph.deleted + graph.size) * REBUILD_DELETED_SHARE;
  }

  #onlyInRebuild(): number {
    if (!this.#rebuild) return 0;
    let only = 0;
    for (const label of this.#rebuild.graph.live) if (!this.#graph?.live.has(label)) only++;
    return only;
  }

  /** Null when it came back short of hits even with a raised ef: a narrow filter, or a graph in pieces. */
  #approximate(graph: Graph, queries: Queries, from: number): Nearest | null {
    const { vectors, k, passing } = queries;
    const filter = passing === null ? undefined : (label: number): boolean => passing.has(label);
    for (const ef of [queries.ef, queries.ef * SHORT_EF_FACTOR]) {
      const nearest = graph.search(vectors, from, k, ef, filter);
      if (this.#flat.size === 0 && this.#rebuild === null) {
        if (nearest.labels.length < Math.min(k, passing?.size ?? graph.size)) continue;
        return this.#tiesById(nearest);
      }
      const merged = this.#withFlat(nearest, queries, from, ef, filter);
      if (merged.labels.length >= Math.min(k, passing?.size ?? graph.size)) return merged;
    }
    return null;
  }

  #withFlat(
    nearest: Nearest,
    queries: Queries,
    from: number,
    ef: number,
    filter?: (label: number) => boolean,
  ): Nearest {
    const top = this.#top(queries.k);
    nearest.labels.forEach((label, i) => top.offer(nearest.distances[i]!, label));
    if (this.#rebuild) {
      const more = this.#rebuild.graph.search(queries.vectors, from, queries.k, ef, filter);
      more.labels.forEach((label, i) => {
        if (!this.#graph?.live.has(label)) top.offer(more.distances[i]!, label);
      });
    }
    const query = queries.vectors.subarray(from, from + this.shape.dimension);
    this.#flat.scan(new BlockScan(this.shape, [query], [top]), filter ?? null);
    return top.sorted();
  }

  /** Scans what may be found: the flat segment in memory, graph points in the database, which keeps the only other copy of them. */
  #exact({ vectors, k, passing }: Queries, offsets: number[]): Nearest[] {
    const { dimension } = this.shape;
    const tops = offsets.map(() => this.#top(k));
    const queries = offsets.map((from) => vectors.subarray(from, from + dimension));
    const scan = new BlockScan(this.shape, queries, tops);
    this.#flat.scan(scan, passing && ((label) => passing.has(label)));
    if (this.#graph !== null && passing !== null && passing.size <= this.size / 4) {
      for (const label of passing) {
        if (this.#flat.has(label)) continue;
        const vector = this.#source.vectorOf(label);
        if (vector) scan.add(label, vector);
      }
    } else if (this.#graph !== null) {
      for (const { label, vector } of this.#source.vectors()) {
        if (!this.#flat.has(label) && passing?.has(label) !== false) scan.add(label, vector);
      }
    }
    scan.finish();
    return tops.map((top) => top.sorted());
  }

  /** hnswlib orders equal distances as it likes. */
  #tiesById(nearest: Nearest): Nearest {
    const { distances, labels } = nearest;
    const tied = distances.some((distance, i) => i > 0 && distance === distances[i - 1]);
    if (!tied) return nearest;
    const top = this.#top(labels.length);
    labels.forEach((label, i) => top.offer(distances[i]!, label));
    return top.sorted();
  }

  #top(k: number): TopK {
    return new TopK(k, (label) => this.#ids.get(label));
  }

  #offsets(count: number): number[] {
    return Array.from({ length: count }, (_, q) => q * this.shape.dimension);
  }
}
