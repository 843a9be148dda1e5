import { AnnulusError, errorToWire } from '#model/errors.ts';
import { pointIdText, type PointId } from '#model/point-id.ts';
import { applyOperation, put, type Target } from '#node-agent/shard/apply-operation.ts';
import { ByteWriter } from '#node-agent/shard/bytes.ts';
import type { BatchPoint } from '#node-agent/shard/export-codec.ts';
import { decodeEntries, writeFrame } from '#node-agent/shard/log-codec.ts';
import type { LogOperation, Write } from '#node-agent/shard/operations.ts';
import { planWrite } from '#node-agent/shard/plan-write.ts';
import type { ExportRow } from '#node-agent/shard/rows.ts';
import type { Appended, ImportFrom, ImportState, Position, ShardSettings } from '#node-agent/shard/shard-host.ts';
import type { CopyFile } from './copy-file.ts';
import { exportRow, keyOfId, type SimRow } from './copy-file.ts';

type Key = Uint8Array<ArrayBuffer>;

/** A row has lost a bit. */
export class DamageFound extends Error {}

/** Told what a primary appends. */
export type OnAppend = (term: number, seqNo: number, operation: LogOperation) => void;

/**
 * One open copy by the rules of node-agent/shard/copy.ts, on a CopyFile instead of SQLite and without an index. Planning of writes, codecs,
 * and the application of operations are the production code.
 */
export class MemoryCopy {
  readonly file: CopyFile;
  readonly settings: ShardSettings;
  readonly #target: Target;
  readonly #onAppend: OnAppend;
  /** Switched off by a mutant. */
  checksTerm = true;

  constructor(file: CopyFile, settings: ShardSettings, onAppend: OnAppend) {
    this.file = file;
    this.settings = settings;
    this.#onAppend = onAppend;
    const none = { add: () => undefined, remove: () => undefined, set: () => undefined, delete: () => undefined };
    // The parts of Store, VectorIndex and LabelIds that applying an operation uses.
    this.#target = { store: this.store, index: none, ids: none, payloadChanged: () => undefined } as unknown as Target;
  }

  get position(): Position {
    return { seqNo: this.file.meta.seqNo, term: this.file.meta.term };
  }

  /** As Store, for applyOperation and ingest. */
  readonly store: object = {
    meta: new Proxy(
      {},
      {
        get: (_, member: keyof CopyFile['meta']) => this.file.meta[member],
        set: (_, member: keyof CopyFile['meta'], value: never) => {
          this.file.meta[member] = value;
          return true;
        },
      },
    ),
    point: (id: PointId) => this.point(id),
    insert: (
      label: number,
      id: PointId,
      seq: number,
      vector: Float32Array<ArrayBuffer> | null,
      payload: string | null,
    ) => {
      this.file.set(pointIdText(id), { label, id, key: keyOfId(id), seq, vector, payload });
      this.#byLabel.set(label, pointIdText(id));
      this.file.meta.points++;
    },
    setPayload: (_label: number, id: PointId, seq: number, payload: string | null) => {
      const row = this.file.row(pointIdText(id));
      if (row) this.file.set(pointIdText(id), { ...row, seq, payload });
    },
    delete: (label: number) => {
      const id = this.#byLabel.get(label) ?? this.#findLabel(label);
      this.file.set(id, undefined);
      this.file.meta.points--;
    },
  };

  #byLabel = new Map<number, string>();

