import { open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { Graph, type GraphShape } from './graph.ts';

/** What the sidecar says of the graph's file. The file holds for whoever finds these very bytes in it. */
export interface Sidecar {
  version: number;
  file: string;
  bytes: number;
  crc32: number;
  points: number;
  shape: GraphShape;
}

const VERSION = 1;
const SIDECAR = 'graph.json';
const FILE = /^graph-\d+\.hnsw$/;
const CRC_STEP_BYTES = 4 * 1024 * 1024;

/**
 * Writes a snapshot beside the old one and then switches to it by renaming the sidecar: a crash leaves one or the other whole.
 * Searches and deletions go on meanwhile; points must not be added.
 */
export async function saveGraph(directory: string, graph: Graph): Promise<{ bytes: number }> {
  const points = graph.size;
  const file = await nextFile(directory);
  const path = join(directory, file);
  await graph.write(path);
  const { bytes, sum } = await checksum(path, true);
  await install(directory, { version: VERSION, file, bytes, crc32: sum, points, shape: graph.shape });
  return { bytes };
}

/** Makes a file that came from another copy this copy's snapshot: `from` says what it must be, and was checked. */
export async function adoptFile(directory: string, temporary: string, from: Omit<Sidecar, 'file'>): Promise<void> {
  const file = await nextFile(directory);
  await rename(temporary, join(directory, file));
  await install(directory, { ...from, file });
}

async function nextFile(directory: string): Promise<string> {
  const old = await readSidecar(directory);
  return `graph-${old === null ? 1 : Number(/\d+/.exec(old.file)?.[0] ?? 0) + 1}.hnsw`;
}

async function install(directory: string, sidecar: Sidecar): Promise<void> {
  const temporary = join(directory, `${SIDECAR}.tmp`);
  const handle = await open(temporary, 'w');
  try {
    await handle.writeFile(JSON.stringify(sidecar));
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, join(directory, SIDECAR));
  await syncDirectory(directory);
  await removeFiles(directory, sidecar.file);
}

/** The last snapshot, if it is whole and of this shape; `reason` says why not. Labels that are not live are deleted in it. */
export async function loadGraph(
  directory: string,
  shape: GraphShape,
  isLive: (label: number) => boolean,
  labelsBelow: number,
): Promise<{ graph: Graph | null; reason: string }> {
  const sidecar = await readSidecar(directory);
  if (sidecar === null) return { graph: null, reason: 'there is none' };
  if (JSON.stringify(sidecar.shape) !== JSON.stringify(shape))
    return { graph: null, reason: 'it was built with other settings' };
  const path = join(directory, sidecar.file);
  try {
    const { bytes, sum } = await checksum(path, false);
    if (bytes !== sidecar.bytes || sum !== sidecar.crc32) return { graph: null, reason: 'its checksum is wrong' };
    return { graph: await Graph.read(shape, path, isLive, labelsBelow), reason: '' };
  } catch (error) {
    return { graph: null, reason: error instanceof Error ? error.message : String(error) };
  }
}

/** Forgets all snapshots. */
export async function dropGraph(directory: string): Promise<void> {
  await rm(join(directory, SIDECAR), { force: true });
  await removeFiles(directory, null);
}

async function removeFiles(directory: string, keep: string | null): Promise<void> {
  for (const name of await readdir(directory)) {
    if (FILE.test(name) && name !== keep) await rm(join(directory, name), { force: true });
  }
}

/** The last snapshot; null when there is none. */
export async function readSidecar(directory: string): Promise<Sidecar | null> {
  try {
    const value: unknown = JSON.parse(await readFile(join(directory, SIDECAR), 'utf8'));
    return isSidecar(value) ? value : null;
  } catch {
    return null;
  }
}

function isSidecar(value: unknown): value is Sidecar {
  if (typeof value !== 'object' || value === null) return false;
  const { version, file, bytes, crc32: sum, shape } = value as Record<string, unknown>;
  const named = typeof file === 'string' && FILE.test(file);
  return (
    version === VERSION && named && typeof bytes === 'number' && typeof sum === 'number' && typeof shape === 'object'
  );
}

/** CRC32 of a file in steps, so that the thread serves others between them. */
async function checksum(path: string, sync: boolean): Promise<{ bytes: number; sum: number }> {
  const handle = await open(path, sync ? 'r+' : 'r');
  try {
    if (sync) await handle.sync();
    const step = Buffer.allocUnsafe(CRC_STEP_BYTES);
    let bytes = 0;
    let sum = 0;
    for (;;) {
      const { bytesRead } = await handle.read(step, 0, CRC_STEP_BYTES, bytes);
      if (bytesRead === 0) return { bytes, sum };
      sum = crc32(step.subarray(0, bytesRead), sum);
      bytes += bytesRead;
    }
  } finally {
    await handle.close();
  }
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
