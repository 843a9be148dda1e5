import { AnnulusError } from '#model/errors.ts';
import { dropGraph } from '../index/graph-snapshot.ts';
import { databasePath } from './copy-files.ts';
import type { ShardCopy } from './copy.ts';
import { decodeBatch } from './export-codec.ts';
import type { ImportExpectation } from './messages.ts';
import type { Open } from './open-copies.ts';
import { digestOf } from './snapshot-reader.ts';

/** Target side of recovery. Between begin and finish the copy says so in its database, and serves nothing. */
export async function beginImport({ copy, directory, snapshots }: Open): Promise<void> {
  inTransaction(copy, () => copy.clear());
  await snapshots.settled();
  await dropGraph(directory);
}

export function importBatch({ copy }: Open, bytes: Uint8Array): { points: number } {
  return { points: copy.importPoints(decodeBatch(bytes)) };
}

/** Checks that the copy is what the source had, then makes it whole. */
export async function finishImport({ copy, directory }: Open, expect: ImportExpectation): Promise<void> {
  if (!copy.store.meta.importing) throw new AnnulusError('ANN_CONFLICT', 'no import is running; begin one');
  const { points, digest } = await digestOf(databasePath(directory), null);
  if (points !== expect.points || digest !== expect.digest) {
    const message = `the imported copy has ${points} points with digest ${digest}, its source has ${expect.points} with ${expect.digest}; begin again`;
    throw new AnnulusError('ANN_CONFLICT', message);
  }
  inTransaction(copy, () => copy.finishImport(expect.seqNo, expect.term));
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
