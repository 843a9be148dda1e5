import { AnnulusError, errorToWire } from '#model/errors.ts';
import { LabelIds } from '../index/label-ids.ts';
import { LabelSet } from '../index/label-set.ts';
import { PayloadIndexes } from '../index/payload-index.ts';
import { VectorIndex } from '../index/vector-index.ts';
import { applyOperation, put, type Target } from './apply-operation.ts';
import { ByteWriter } from './bytes.ts';
import { Filters } from './filters.ts';
import { SCAN_STEP_ROWS, TRIM_MAX_ENTRIES, type IndexTuning } from './limits.ts';
import { decodeEntries, isFrame, writeFrame } from './log-codec.ts';
import type { BatchPoint } from './export-codec.ts';
import { newLabelSpace, readImport, writeImport } from './import-state.ts';
import type { LogOperation, Write } from './operations.ts';
import { planWrite, type Known } from './plan-write.ts';
import { Rows } from './rows.ts';
import type { Appended, ImportFrom, ImportState, Position, ShardSettings, ShardStats } from './shard-host.ts';
import type { Store } from './store.ts';

const NO_INDEX: Target['index'] = { add: () => undefined, remove: () => undefined };

/** One open copy in its worker: database, index and the rules of its log. Synchronous; the worker commits after each turn. */
export class ShardCopy {
  readonly store: Store;
  readonly settings: ShardSettings;
  readonly ids = new LabelIds();
  readonly index: VectorIndex;
  readonly fields: PayloadIndexes;
  readonly filters: Filters;
  readonly rows: Rows;
  /** The recovery that fills this copy, as it is on disk after the next commit. */
  import: ImportState | null;
  /** Whose batches are taken. */
  importSession: string | null = null;
  readonly #target: Target;
  readonly #known: Known;

