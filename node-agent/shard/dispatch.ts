import type { Slots } from '#model/slot.ts';
import type { ShardCopy } from './copy.ts';
import { databasePath } from './copy-files.ts';
import { beginImport, finishImport, importBatch, importGraph, resumeCopying } from './import.ts';
import { encodeBatch } from './export-codec.ts';
import { ingestEntries, ingestRange } from './ingest.ts';
import { offerGraph, readGraph } from './lent-graph.ts';
import { decodeEntries } from './log-codec.ts';
import type { Request } from './messages.ts';
import type { OpenCopies } from './open-copies.ts';
import { unpackWrite } from './pack.ts';
import { rangeRows } from './range.ts';
import { retrieve, scroll } from './read.ts';
import type { RangeBatch } from './shard-host.ts';
import { search } from './search.ts';
import { digestBucketsOf, digestOf } from './snapshot-reader.ts';

/** Does one call in the worker; a promise is answered when it settles, later calls do not wait for it. */
export function dispatch(copies: OpenCopies, request: Request): unknown {
  const { method, args } = request;
  switch (method) {
    case 'open':
      return copies.open(args[0]);
    case 'close':
      return copies.close(args[0]);
    case 'shutdown':
      return copies.closeAll();
    case 'stats':
      return copies.stats(args[0]);
    case 'configure':
      copies.get(args[0]).copy.configure(args[1]);
      return undefined;
    case 'append':
      if (args[2].some(({ type }) => type !== 'delete')) copies.disk.check(args[0], performance.now());
      return copies.whole(args[0]).append(args[1], args[2].map(unpackWrite));
    case 'apply':
      copies.disk.checkReplica(args[0], performance.now(), () => !grows(copies.streaming(args[0]), args[2]));
      return copies.streaming(args[0]).apply(args[1], args[2]);
    case 'readLog':
      return copies.streaming(args[0]).readLog(args[1], args[2]);
    case 'trimLog':
      copies.streaming(args[0]).trimLog(args[1]);
      return undefined;
    case 'search':
      return search(copies.whole(args[0]), args[1]);
    case 'retrieve':
      return retrieve(copies.whole(args[0]), args[1], args[2]);
    case 'scroll':
      return scroll(copies.whole(args[0]), args[1]);
    case 'count':
      return copies.whole(args[0]).count(args[1]);
    case 'digest':
      return digestOf(databaseOf(copies, args[0]), args[1]);
    case 'digestBuckets':
      return digestBucketsOf(databaseOf(copies, args[0]), args[1]);
    case 'readRange':
      return readRange(copies.whole(args[0]), args[1], args[2], args[3]);
    case 'logTerm':
      return copies.streaming(args[0]).logTerm(args[1]);
    case 'ingestRange':
      copies.disk.check(args[0], performance.now());
      return ingestRange(copies.whole(args[0]), args[1], args[2]);
    case 'ingestEntries':
      copies.disk.check(args[0], performance.now());
      return ingestEntries(copies.whole(args[0]), args[1], args[2]);
    case 'beginImport':
      return beginImport(copies.get(args[0]), args[1], args[2]);
    case 'resumeImport':
      return resumeCopying(copies.get(args[0]), args[1], args[2]);
    case 'importBatch':
      copies.disk.check(args[0], performance.now());
      return importBatch(copies.get(args[0]), args[1], args[2]);
    case 'offerGraph':
      copies.whole(args[0]);
      return offerGraph(copies.get(args[0]));
    case 'readGraph':
      return readGraph(copies.get(args[0]), args[1], args[2], args[3]);
    case 'importGraph':
      return importGraph(copies.get(args[0]), args[1], args[2]);
    case 'finishImport':
      return finishImport(copies.get(args[0]), args[1], args[2]);
  }
}

/** Whether entries would add to the copy: not those that it has already, and not deletes. */
function grows(copy: ShardCopy, entries: Uint8Array): boolean {
  const { seqNo } = copy.position;
  return decodeEntries(entries).some((entry) => entry.seqNo > seqNo && entry.operation.type !== 'delete');
}

function readRange(copy: ShardCopy, slots: Slots | null, afterKey: Uint8Array | null, limit: number): RangeBatch {
  const { rows, lastKey, done } = rangeRows(copy.rows, slots, afterKey && new Uint8Array(afterKey), limit);
  const { seqNo, term } = copy.position;
  return { batch: encodeBatch(rows), points: rows.length, lastKey, done, seqNo, term: copy.logTerm(seqNo) ?? term };
}

function databaseOf(copies: OpenCopies, shard: string): string {
  copies.streaming(shard);
  return databasePath(copies.get(shard).directory);
}
