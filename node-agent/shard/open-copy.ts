import { DatabaseSync } from 'node:sqlite';
import { rm } from 'node:fs/promises';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { loadGraph } from '../index/graph-snapshot.ts';
import { ShardCopy } from './copy.ts';
import { copyDirectory, databasePath, failedMarkPath, incomingGraphPath } from './copy-files.ts';
import { DamagedError, isDamage } from './damaged.ts';
import type { WorkerStart } from './messages.ts';
import type { OpenCopy, OpenResult } from './shard-host.ts';
import { Store } from './store.ts';

export interface Opened {
  copy: ShardCopy | null;
  result: OpenResult;
  /** Why the index is built anew; empty when a snapshot was used, or none is needed. */
  rebuilt: string;
}

/** Opens or makes a copy. A damaged one is said to be so, never served. */
export async function openCopy({ dataDir, tuning }: WorkerStart, options: OpenCopy): Promise<Opened> {
  const directory = copyDirectory(dataDir, options.shardUid, options.allocationId);
  const database = databasePath(directory);
  const exists = existsSync(database);
  if (!exists && !options.create) return { copy: null, result: { state: 'missing' }, rebuilt: '' };
  const mark = failedMarkPath(directory);
  if (existsSync(mark)) return failed(readFileSync(mark, 'utf8'));
  mkdirSync(directory, { recursive: true });
  let store: Store | null = null;
  try {
    const fresh = !exists || (options.create && isBlank(database));
    store = new Store(database, options.shardUid, fresh);
    checkFile(store);
    const copy = new ShardCopy(store, options.settings, tuning);
    copy.configure(options.settings);
    copy.store.commit();
    copy.loadIds();
    await rm(incomingGraphPath(directory), { force: true });
    const isLive = (label: number): boolean => copy.ids.has(label);
    const { graph, reason } = await loadGraph(directory, copy.index.shape, isLive, store.meta.nextLabel);
    copy.index.reset(graph);
    copy.fillIndex();
    const rebuilt = graph === null && copy.index.waiting > 0 ? reason : '';
    return { copy, result: { state: 'open', created: fresh, ...copy.position }, rebuilt };
  } catch (error) {
    store?.close();
    if (!isDamage(error)) throw error;
    return failed(error instanceof Error ? error.message : String(error));
  }
}

/** The process died while it made the file, before the first commit: nothing was ever in it. */
function isBlank(database: string): boolean {
  const db = new DatabaseSync(database);
  try {
    const version = db.prepare('PRAGMA user_version').get()?.['user_version'];
    return version === 0 && db.prepare('SELECT count(*) AS tables FROM sqlite_master').get()?.['tables'] === 0;
  } finally {
    db.close();
  }
}

function failed(message: string): Opened {
  return { copy: null, result: { state: 'failed', message }, rebuilt: '' };
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
