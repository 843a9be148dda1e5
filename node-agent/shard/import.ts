import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { AnnulusError } from '#model/errors.ts';
import { dropGraph } from '../index/graph-snapshot.ts';
import type { ShardCopy } from './copy.ts';
import { decodeBatch } from './export-codec.ts';
import { forgetIncoming, takeGraph } from './lent-graph.ts';
import { IMPORT_INDEX_SLICE_MS } from './limits.ts';
import type { Open } from './open-copies.ts';
import type { GraphPart, ImportBatch, ImportFrom, ImportState } from './shard-host.ts';

/**
 * Target side of recovery. While it lasts the copy says so in its database and serves nothing: first until every batch is there, then until the
 * log has been applied to the moment of the last batch, for until then its points are of different moments.
 */
export async function beginImport(open: Open, session: string, from: ImportFrom): Promise<void> {
  const { copy } = open;
  copy.importSession = session;
  await withoutGraph(open, session, () => copy.clear(from, randomUUID()));
}

/** From now on batches of this session are taken; tells how far earlier ones came. */
export function resumeImport({ copy }: Pick<Open, 'copy'>, session: string): ImportState | null {
  copy.importSession = session;
  return copy.import;
}

/** As resumeImport; rows that a source with other labels brought keep theirs, and those that come get labels of our own. */
export async function resumeCopying(open: Open, session: string, labels?: string): Promise<ImportState | null> {
  const { copy } = open;
  const state = resumeImport(open, session);
  // The graph of a finished import fits its points, as they are on disk; one that was brought before is brought again.
  if (state === null || state.complete) return state;
  await withoutGraph(open, session, () => {
    copy.index.reset(null);
    if (copy.import?.labels !== labels) copy.keepOwnLabels();
  });
  return copy.import;
}

/** A change after which the graph's file would not fit the rows: it goes first. A crash between the two costs only time. */
function withoutGraph(open: Open, session: string, change: () => void): Promise<void> {
  const { copy, directory, snapshots } = open;
  return inTurn(open, async () => {
    forgetIncoming(open);
    await snapshots.stopped();
    try {
      await dropGraph(directory);
      if (copy.importSession !== session)
        throw new AnnulusError('ANN_CONFLICT', `import session ${session} is over; begin a new one`);
      copy.transact(change);
    } finally {
      snapshots.resume();
    }
  });
}

/** What changes the graph's file from outside, one after the other. */
async function inTurn<T>(open: Open, run: () => Promise<T>): Promise<T> {
  const turn = open.graphTurn.then(run);
  open.graphTurn = turn.then(
    () => undefined,
    () => undefined,
  );
  return await turn;
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

/** Takes a part of the source's graph; tells why not, empty when all is well. */
export async function importGraph(open: Open, session: string, part: GraphPart): Promise<string> {
  running(open.copy, session);
  return await inTurn(open, () => takeGraph(open, session, part));
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
  copy.transact(() => copy.finishImport({ ...state, sourceSeqNo: moment.seqNo, sourceTerm: moment.term }));
}

function running(copy: ShardCopy, session: string): ImportState {
  if (copy.import === null) throw new AnnulusError('ANN_CONFLICT', 'no import is running; begin one');
  if (copy.importSession !== session)
    throw new AnnulusError('ANN_CONFLICT', `import session ${session} is over; begin a new one`);
  return copy.import;
}
