import { setImmediate as nextTurn } from 'node:timers/promises';
import { AnnulusError } from '#model/errors.ts';
import { dropGraph } from '../index/graph-snapshot.ts';
import type { ShardCopy } from './copy.ts';
import { decodeBatch } from './export-codec.ts';
import { IMPORT_INDEX_SLICE_MS } from './limits.ts';
import type { Open } from './open-copies.ts';
import type { ImportBatch, ImportFrom, ImportState } from './shard-host.ts';

/**
 * Target side of recovery. While it lasts the copy says so in its database and serves nothing: first until every batch is there, then until the
 * log has been applied to the moment of the last batch, for until then its points are of different moments.
 */
export async function beginImport(
  { copy, directory, snapshots }: Open,
  session: string,
  from: ImportFrom,
): Promise<void> {
  copy.importSession = session;
  inTransaction(copy, () => copy.clear(from));
  await snapshots.settled();
  await dropGraph(directory);
}

/** From now on batches of this session are taken; tells how far earlier ones came. */
export function resumeImport({ copy }: Open, session: string): ImportState | null {
  copy.importSession = session;
  return copy.import;
}

export function importBatch({ copy }: Open, session: string, part: ImportBatch): { points: number } {
  const state = running(copy, session);
  const { afterKey, lastKey } = part;
  // What lies between would be missing for good. Before it, the same again does no harm.
  if (afterKey !== null && (state.lastKey === null || Buffer.compare(afterKey, state.lastKey) > 0))
    throw new AnnulusError('ANN_CONFLICT', 'an import batch before this one was not taken; ask where to go on');
  const points = decodeBatch(part.batch);
  const further = lastKey !== null && (state.lastKey === null || Buffer.compare(lastKey, state.lastKey) > 0);
  copy.importPoints(points, {
    ...state,
    sourceSeqNo: part.seqNo,
    sourceTerm: part.term,
    lastKey: further ? new Uint8Array(lastKey) : state.lastKey,
    points: state.points + points.length,
  });
  return { points: points.length };
}

/** Every batch is there: builds the index, in slices, then takes the log from where the import began. */
export async function finishImport(
  { copy }: Open,
  session: string,
  moment: { seqNo: number; term: number },
): Promise<void> {
  const state = running(copy, session);
  if (state.complete) return;
  const slices = copy.buildIndex(IMPORT_INDEX_SLICE_MS);
  while (slices.next().done !== true) {
    await nextTurn();
    running(copy, session);
  }
  inTransaction(copy, () => copy.finishImport({ ...state, sourceSeqNo: moment.seqNo, sourceTerm: moment.term }));
}

function running(copy: ShardCopy, session: string): ImportState {
  if (copy.import === null) throw new AnnulusError('ANN_CONFLICT', 'no import is running; begin one');
  if (copy.importSession !== session)
    throw new AnnulusError('ANN_CONFLICT', `import session ${session} is over; begin a new one`);
  return copy.import;
}

function inTransaction(copy: ShardCopy, change: () => void): void {
  try {
    change();
    copy.commit();
  } catch (error) {
    copy.rollback();
    throw error;
  }
}
