import { crc32 } from 'node:zlib';
import { DamagedError } from './damaged.ts';
import type { ImportState } from './shard-host.ts';
import type { Store } from './store.ts';

type Key = Uint8Array<ArrayBuffer>;

/** The note of a recovery that is under way, in the copy's database; null when there is none. Throws DamagedError. */
export function readImport(store: Store): ImportState | null {
  const row = store.get(
    'SELECT seq, term, source_seq, source_term, last_key, points, total, complete, sum FROM import WHERE one = 1',
  );
  if (row === undefined) return null;
  const [seqNo, term, sourceSeqNo, sourceTerm] = row.slice(0, 4).map(Number);
  const state: ImportState = {
    seqNo: seqNo!,
    term: term!,
    sourceSeqNo: sourceSeqNo!,
    sourceTerm: sourceTerm!,
    lastKey: row[4] as Key | null,
    points: Number(row[5]),
    total: Number(row[6]),
    complete: row[7] === 1,
  };
  if (sumOf(state) !== row[8]) throw new DamagedError('the note of the import has a wrong checksum');
  return state;
}

/** Must be within a transaction: the note moves with the points that it speaks of. */
export function writeImport(store: Store, state: ImportState | null): void {
  if (state === null) {
    store.run('DELETE FROM import');
    return;
  }
  store.run(
    'INSERT OR REPLACE INTO import VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
    state.seqNo,
    state.term,
    state.sourceSeqNo,
    state.sourceTerm,
    state.lastKey as Key | null,
    state.points,
    state.total,
    state.complete ? 1 : 0,
    sumOf(state),
  );
}

function sumOf({ seqNo, term, sourceSeqNo, sourceTerm, lastKey, points, total, complete }: ImportState): number {
  const key = lastKey && Buffer.from(lastKey).toString('hex');
  return crc32(JSON.stringify([seqNo, term, sourceSeqNo, sourceTerm, key, points, total, complete]));
}