  constructor(store: Store, settings: ShardSettings, tuning: Partial<IndexTuning> = {}) {
    this.store = store;
    this.settings = settings;
    const { dimension, metric, hnsw } = settings;
    const shape = { dimension, metric, m: hnsw.m, efConstruction: hnsw.efConstruction };
    this.index = new VectorIndex(shape, this.ids, store, tuning);
    this.fields = new PayloadIndexes(store);
    this.filters = new Filters(store, this.fields);
    this.rows = new Rows(store.db);
    this.import = readImport(store);
    this.#target = {
      store,
      index: this.index,
      ids: this.ids,
      payloadChanged: (label, before, after) => this.fields.changed(label, before, after),
    };
    this.#known = {
      settings,
      exists: (id) => store.labelOf(id) !== undefined,
      select: (filter) => [...this.filters.prepare(filter)].map((label) => this.ids.get(label)!),
    };
  }

  get position(): Position {
    return { seqNo: this.store.meta.seqNo, term: this.store.meta.term };
  }

  configure(settings: Partial<ShardSettings>): void {
    Object.assign(this.settings, settings);
    if (settings.payloadIndexes) this.fields.configure(settings.payloadIndexes);
    this.filters.invalidate();
  }

  /** Reads which points there are. */
  loadIds(): void {
    this.ids.clear();
    this.filters.invalidate();
    for (const { label, id } of this.store.labels()) this.ids.set(label, id);
  }

  /** Adds to the index what the database has and the index lacks. A copy that is still being copied has no index. */
  fillIndex(): void {
    if (this.copying) return;
    const missing = new LabelSet();
    for (const { label, hasVector } of this.store.labels()) if (hasVector && !this.index.has(label)) missing.add(label);
    if (missing.size > this.store.meta.vectors / 4) {
      for (const { label, vector } of this.store.vectors()) if (missing.has(label)) this.index.add(label, vector);
      return;
    }
    for (const label of missing) {
      const vector = this.store.vectorOf(label);
      if (vector) this.index.add(label, vector);
    }
  }

  /** True while batches of an import are missing. */
  get copying(): boolean {
    return this.store.meta.importing && this.import?.complete !== true;
  }

  /** Durable when it returns. */
  commit(): void {
    this.store.commit();
    this.index.commit();
  }

  /** A change outside the worker's turns: all of it is on disk then, or nothing. */
  transact(change: () => void): void {
    try {
      change();
      if (this.store.inTransaction) this.commit();
    } catch (error) {
      this.rollback();
      throw error;
    }
  }

  /** Back to the last commit, in the database and in memory. */
  rollback(): void {
    this.store.rollback();
    this.index.rollback();
    this.fields.rollback();
    this.import = readImport(this.store);
    this.loadIds();
    this.fillIndex();
  }

  /** Builds the index anew from the database. */
  rebuildIndex(): void {
    this.index.reset(null);
    this.fillIndex();
  }

  /** Closes the file and gives the memory back. No snapshot may be under way. */
  close(): void {
    this.store.close();
    this.index.reset(null);
  }

  /** Empties the copy for an import; `space` names the labels that it will have. */
  clear(from: ImportFrom, space: string): void {
    const { store } = this;
    store.begin();
    for (const table of ['points', 'log', 'field_value']) store.run(`DELETE FROM ${table}`);
    Object.assign(store.meta, { seqNo: 0, term: 0, points: 0, vectors: 0, importing: true });
    newLabelSpace(store, space);
    const { seqNo: sourceSeqNo, term: sourceTerm } = from;
    this.#setImport({ ...from, sourceSeqNo, sourceTerm, lastKey: null, points: 0, complete: false });
    this.ids.clear();
    this.filters.invalidate();
    this.index.reset(null);
  }

  /** Puts points of a batch beside the index, which is built when all are there: building it as they come would make the source wait. */
  importPoints(points: BatchPoint[], state: ImportState): void {
    this.store.begin();
    // Built for a session that went before.
    if (this.index.size > 0) this.index.reset(null);
    const target = { ...this.#target, index: NO_INDEX };
    const lent = state.labels !== undefined;
    for (const { id, seq, label, vector, payload } of points)
      put(target, seq, id, this.store.point(id), vector, payload, lent ? label : undefined);
    this.filters.invalidate();
    this.#setImport(state);
  }

  /** Adds every vector that the index lacks, as a generator that pauses after each slice; what waits for the graph stays bounded. */
  *buildIndex(sliceMs: number): Generator<void, void, undefined> {
    let until = performance.now() + sliceMs;
    let page: number[];
    for (let after = 0; (page = this.store.vectorLabels(after, SCAN_STEP_ROWS)).length > 0; after = page.at(-1)!) {
      for (const label of page) {
        const vector = this.index.has(label) ? null : this.store.vectorOf(label);
        if (vector) this.index.add(label, vector);
        while (this.index.full || performance.now() >= until) {
          if (this.index.full) this.index.work(sliceMs);
          yield;
          until = performance.now() + sliceMs;
        }
      }
    }
  }

  /** From now on the copy gives its rows labels of its own: another source goes on with the import, or none may lend its labels. */
  keepOwnLabels(): void {
    if (this.import?.labels === undefined) return;
    this.store.begin();
    const { labels: _, ...state } = this.import;
    this.#setImport(state);
  }

  /** Labels under this one are not given out again: they may be in a graph that is brought here. */
  reserveLabels(below: number): void {
    this.store.begin();
    this.store.meta.nextLabel = Math.max(this.store.meta.nextLabel, below);
  }

  /** The copy has every batch: its log goes on from where the import began, and at the moment of the last batch it is whole. */
  finishImport(state: ImportState): void {
    this.store.begin();
    Object.assign(this.store.meta, { seqNo: state.seqNo, term: state.term });
    this.#setImport({ ...state, complete: true });
    this.#becomeWhole();
  }

  #becomeWhole(): void {
    if (this.import?.complete !== true || this.store.meta.seqNo < this.import.sourceSeqNo) return;
    this.store.meta.importing = false;
    this.#setImport(null);
  }

  #setImport(state: ImportState | null): void {
    writeImport(this.store, state);
    this.import = state;
  }

  hasWork(): boolean {
    return this.index.hasWork() || this.fields.hasWork();
  }

  /** Background work for about `milliseconds`; may open a transaction. */
  work(milliseconds: number): void {
    if (this.fields.hasWork()) this.fields.work(milliseconds);
    else this.index.work(milliseconds);
  }

  append(term: number, writes: Write[]): Appended {
    this.#enterTerm(term);
    const firstSeqNo = this.store.meta.seqNo + 1;
    const out = new ByteWriter();
    const results = writes.map((write): Appended['results'][number] => {
      try {
        return { ok: true, points: this.#appendOne(out, write) };
      } catch (error) {
        if (error instanceof AnnulusError) return { ok: false, error: errorToWire(error) };
        throw error;
      }
    });
    return { firstSeqNo, lastSeqNo: this.store.meta.seqNo, entries: out.finish(), results };
  }

  /** As append, of operations that are resolved and checked already; `results` is one a operation. */
  appendOperations(term: number, operations: LogOperation[]): Appended {
    this.#enterTerm(term);
    const firstSeqNo = this.store.meta.seqNo + 1;
    const out = new ByteWriter();
    const results = operations.map((operation) => ({ ok: true as const, points: this.#logOne(out, operation) }));
    return { firstSeqNo, lastSeqNo: this.store.meta.seqNo, entries: out.finish(), results };
  }

  #appendOne(out: ByteWriter, write: Write): number {
    let points = 0;
    for (const operation of planWrite(write, this.#known)) points += this.#logOne(out, operation);
    return points;
  }

  #logOne(out: ByteWriter, operation: LogOperation): number {
    const { seqNo, term } = this.store.meta;
    const start = writeFrame(out, { seqNo: seqNo + 1, term, operation });
    this.#log(seqNo + 1, term, out.view(start, out.length));
    return this.#change(seqNo + 1, operation);
  }

  /** Term of the log entry with this seqNo; null when the log has none. */
  logTerm(seqNo: number): number | null {
    return (this.store.get('SELECT term FROM log WHERE seq = ?', seqNo)?.[0] as number | undefined) ?? null;
  }

  apply(term: number, bytes: Uint8Array): Position {
    const frames = decodeEntries(bytes);
    this.#enterTerm(term);
    for (const frame of frames) {
      const { seqNo } = this.store.meta;
      if (frame.seqNo <= seqNo) {
        this.#checkSame(frame.seqNo, frame.term);
        continue;
      }
      if (frame.seqNo !== seqNo + 1)
        throw new AnnulusError(
          'ANN_CONFLICT',
          `expected seqNo ${seqNo + 1}, got ${frame.seqNo}; send the log from there`,
        );
      if (frame.term > term)
        throw new AnnulusError(
          'ANN_BAD_REQUEST',
          `entry ${frame.seqNo} has term ${frame.term}, its sender has ${term}`,
        );
      this.#log(frame.seqNo, frame.term, frame.bytes);
      this.#change(frame.seqNo, frame.operation);
    }
    if (this.import !== null) this.#becomeWhole();
    return this.position;
  }

  readLog(fromSeqNo: number, maxBytes: number): { entries: Uint8Array; nextSeqNo: number } | null {
    const { seqNo } = this.store.meta;
    if (fromSeqNo > seqNo) return { entries: new Uint8Array(0), nextSeqNo: fromSeqNo };
    if (fromSeqNo < this.logFromSeqNo()) return null;
    const parts: Uint8Array[] = [];
    let bytes = 0;
    let next = fromSeqNo;
    for (const row of this.store.iterate('SELECT entry FROM log WHERE seq >= ? ORDER BY seq', fromSeqNo)) {
      const entry = row[0] as Uint8Array;
      // As if it were not there: a copy that needs it is recovered whole, the points have checksums of their own.
      if (!isFrame(entry)) {
        if (parts.length === 0) return null;
        break;
      }
      if (parts.length > 0 && bytes + entry.length > maxBytes) break;
      parts.push(entry);
      bytes += entry.length;
      next++;
    }
    const entries = new Uint8Array(bytes);
    let at = 0;
    for (const part of parts) {
      entries.set(part, at);
      at += part.length;
    }
    return { entries, nextSeqNo: next };
  }

  /** Forgets old entries: some of them, if there are very many; the next call goes on. */
  trimLog(belowSeqNo: number): void {
    const from = this.logFromSeqNo();
    const below = Math.min(belowSeqNo, this.store.meta.seqNo + 1, from + TRIM_MAX_ENTRIES);
    if (below <= from) return;
    this.store.begin();
    this.store.run('DELETE FROM log WHERE seq < ?', below);
  }

  /** First seqNo in the log; the next one to come when the log is empty. */
  logFromSeqNo(): number {
    return (this.store.get('SELECT min(seq) FROM log')?.[0] as number | null | undefined) ?? this.store.meta.seqNo + 1;
  }

  count(filter: string | null): number {
    return filter === null ? this.store.meta.points : this.filters.prepare(filter).size;
  }

  stats(): Omit<ShardStats, 'bytes' | 'labels'> {
    return {
      ...this.position,
      points: this.store.meta.points,
      indexedPoints: (this.copying ? this.index.size : this.store.meta.vectors) - this.index.waiting,
      memoryBytes: this.ids.bytes + this.index.bytes,
      deletedInGraph: this.index.deletedInGraph,
      logFromSeqNo: this.logFromSeqNo(),
    };
  }

  #enterTerm(term: number): void {
    const { meta } = this.store;
    if (term < meta.term) {
      const message = `term ${term} is over, this copy is at term ${meta.term}; ask for the newer cluster map`;
      throw new AnnulusError('ANN_STALE_TERM', message);
    }
    this.store.begin();
    meta.term = term;
  }

  #change(seqNo: number, operation: LogOperation): number {
    const points = applyOperation(this.#target, seqNo, operation);
    this.filters.invalidate();
    return points;
  }

  #log(seqNo: number, term: number, frame: Uint8Array): void {
    this.store.run(
      'INSERT INTO log (seq, term, entry) VALUES (?, ?, ?)',
      seqNo,
      term,
      frame as Uint8Array<ArrayBuffer>,
    );
    this.store.meta.seqNo = seqNo;
  }

  /** An entry that we have must be the one that the primary has; else this log has forked and the copy must be recovered. */
  #checkSame(seqNo: number, term: number): void {
    const own = this.logTerm(seqNo);
    if (own !== null && own !== term) {
      const message = `entry ${seqNo} has term ${String(own)} here and ${term} at the primary: the logs differ; recover this copy`;
      throw new AnnulusError('ANN_CONFLICT', message);
    }
  }
}
