import { setImmediate as nextTurn } from 'node:timers/promises';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { PointsDigest } from './digest.ts';
import { SCAN_STEP_ROWS } from './limits.ts';
import { checkedPayload, checkedVector } from './store.ts';

export interface ExportRow {
  key: Uint8Array<ArrayBuffer>;
  vector: Float32Array<ArrayBuffer> | null;
  payload: string | null;
}

/** Rows read between two turns of the thread. */
const STEP_ROWS = Math.min(250, SCAN_STEP_ROWS);

/** One moment of a copy's database, read by its own connection while writes go on. Close it soon: the WAL can't shrink meanwhile. */
export class SnapshotReader {
  readonly seqNo: number;
  readonly term: number;
  readonly points: number;
  readonly #db: DatabaseSync;
  readonly #page: StatementSync;

  constructor(path: string) {
    this.#db = new DatabaseSync(path, { readOnly: true });
    try {
      this.#db.exec('BEGIN');
      const meta = this.#db.prepare('SELECT seq, term, points FROM meta').get();
      this.seqNo = Number(meta?.['seq']);
      this.term = Number(meta?.['term']);
      this.points = Number(meta?.['points']);
      this.#page = this.#db.prepare(
        'SELECT id, vector, vsum, payload, psum FROM points WHERE id > ? ORDER BY id LIMIT ?',
      );
      this.#page.setReturnArrays(true);
    } catch (error) {
      this.#db.close();
      throw error;
    }
  }

  /** The next rows in key order. */
  page(afterKey: Uint8Array<ArrayBuffer> | null, limit: number): ExportRow[] {
    const rows = this.#page.all(afterKey ?? new Uint8Array(0), limit) as unknown as (
      Uint8Array<ArrayBuffer> | number | string | null
    )[][];
    return rows.map((row) => {
      const key = row[0] as Uint8Array<ArrayBuffer>;
      return { key, vector: checkedVector(key, row[1], row[2]), payload: checkedPayload(key, row[3], row[4]) };
    });
  }

  /** Digest over all points, in steps so that the thread serves others meanwhile. */
  async digest(): Promise<{ seqNo: number; points: number; digest: string }> {
    const digest = new PointsDigest();
    let after: Uint8Array<ArrayBuffer> | null = null;
    for (;;) {
      const rows: ExportRow[] = this.page(after, STEP_ROWS);
      for (const { key, vector, payload } of rows) digest.add(key, vector && new Uint8Array(vector.buffer), payload);
      after = rows.at(-1)?.key ?? after;
      if (rows.length < STEP_ROWS) return { seqNo: this.seqNo, points: digest.points, digest: digest.text() };
      await nextTurn();
    }
  }

  close(): void {
    if (this.#db.isOpen) this.#db.close();
  }
}

/** Digest of a copy as it is on disk now. */
export async function digestOf(path: string): Promise<{ seqNo: number; points: number; digest: string }> {
  const reader = new SnapshotReader(path);
  try {
    return await reader.digest();
  } finally {
    reader.close();
  }
}
