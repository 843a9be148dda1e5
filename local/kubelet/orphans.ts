import { readdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { endProcesses, findMarked, isAlive } from './process-identity.ts';
import type { ProcessIdentity } from './process-identity.ts';
import { readRecord } from './volume-lock.ts';

/** Orphans get this long to end by themselves, milliseconds. */
const ORPHAN_GRACE_MS = 10_000;
const MARKER = 'ANNULUS_LOCAL_STATE';

/** A variable in every child's environment: finds children whose record was not written before a kill -9. */
export const stateMarker = (stateDir: string): Record<string, string> => ({ [MARKER]: resolve(stateDir) });

/**
 * Ends what an earlier launcher of this state folder left running (recorded, or marked by its environment), so that
 * two processes never work on one volume. Returns how many there were.
 */
export async function endOrphans(stateDir: string): Promise<number> {
  const folder = join(stateDir, 'processes');
  const found = new Map<number, ProcessIdentity>();
  for (const identity of findMarked(`${MARKER}=${resolve(stateDir)}`)) found.set(identity.pid, identity);
  for (const file of recordsIn(folder)) {
    const record = readRecord(file);
    if (record !== undefined && record.pid !== process.pid && isAlive(record)) found.set(record.pid, record);
  }
  await endProcesses([...found.values()], ORPHAN_GRACE_MS);
  rmSync(folder, { recursive: true, force: true });
  return found.size;
}

function recordsIn(folder: string): string[] {
  try {
    return readdirSync(folder).map((name) => join(folder, name));
  } catch {
    return [];
  }
}
