import type { DatabaseSync } from 'node:sqlite';

export const SCHEMA_VERSION = 2;

/** Copies made by earlier versions lack it: it is made when they are opened. */
export const LABELS_TABLE =
  'CREATE TABLE IF NOT EXISTS labels (one INTEGER PRIMARY KEY CHECK (one = 1), space TEXT NOT NULL, source TEXT) STRICT';

/**
 * points.label: the number by which the index knows this version of the vector (docs/decisions/0003).
 * vsum, psum: CRC32 of id + vector, id + payload; 0 when there is none.
 * points.seq: the log entry that changed it last (docs/decisions/0010). import: how far the recovery that fills this copy has come.
 * labels.space: name of the set of labels that rows have here, unless it is the copy's own; source: set that the import under way brings (0014).
 * vector stands before payload, so that reading it never walks over a long payload.
 */
export const SCHEMA = `
  CREATE TABLE meta (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    uid TEXT NOT NULL, seq INTEGER NOT NULL, term INTEGER NOT NULL,
    next_label INTEGER NOT NULL, points INTEGER NOT NULL, vectors INTEGER NOT NULL, importing INTEGER NOT NULL,
    sum INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE points (
    label INTEGER PRIMARY KEY, id BLOB NOT NULL, seq INTEGER NOT NULL,
    vsum INTEGER NOT NULL, psum INTEGER NOT NULL, vector BLOB, payload TEXT
  ) STRICT;
  CREATE UNIQUE INDEX points_id ON points (id);
  CREATE INDEX points_without_vector ON points (label) WHERE vector IS NULL;
  CREATE TABLE log (seq INTEGER PRIMARY KEY, term INTEGER NOT NULL, entry BLOB NOT NULL) STRICT;
  CREATE TABLE import (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    seq INTEGER NOT NULL, term INTEGER NOT NULL, source_seq INTEGER NOT NULL, source_term INTEGER NOT NULL,
    last_key BLOB, points INTEGER NOT NULL, total INTEGER NOT NULL, complete INTEGER NOT NULL, sum INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE field (
    number INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, type TEXT NOT NULL, ready INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE field_value (
    field INTEGER NOT NULL, value ANY NOT NULL, label INTEGER NOT NULL, PRIMARY KEY (field, value, label)
  ) STRICT, WITHOUT ROWID;
`;

/** Must run before anything is written: pages of 16 KiB hold several points where 4 KiB would hold one. */
export function tune(db: DatabaseSync): void {
  db.exec('PRAGMA page_size = 16384');
  db.exec('PRAGMA journal_mode = WAL');
  db.exec('PRAGMA synchronous = FULL');
  db.exec('PRAGMA wal_autocheckpoint = 1000');
  db.exec('PRAGMA journal_size_limit = 67108864');
  db.exec('PRAGMA cache_size = -8192');
  db.exec('PRAGMA busy_timeout = 5000');
  db.exec('PRAGMA cell_size_check = ON');
}
