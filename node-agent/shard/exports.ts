import { AnnulusError } from '#model/errors.ts';
import { encodeBatch } from './export-codec.ts';
import { EXPORT_BATCH_MAX_BYTES, EXPORT_IDLE_MS, EXPORT_SESSIONS_MAX } from './limits.ts';
import type { ExportBatch, ExportOpened } from './messages.ts';
import { PointsDigest } from './digest.ts';
import type { ExportRow } from './rows.ts';
import { addTo, SnapshotReader } from './snapshot-reader.ts';

interface Session {
  shard: string;
  reader: SnapshotReader;
  usedMs: number;
}

/** The export sessions of one worker. */
export class Exports {
  #sessions = new Map<string, Session>();
  #next = 1;

  async open(shard: string, database: string): Promise<ExportOpened> {
    if (this.#sessions.size >= EXPORT_SESSIONS_MAX)
      throw new AnnulusError(
        'ANN_OVERLOADED',
        `${EXPORT_SESSIONS_MAX} exports run on this node already; try again later`,
      );
    const reader = new SnapshotReader(database);
    const name = String(this.#next++);
    // Counted from now on: digests of large copies take a while.
    this.#sessions.set(name, { shard, reader, usedMs: Infinity });
    try {
      const digest = new PointsDigest();
      await reader.each(null, (row) => addTo(digest, row));
      const { seqNo, points } = reader;
      const session = this.#get(name);
      session.usedMs = performance.now();
      return { session: name, seqNo, term: reader.term, points, digest: digest.text() };
    } catch (error) {
      this.close(name);
      throw error;
    }
  }

  read(name: string, afterKey: Uint8Array | null, limit: number): ExportBatch {
    const session = this.#get(name);
    session.usedMs = performance.now();
    const rows: ExportRow[] = [];
    let bytes = 0;
    let after = afterKey && new Uint8Array(afterKey);
    while (rows.length < limit && bytes < EXPORT_BATCH_MAX_BYTES) {
      const page = session.reader.rows.page(after, Math.min(limit - rows.length, 64));
      if (page.length === 0) break;
      for (const row of page) bytes += row.key.length + (row.vector?.byteLength ?? 0) + (row.payload?.length ?? 0);
      rows.push(...page);
      after = page.at(-1)!.key;
    }
    const done = session.reader.rows.page(after, 1).length === 0;
    return { batch: encodeBatch(rows), lastKey: after, done };
  }

  close(name: string): undefined {
    this.#sessions.get(name)?.reader.close();
    this.#sessions.delete(name);
  }

  closeOf(shard: string): void {
    for (const [name, session] of this.#sessions) if (session.shard === shard) this.close(name);
  }

  dropIdle(nowMs: number): void {
    for (const [name, session] of this.#sessions) if (nowMs - session.usedMs > EXPORT_IDLE_MS) this.close(name);
  }

  /** Log entries above this are needed by a reader of the shard. */
  oldestSeqNo(shard: string): number {
    let oldest = Infinity;
    for (const session of this.#sessions.values())
      if (session.shard === shard) oldest = Math.min(oldest, session.reader.seqNo);
    return oldest;
  }

  #get(name: string): Session {
    const session = this.#sessions.get(name);
    if (session) return session;
    throw new AnnulusError(
      'ANN_NOT_FOUND',
      `export session ${name} is closed (idle for 60 s, or its copy was closed); open a new one`,
    );
  }
}
