import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { ShardCopy } from './copy.ts';
import { copyDirectory, databasePath, failedMarkPath } from './copy-files.ts';
import { DamagedError, isDamage } from './damaged.ts';
import type { OpenCopy, OpenResult } from './shard-host.ts';
import { Store } from './store.ts';

/** Opens or makes a copy. A damaged one is said to be so, never served. */
export function openCopy(dataDir: string, options: OpenCopy): { copy: ShardCopy | null; result: OpenResult } {
  const directory = copyDirectory(dataDir, options.shardUid, options.allocationId);
  const database = databasePath(directory);
  const exists = existsSync(database);
  if (!exists && !options.create) return { copy: null, result: { state: 'missing' } };
  const mark = failedMarkPath(directory);
  if (existsSync(mark)) return { copy: null, result: { state: 'failed', message: readFileSync(mark, 'utf8') } };
  mkdirSync(directory, { recursive: true });
  let store: Store | null = null;
  try {
    store = new Store(database, options.shardUid, !exists);
    checkFile(store);
    const copy = new ShardCopy(store, options.settings);
    copy.reconcile();
    return { copy, result: { state: 'open', created: !exists, ...copy.position } };
  } catch (error) {
    store?.close();
    if (!isDamage(error)) throw error;
    const message = error instanceof Error ? error.message : String(error);
    return { copy: null, result: { state: 'failed', message } };
  }
}

/** Remembers that the copy is damaged, so that a restart does not serve it again. */
export function markFailed(dataDir: string, options: OpenCopy, message: string): void {
  const directory = copyDirectory(dataDir, options.shardUid, options.allocationId);
  writeFileSync(failedMarkPath(directory), message, { flush: true });
}

/** Cheap checks: counts agree with the index over ids. Rows are checked when they are read. */
function checkFile(store: Store): void {
  const points = Number(store.get('SELECT count(*) FROM points INDEXED BY points_id')?.[0]);
  if (points !== store.meta.points)
    throw new DamagedError(`the database has ${points} points, ${store.meta.points} were committed`);
}
