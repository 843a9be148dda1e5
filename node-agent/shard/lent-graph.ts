import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { open, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { AnnulusError } from '#model/errors.ts';
import { adoptFile, loadGraph, readSidecar } from '../index/graph-snapshot.ts';
import { incomingGraphPath } from './copy-files.ts';
import type { Open } from './open-copies.ts';
import type { GraphOffer, GraphPart } from './shard-host.ts';

/**
 * A recovery brings the source's graph too, as the file of a snapshot (docs/decisions/0014). It only saves building one: whatever is wrong with it, it is
 * left out. It holds for rows that have the labels of the same source.
 */

/** Source: its newest snapshot, taken now if much has changed since; null when there is none. It stays for a while after each look at it. */
export async function offerGraph({ copy, directory, snapshots }: Open): Promise<GraphOffer | null> {
  if (!(await snapshots.lend())) return null;
  const sidecar = await readSidecar(directory);
  if (sidecar === null) return null;
  // Read after the file: it has no label that is not under nextLabel, and shows nothing that is later than this seqNo.
  const { seqNo, term } = copy.position;
  return { ...sidecar, nextLabel: copy.store.meta.nextLabel, seqNo, term: copy.logTerm(seqNo) ?? term };
}

/** Bytes of the offered file; throws when it is gone. */
export async function readGraph(open_: Open, file: string, offset: number, length: number): Promise<Uint8Array> {
  open_.snapshots.keep();
  const handle = await open(join(open_.directory, file), 'r');
  try {
    const bytes = new Uint8Array(length);
    const { bytesRead } = await handle.read(bytes, 0, length, offset);
    return bytes.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** A graph on its way in: its parts come in order. */
export interface IncomingGraph {
  session: string;
  descriptor: number;
  bytes: number;
  sum: number;
}

export function forgetIncoming(target: Open): void {
  if (target.incoming !== null) closeSync(target.incoming.descriptor);
  target.incoming = null;
}

/** Target: takes a part. With the last one the graph becomes the copy's. Gives why it can't; empty = all is well. */
export async function takeGraph(target: Open, session: string, part: GraphPart): Promise<string> {
  try {
    const refused = (part.offset === 0 ? await begin(target, session, part) : '') || write(target, session, part);
    if (refused !== '' || part.offset + part.data.length < part.offer.bytes) return refused;
    return (await check(target, part.offer)) || (await adopt(target, session, part.offer));
  } catch (error) {
    // The disk is full, for example: not worth more than the graph.
    if (error instanceof AnnulusError || !isOfFiles(error)) throw error;
    forgetIncoming(target);
    return error.message;
  }
}

function isOfFiles(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error;
}

function write({ incoming }: Open, session: string, { offset, data, dataCrc32 }: GraphPart): string {
  if (incoming?.session !== session || incoming.bytes !== offset)
    return 'a part of the file before this one was not taken';
  if (crc32(data) !== dataCrc32) return 'a part of the file was damaged on its way';
  for (let at = 0; at < data.length;) at += writeSync(incoming.descriptor, data, at);
  incoming.sum = crc32(data, incoming.sum);
  incoming.bytes += data.length;
  return '';
}

/** Resolves when the file is whole on disk; gives what is wrong with it. */
async function check(target: Open, offer: GraphOffer): Promise<string> {
  const { bytes, sum, descriptor } = target.incoming!;
  fsyncSync(descriptor);
  forgetIncoming(target);
  if (bytes === offer.bytes && sum === offer.crc32) return '';
  await rm(incomingGraphPath(target.directory), { force: true });
  return 'the checksum of the file is wrong';
}

async function begin(target: Open, session: string, { offer }: GraphPart): Promise<string> {
  const { copy, directory } = target;
  forgetIncoming(target);
  if (copy.import?.labels === undefined) return 'the points here have other labels';
  const shape = copy.index.shape;
  if (JSON.stringify(offer.shape) !== JSON.stringify(shape)) return 'it was built with other settings';
  const disk = await statfs(directory);
  if (disk.bavail * disk.bsize < offer.bytes * 1.25) return 'too little free disk';
  if (copy.importSession !== session) throw new AnnulusError('ANN_CONFLICT', `import session ${session} is over`);
  const descriptor = openSync(incomingGraphPath(directory), 'w');
  target.incoming = { session, descriptor, bytes: 0, sum: 0 };
  return '';
}

/** The labels are reserved on disk before the file can be found: whatever happens then, no other vector gets one of them. */
async function adopt({ copy, directory, snapshots }: Open, session: string, offer: GraphOffer): Promise<string> {
  await snapshots.stopped();
  try {
    if (copy.importSession !== session || copy.import?.labels === undefined)
      throw new AnnulusError('ANN_CONFLICT', `import session ${session} is over`);
    copy.transact(() => copy.reserveLabels(offer.nextLabel));
    const { version, bytes, crc32: sum, points, shape } = offer;
    await adoptFile(directory, incomingGraphPath(directory), { version, bytes, crc32: sum, points, shape });
    const isLive = (label: number): boolean => copy.ids.has(label);
    const { graph, reason } = await loadGraph(directory, copy.index.shape, isLive, copy.store.meta.nextLabel);
    if (graph === null) return reason;
    if (copy.importSession !== session || copy.import === null) {
      graph.release();
      throw new AnnulusError('ANN_CONFLICT', `import session ${session} is over`);
    }
    copy.index.reset(graph);
    return '';
  } finally {
    snapshots.resume();
  }
}
