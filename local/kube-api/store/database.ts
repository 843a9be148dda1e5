import { DatabaseSync } from 'node:sqlite';
import type { StatementSync } from 'node:sqlite';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { KubeObject } from '../api-types.ts';

/** How many changes watchers can look back on; older resourceVersions get 410 Gone. */
export const EVENT_HISTORY_LIMIT = 3_000;
/** Trimming every so many writes keeps the table within twice the limit without a DELETE a write. */
const TRIM_EVERY_WRITES = 1_000;

export type ChangeType = 'ADDED' | 'MODIFIED' | 'DELETED';

/** One change of one object; `previous` is absent for ADDED. */
export interface Change {
  readonly version: number;
  readonly type: ChangeType;
  readonly storageKey: string;
  readonly object: KubeObject;
  readonly previous?: KubeObject;
}

interface ObjectRow {
  storage_key: string;
  body: string;
}
interface EventRow extends ObjectRow {
  version: number;
  type: ChangeType;
  previous: string | null;
}

/**
 * The state on disk: objects, and the changes of the recent past. A change is acknowledged when its transaction
 * is on disk (WAL, synchronous FULL), so a killed process loses nothing that it had answered for.
 */
export class Database {
  private readonly db: DatabaseSync;
  private readonly upsert: StatementSync;
  private readonly erase: StatementSync;
  private readonly record: StatementSync;
  private readonly trim: StatementSync;
  private writes = 0;

  private readonly historyLimit: number;

  constructor(dataDir: string, historyLimit: number) {
    this.historyLimit = historyLimit;
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    this.db = new DatabaseSync(join(dataDir, 'kube-api.sqlite'));
    this.db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000');
    this.db.exec(`
      CREATE TABLE IF NOT EXISTS objects (
        storage_key TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL,
        PRIMARY KEY (storage_key, namespace, name));
      CREATE TABLE IF NOT EXISTS events (
        version INTEGER PRIMARY KEY, type TEXT NOT NULL, storage_key TEXT NOT NULL, body TEXT NOT NULL, previous TEXT);
    `);
    this.upsert = this.db.prepare(
      'INSERT OR REPLACE INTO objects (storage_key, namespace, name, body) VALUES (?, ?, ?, ?)',
    );
    this.erase = this.db.prepare('DELETE FROM objects WHERE storage_key = ? AND namespace = ? AND name = ?');
    this.record = this.db.prepare(
      'INSERT INTO events (version, type, storage_key, body, previous) VALUES (?, ?, ?, ?, ?)',
    );
    this.trim = this.db.prepare('DELETE FROM events WHERE version <= ?');
  }

  /** Every object, as (storage key, object). */
  loadObjects(): { storageKey: string; object: KubeObject }[] {
    const rows = this.db.prepare('SELECT storage_key, body FROM objects').all() as unknown as ObjectRow[];
    return rows.map((row) => ({ storageKey: row.storage_key, object: JSON.parse(row.body) as KubeObject }));
  }

  /** The recent changes, oldest first. */
  loadChanges(): Change[] {
    const sql = 'SELECT * FROM (SELECT * FROM events ORDER BY version DESC LIMIT ?) ORDER BY version';
    const rows = this.db.prepare(sql).all(this.historyLimit) as unknown as EventRow[];
    return rows.map((row) => ({
      version: row.version,
      type: row.type,
      storageKey: row.storage_key,
      object: JSON.parse(row.body) as KubeObject,
      ...(row.previous === null ? {} : { previous: JSON.parse(row.previous) as KubeObject }),
    }));
  }

  /** Writes one change: object and event together, or neither. Returns when it is on disk. */
  commit(change: Change): void {
    const { namespace = '', name } = change.object.metadata;
    const body = JSON.stringify(change.object);
    this.db.exec('BEGIN IMMEDIATE');
    try {
      if (change.type === 'DELETED') this.erase.run(change.storageKey, namespace, name);
      else this.upsert.run(change.storageKey, namespace, name, body);
      const previous = change.previous === undefined ? null : JSON.stringify(change.previous);
      this.record.run(change.version, change.type, change.storageKey, body, previous);
      this.writes += 1;
      if (this.writes % TRIM_EVERY_WRITES === 0) this.trim.run(change.version - this.historyLimit);
      this.db.exec('COMMIT');
    } catch (error) {
      this.db.exec('ROLLBACK');
      throw error;
    }
  }

  close(): void {
    this.db.close();
  }
}