  #findLabel(label: number): string {
    for (const [id, row] of this.file.rows) this.#byLabel.set(row.label, id);
    const id = this.#byLabel.get(label);
    if (id === undefined) throw new Error(`no row with label ${label}`);
    return id;
  }

  /** As Rows. */
  readonly rows = {
    page: (after: Key | null, limit: number): ExportRow[] =>
      this.#after(after, limit).map((row) => exportRow(this.#sound(row))),
    keys: (after: Key | null, limit: number): Key[] => this.#after(after, limit).map((row) => row.key),
    row: (key: Key): ExportRow | undefined => {
      const row = this.file.sorted().find((candidate) => Buffer.compare(candidate.key, key) === 0);
      return row && exportRow(this.#sound(row));
    },
  };

  point(id: PointId): SimRow | undefined {
    const row = this.file.row(pointIdText(id));
    return row && this.#sound(row);
  }

  all(): SimRow[] {
    return this.file.sorted().map((row) => this.#sound(row));
  }

  append(term: number, writes: Write[]): Appended {
    this.#enterTerm(term);
    const firstSeqNo = this.file.meta.seqNo + 1;
    const out = new ByteWriter();
    const known = {
      settings: this.settings,
      exists: (id: PointId): boolean => this.file.row(pointIdText(id)) !== undefined,
      select: (): PointId[] => [],
    };
    const results = writes.map((write): Appended['results'][number] => {
      try {
        let points = 0;
        for (const operation of planWrite(write, known)) points += this.#logOne(out, operation);
        return { ok: true, points };
      } catch (error) {
        if (error instanceof AnnulusError) return { ok: false, error: errorToWire(error) };
        throw error;
      }
    });
    return { firstSeqNo, lastSeqNo: this.file.meta.seqNo, entries: out.finish(), results };
  }

  appendOperations(term: number, operations: LogOperation[]): Appended {
    this.#enterTerm(term);
    const firstSeqNo = this.file.meta.seqNo + 1;
    const out = new ByteWriter();
    const results = operations.map((operation) => ({ ok: true as const, points: this.#logOne(out, operation) }));
    return { firstSeqNo, lastSeqNo: this.file.meta.seqNo, entries: out.finish(), results };
  }

  apply(term: number, bytes: Uint8Array): Position {
    const frames = decodeEntries(bytes);
    this.#enterTerm(term);
    for (const frame of frames) {
      const { seqNo } = this.file.meta;
      if (frame.seqNo <= seqNo) {
        this.#checkSame(frame.seqNo, frame.term);
        continue;
      }
      if (frame.seqNo !== seqNo + 1) {
        const message = `expected seqNo ${seqNo + 1}, got ${frame.seqNo}; send the log from there`;
        throw new AnnulusError('ANN_CONFLICT', message);
      }
      const { operation } = frame;
      this.file.pushLog({ seqNo: frame.seqNo, term: frame.term, bytes: frame.bytes.slice(), operation });
      this.file.meta.seqNo = frame.seqNo;
      applyOperation(this.#target, frame.seqNo, operation);
    }
    if (this.file.import !== null) this.#becomeWhole();
    return this.position;
  }

  logTerm(seqNo: number): number | null {
    return this.file.log[seqNo - this.file.logFrom]?.term ?? null;
  }

  readLog(from: number, maxBytes: number): { entries: Uint8Array; nextSeqNo: number } | null {
    const { log, logFrom, meta } = this.file;
    if (from > meta.seqNo) return { entries: new Uint8Array(0), nextSeqNo: from };
    if (from < logFrom) return null;
    const parts: Uint8Array[] = [];
    let bytes = 0;
    for (const record of log.slice(from - logFrom)) {
      if (parts.length > 0 && bytes + record.bytes.length > maxBytes) break;
      parts.push(record.bytes);
      bytes += record.bytes.length;
    }
    return { entries: Buffer.concat(parts), nextSeqNo: from + parts.length };
  }

  trimLog(below: number): void {
    const { logFrom, meta, log } = this.file;
    const cut = Math.min(below, meta.seqNo + 1) - logFrom;
    if (cut <= 0) return;
    this.file.begin();
    this.file.replaceLog(log.slice(cut));
  }

  /** Whose batches are taken. */
  importSession: string | null = null;

  get import(): ImportState | null {
    return this.file.import;
  }

  /** True while batches of an import are missing. */
  get copying(): boolean {
    return this.file.meta.importing && this.file.import?.complete !== true;
  }

  /** Empties the copy for an import. */
  clear(from: ImportFrom): void {
    this.file.begin();
    this.file.replaceRows(new Map());
    this.file.replaceLog([]);
    Object.assign(this.file.meta, { seqNo: 0, term: 0, points: 0, vectors: 0, importing: true });
    const { seqNo: sourceSeqNo, term: sourceTerm } = from;
    this.file.import = { ...from, sourceSeqNo, sourceTerm, lastKey: null, points: 0, complete: false };
  }

  importPoints(points: BatchPoint[], state: ImportState): void {
    this.file.begin();
    for (const { id, seq, vector, payload } of points)
      put(this.#target, seq, id, this.point(id) as never, vector, payload);
    this.file.import = state;
  }

  finishImport(state: ImportState): void {
    this.file.begin();
    Object.assign(this.file.meta, { seqNo: state.seqNo, term: state.term });
    this.file.import = { ...state, complete: true };
    this.#becomeWhole();
  }

  /** The turn's commit does it. */
  commit(): void {
    return;
  }

  #becomeWhole(): void {
    const half = this.file.import;
    if (half?.complete !== true || this.file.meta.seqNo < half.sourceSeqNo) return;
    this.file.meta.importing = false;
    this.file.import = null;
  }

  #logOne(out: ByteWriter, operation: LogOperation): number {
    const { seqNo, term } = this.file.meta;
    const start = writeFrame(out, { seqNo: seqNo + 1, term, operation });
    const bytes = out.view(start, out.length).slice();
    this.file.pushLog({ seqNo: seqNo + 1, term, bytes, operation });
    this.file.meta.seqNo = seqNo + 1;
    this.#onAppend(term, seqNo + 1, operation);
    return applyOperation(this.#target, seqNo + 1, operation);
  }

  #enterTerm(term: number): void {
    const { meta } = this.file;
    if (term < meta.term && this.checksTerm) {
      const message = `term ${term} is over, this copy is at term ${meta.term}; ask for the newer cluster map`;
      throw new AnnulusError('ANN_STALE_TERM', message);
    }
    this.file.begin();
    meta.term = Math.max(meta.term, term);
  }

  #checkSame(seqNo: number, term: number): void {
    const own = this.logTerm(seqNo);
    if (own === null || own === term) return;
    const message = `entry ${seqNo} has term ${own} here and ${term} at the primary: the logs differ; recover this copy`;
    throw new AnnulusError('ANN_CONFLICT', message);
  }

  #after(after: Key | null, limit: number): SimRow[] {
    const rows = this.file.sorted();
    const from = after === null ? 0 : rows.findIndex((row) => Buffer.compare(row.key, after) > 0);
    return from < 0 ? [] : rows.slice(from, from + limit);
  }

  #sound(row: SimRow): SimRow {
    const id = pointIdText(row.id);
    if (this.file.rotten.has(id)) throw new DamageFound(`point ${id} has a wrong checksum`);
    return row;
  }
}
