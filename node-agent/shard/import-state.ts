import { crc32 } from 'node:zlib';
import { DamagedError } from './damaged.ts';
import type { ImportState } from './shard-host.ts';
import type { Store } from './store.ts';

type Key = Uint8Array<ArrayBuffer>;

/** The note of a recovery that is under way, in the copy's database; null when there is none. Throws DamagedError. */
export function readImport(store: Store): ImportState | null {
  const row = store.get(
    'SELECT seq, term, source_seq, source_term, last_key, points, total, complete, sum, (SELECT source FROM labels) FROM import WHERE one = 1',
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
    ...(typeof row[9] === 'string' && { labels: row[9] }),
  };
  if (sumOf(state) !== row[8]) throw new DamagedError('the note of the import has a wrong checksum');
  return state;
}

/** Must be within a transaction: the note moves with the points that it speaks of. */
export function writeImport(store: Store, state: ImportState | null): void {
  if (state === null) {
    store.run('DELETE FROM import');
    store.run('UPDATE labels SET source = NULL');
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
  store.run('UPDATE labels SET source = ?', state.labels ?? null);
}

/** Name of the set of labels that a copy's rows have; null: they were all given by the copy itself. */
export function labelSpace(store: Store): string | null {
  return (store.get('SELECT space FROM labels')?.[0] as string | undefined) ?? null;
}

/** A copy that is emptied may get the labels of another: from then on they are a set of their own. Within a transaction. */
export function newLabelSpace(store: Store, space: string): void {
  store.run('INSERT OR REPLACE INTO labels VALUES (1, ?, NULL)', space);
}

function sumOf(state: ImportState): number {
  const { seqNo, term, sourceSeqNo, sourceTerm, lastKey, points, total, complete, labels } = state;
  const key = lastKey && Buffer.from(lastKey).toString('hex');
  const parts = [seqNo, term, sourceSeqNo, sourceTerm, key, points, total, complete];
  return crc32(JSON.stringify(labels === undefined ? parts : [...parts, labels]));
}
