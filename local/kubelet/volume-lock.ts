import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { isObject } from '../kube-api/json.ts';
import { identify, isAlive } from './process-identity.ts';
import type { ProcessIdentity } from './process-identity.ts';

/** Writes a file whole or not at all. */
export function writeFileWhole(path: string, content: string | Uint8Array, mode = 0o600): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, content, { mode });
  renameSync(temporary, path);
}

/** Reads a recorded process; undefined when there is no record, or a damaged one. */
export function readRecord(path: string): ProcessIdentity | undefined {
  try {
    const parsed: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (!isObject(parsed)) return undefined;
    const { pid, startTicks } = parsed;
    return typeof pid === 'number' && typeof startTicks === 'string' ? { pid, startTicks } : undefined;
  } catch {
    return undefined;
  }
}

/** The living process that holds a lock file, if any. */
export function holderOf(path: string): ProcessIdentity | undefined {
  const record = readRecord(path);
  return record !== undefined && isAlive(record) ? record : undefined;
}

/** Records that a process works on what the lock file stands for. */
export function recordHolder(path: string, pid: number): void {
  const identity = identify(pid);
  if (identity !== undefined) writeFileWhole(path, JSON.stringify(identity));
}

/** Removes the record of a process that has ended. */
export function clearHolder(path: string): void {
  rmSync(path, { force: true });
}
