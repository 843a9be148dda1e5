import type { LogOperation } from '#node-agent/shard/operations.ts';
import type { ExportRow } from '#node-agent/shard/rows.ts';
import type { ImportState } from '#node-agent/shard/shard-host.ts';
import type { PointId } from '#model/point-id.ts';
import { pointIdKey } from '#model/point-id.ts';
import type { Random } from './random.ts';

/** A row of `points` as the production code sees it. */
export interface SimRow {
  label: number;
  id: PointId;
  key: Uint8Array<ArrayBuffer>;
  seq: number;
  vector: Float32Array<ArrayBuffer> | null;
  payload: string | null;
}

export interface LogRecord {
  seqNo: number;
  term: number;
  bytes: Uint8Array<ArrayBuffer>;
  operation: LogOperation;
}

/**
 * A copy's database: what SQLite would hold, with transactions. A crash takes back what was not committed; a commit under way at the
 * crash may have reached the disk or not.
 */
export class CopyFile {
  readonly uid: string;
  meta = { seqNo: 0, term: 0, nextLabel: 1, points: 0, vectors: 0, importing: false };
  /** The recovery that fills it. */
  import: ImportState | null = null;
  /** By id as text. */
  rows = new Map<string, SimRow>();
  log: LogRecord[] = [];
  /** Written on the disk when damage was found: survives restarts. */
  failedMark = '';
  /** Ids whose rows have lost a bit: found when they are read. */
  rotten = new Set<string>();
  /** Grows with every change of rows: caches go by it. */
  version = 0;
  #undo: (() => void)[] = [];
  #committing = false;

  constructor(uid: string) {
    this.uid = uid;
  }

  get inTransaction(): boolean {
    return this.#undo.length > 0;
  }

  begin(): void {
    if (this.inTransaction) return;
    const { meta } = this;
    const before = { ...meta };
    const half = this.import;
    this.#undo.push(() => {
      Object.assign(this.meta, before, { nextLabel: this.meta.nextLabel });
      this.import = half;
    });
  }

  /** The commit is on its way to the disk. */
  commitBegins(): void {
    this.#committing = true;
  }

  commit(): void {
    this.#committing = false;
    this.#undo = [];
  }

  rollback(): void {
    this.version++;
    for (const undo of this.#undo.reverse()) undo();
    this.commit();
  }

  crash(random: Random): void {
    if (this.#committing && random.chance(0.5)) this.commit();
    else this.rollback();
  }

  row(id: string): SimRow | undefined {
    return this.rows.get(id);
  }

  set(id: string, row: SimRow | undefined): void {
    this.version++;
    const before = this.rows.get(id);
    if (row === undefined) this.rows.delete(id);
    else this.rows.set(id, row);
    this.#undo.push(() => (before === undefined ? this.rows.delete(id) : this.rows.set(id, before)));
  }

  pushLog(record: LogRecord): void {
    this.log.push(record);
    this.#undo.push(() => this.log.pop());
  }

  replaceLog(log: LogRecord[]): void {
    const before = this.log;
    this.log = log;
    this.#undo.push(() => (this.log = before));
  }

  replaceRows(rows: Map<string, SimRow>): void {
    this.version++;
    const before = this.rows;
    this.rows = rows;
    this.#undo.push(() => (this.rows = before));
  }

  get logFrom(): number {
    return this.log[0]?.seqNo ?? this.meta.seqNo + 1;
  }

  #sorted: { version: number; rows: SimRow[] } = { version: -1, rows: [] };

  /** Rows in key order. */
  sorted(): SimRow[] {
    if (this.#sorted.version !== this.version) {
      const rows = [...this.rows.values()].sort((a, b) => Buffer.compare(a.key, b.key));
      this.#sorted = { version: this.version, rows };
    }
    return this.#sorted.rows;
  }
}

export function keyOfId(id: PointId): Uint8Array<ArrayBuffer> {
  return pointIdKey(id) as Uint8Array<ArrayBuffer>;
}

export function exportRow({ key, seq, label, vector, payload }: SimRow): ExportRow {
  return { key, seq, label, vector, payload };
}
