import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { DatabaseSync } from 'node:sqlite';
import { SLOTS, type Slots } from '#model/slot.ts';
import { PointsDigest } from './digest.ts';
import { DIGEST_REST_MS, DIGEST_SLICE_MS, DIGEST_STEP_ROWS } from './limits.ts';
import { inSlots, Rows, slotOfKey, type ExportRow } from './rows.ts';

/** One moment of a copy's database, read by its own connection while writes go on. Close it soon: the WAL can't shrink meanwhile. */
class SnapshotReader {
  readonly seqNo: number;
  readonly rows: Rows;
  readonly #db: DatabaseSync;

  constructor(path: string) {
    this.#db = new DatabaseSync(path, { readOnly: true });
    try {
      this.#db.exec('BEGIN');
      this.seqNo = Number(this.#db.prepare('SELECT seq FROM meta').get()?.['seq']);
      this.rows = new Rows(this.#db);
    } catch (error) {
      this.#db.close();
      throw error;
    }
  }

  /** Every row in key order, in time slices so that the thread serves others meanwhile. */
  async each(slots: Slots | null, visit: (row: ExportRow) => void, restMs = 0): Promise<void> {
    let after: Uint8Array<ArrayBuffer> | null = null;
    for (let sliceMs = performance.now(); ;) {
      let last: number;
      if (slots === null) {
        const rows: ExportRow[] = this.rows.page(after, DIGEST_STEP_ROWS);
        for (const row of rows) visit(row);
        after = rows.at(-1)?.key ?? after;
        last = rows.length;
      } else {
        const keys: Uint8Array<ArrayBuffer>[] = this.rows.keys(after, DIGEST_STEP_ROWS);
        for (const key of keys) if (inSlots(slots, key)) visit(this.rows.row(key)!);
        after = keys.at(-1) ?? after;
        last = keys.length;
      }
      if (last < DIGEST_STEP_ROWS) return;
      if (performance.now() - sliceMs < DIGEST_SLICE_MS) continue;
      await (restMs > 0 ? sleep(restMs) : nextTurn());
      sliceMs = performance.now();
    }
  }

  close(): void {
    if (this.#db.isOpen) this.#db.close();
  }
}

/** Digest of a copy, or of its points in some slots, as it is on disk now. */
export async function digestOf(
  path: string,
  slots: Slots | null,
): Promise<{ seqNo: number; points: number; digest: string }> {
  const digest = new PointsDigest();
  const seqNo = await readAll(path, slots, (row) => addTo(digest, row));
  return { seqNo, points: digest.points, digest: digest.text() };
}

/** Digests of equal parts of the slots, in order, all at one seqNo; taken beside other work, which goes first. Part b holds the slots s with floor(s x buckets / 16384) = b. */
export async function digestBucketsOf(path: string, buckets: number): Promise<{ seqNo: number; digests: string[] }> {
  if (!Number.isInteger(buckets) || buckets < 1 || buckets > SLOTS)
    throw new RangeError(`buckets: ${buckets} is not in 1..${SLOTS}`);
  const digests = Array.from({ length: buckets }, () => new PointsDigest());
  const bucketOf = (row: ExportRow): number => Math.floor((slotOfKey(row.key) * buckets) / SLOTS);
  const seqNo = await readAll(path, null, (row) => addTo(digests[bucketOf(row)]!, row), DIGEST_REST_MS);
  return { seqNo, digests: digests.map((digest) => digest.text()) };
}

async function readAll(
  path: string,
  slots: Slots | null,
  visit: (row: ExportRow) => void,
  restMs = 0,
): Promise<number> {
  const reader = new SnapshotReader(path);
  try {
    await reader.each(slots, visit, restMs);
    return reader.seqNo;
  } finally {
    reader.close();
  }
}

function addTo(digest: PointsDigest, { key, vector, payload }: ExportRow): void {
  digest.add(key, vector && new Uint8Array(vector.buffer), payload);
}
