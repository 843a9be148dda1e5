import { isObject } from '../filter/path.ts';

/** The copy's files are not what was written: it must not be served, and is recovered from another copy. */
export class DamagedError extends Error {
  override readonly name = 'DamagedError';
}

/** SQLite result codes that mean a damaged file. */
const CORRUPT = new Set([11, 26]);
/** Disk full, and no room for the memory that connections share beside the WAL (SQLITE_IOERR_SHMSIZE). */
const FULL = 13;
const SHM_SIZE = 4874;

/** True for damage of any kind: ours, or found by SQLite (SQLITE_CORRUPT, SQLITE_NOTADB). */
export function isDamage(error: unknown): boolean {
  return error instanceof DamagedError || CORRUPT.has(sqliteCode(error));
}

export function isDiskFull(error: unknown): boolean {
  if (!isObject(error)) return false;
  return sqliteCode(error) === FULL || error['errcode'] === SHM_SIZE || error['code'] === 'ENOSPC';
}

/** Primary SQLite result code (the low byte of the extended one); -1 when the error is not SQLite's. */
function sqliteCode(error: unknown): number {
  return isObject(error) && typeof error['errcode'] === 'number' ? error['errcode'] & 0xff : -1;
}
