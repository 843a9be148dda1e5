import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import { pointIdFromKey, pointIdKey, type PointId } from '#model/point-id.ts';
import { DamagedError } from './damaged.ts';
import { SCAN_STEP_ROWS } from './limits.ts';
import { LABELS_TABLE, SCHEMA, SCHEMA_VERSION, tune } from './schema.ts';

/** A row of `points`; its checksums were right. */
export interface PointRow {
  label: number;
  /** Log entry that changed it last. */
  seq: number;
  vector: Float32Array<ArrayBuffer> | null;
  payload: string | null;
}

/** A point without its vector; the payload's checksum was right. */
export interface PointHead {
  label: number;
  key: Uint8Array<ArrayBuffer>;
  payload: string | null;
  hasVector: boolean;
}

const HEAD = 'SELECT label, id, payload, psum, vector IS NOT NULL FROM points';

export interface StoreMeta {
  uid: string;
  seqNo: number;
  term: number;
  nextLabel: number;
  points: number;
  vectors: number;
  /** A recovery is filling this copy: it is not whole. */
  importing: boolean;
}

type Value = number | bigint | string | null | Uint8Array<ArrayBuffer>;
type Row = Value[];

/**
 * The SQLite file of a copy. Knows rows and checksums, nothing of vectors' meaning. All writes happen between begin() and commit();
 * `meta` is what memory believes and is written by commit().
 */
export class Store {
  readonly db: DatabaseSync;
  readonly meta: StoreMeta;
  #inTransaction = false;
  #statements = new Map<string, StatementSync>();

  constructor(path: string, uid: string, create: boolean) {
    this.db = new DatabaseSync(path);
    try {
      tune(this.db);
      if (create) this.#create(uid);
      this.meta = this.#readMeta(uid);
      if (this.get("SELECT 1 FROM sqlite_master WHERE name = 'labels'") === undefined) this.db.exec(LABELS_TABLE);
    } catch (error) {
      this.db.close();
      throw error;
    }
  }

  get inTransaction(): boolean {
    return this.#inTransaction;
  }

  /** A prepared statement whose rows are arrays. */
  prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.db.prepare(sql);
      statement.setReturnArrays(true);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  get(sql: string, ...values: Value[]): Row | undefined {
    // node:sqlite types rows as records; setReturnArrays makes them arrays.
    return this.prepare(sql).get(...values) as unknown as Row | undefined;
  }

  all(sql: string, ...values: Value[]): Row[] {
    return this.prepare(sql).all(...values) as unknown as Row[];
  }

  run(sql: string, ...values: Value[]): void {
    this.prepare(sql).run(...values);
  }

  begin(): void {
    if (this.#inTransaction) return;
    this.run('BEGIN IMMEDIATE');
    this.#inTransaction = true;
  }

  /** Durable when it returns. */
  commit(): void {
    const { seqNo, term, nextLabel, points, vectors, importing } = this.meta;
    this.run(
      'UPDATE meta SET seq = ?, term = ?, next_label = ?, points = ?, vectors = ?, importing = ?, sum = ?',
      seqNo,
      term,
      nextLabel,
      points,
      vectors,
      importing ? 1 : 0,
      metaSum(this.meta),
    );
    this.run('COMMIT');
    this.#inTransaction = false;
  }

  /** Back to the last commit; labels handed out since are not used again. */
  rollback(): void {
    const { nextLabel } = this.meta;
    // After SQLITE_FULL the transaction may be gone already.
    if (this.db.isTransaction) this.db.exec('ROLLBACK');
    this.#inTransaction = false;
    Object.assign(this.meta, this.#readMeta(this.meta.uid), { nextLabel });
  }

  labelOf(id: PointId): number | undefined {
    return this.get('SELECT label FROM points WHERE id = ?', keyOf(id))?.[0] as number | undefined;
  }

  point(id: PointId): PointRow | undefined {
    const key = keyOf(id);
    const row = this.get('SELECT label, vector, vsum, payload, psum, seq FROM points WHERE id = ?', key);
    if (row === undefined) return undefined;
    const label = row[0] as number;
    const seq = row[5] as number;
    return { label, seq, vector: checkedVector(key, row[1], row[2]), payload: checkedPayload(key, row[3], row[4]) };
  }

  vectorOf(label: number): Float32Array<ArrayBuffer> | null | undefined {
    const row = this.get('SELECT id, vector, vsum FROM points WHERE label = ?', label);
    return row && checkedVector(row[0] as Uint8Array<ArrayBuffer>, row[1], row[2]);
  }

  payloadOf(label: number): string | null | undefined {
    const row = this.get('SELECT id, payload, psum FROM points WHERE label = ?', label);
    return row && checkedPayload(row[0] as Uint8Array<ArrayBuffer>, row[1], row[2]);
  }

  insert(label: number, id: PointId, seqNo: number, vector: Float32Array | null, payload: string | null): void {
    const key = keyOf(id);
    const bytes = vector && bytesOf(vector);
    this.run(
      'INSERT INTO points (label, id, seq, vsum, psum, vector, payload) VALUES (?, ?, ?, ?, ?, ?, ?)',
      label,
      key,
      seqNo,
      sumOf(key, bytes),
      sumOf(key, payload),
      bytes,
      payload,
    );
    this.meta.points++;
    if (vector) this.meta.vectors++;
  }

  setPayload(label: number, id: PointId, seqNo: number, payload: string | null): void {
    this.run(
      'UPDATE points SET seq = ?, psum = ?, payload = ? WHERE label = ?',
      seqNo,
      sumOf(keyOf(id), payload),
      payload,
      label,
    );
  }

  delete(label: number, hadVector: boolean): void {
    this.run('DELETE FROM points WHERE label = ?', label);
    this.meta.points--;
    if (hadVector) this.meta.vectors--;
  }

  /** Labels with ids, and whether they have a vector, in no order: reads only the index. */
  *labels(): Generator<{ label: number; id: PointId; hasVector: boolean }> {
    const withoutVector = new Set(this.all('SELECT label FROM points WHERE vector IS NULL').map((row) => row[0]));
    for (const row of this.iterate('SELECT label, id FROM points INDEXED BY points_id')) {
      const label = row[0] as number;
      yield {
        label,
        id: pointIdFromKey(row[1] as Uint8Array),
        hasVector: !withoutVector.has(label),
      };
    }
  }

  /** The next labels of vectors after a label. */
  vectorLabels(after: number, limit: number): number[] {
    const sql = 'SELECT label FROM points WHERE label > ? AND vector IS NOT NULL ORDER BY label LIMIT ?';
    return this.all(sql, after, limit).map((row) => row[0] as number);
  }

  /** Every vector, in label order; in pages, which node:sqlite reads quicker than rows one by one. */
  *vectors(): Generator<{ label: number; vector: Float32Array }> {
    const sql =
      'SELECT label, id, vector, vsum FROM points WHERE label > ? AND vector IS NOT NULL ORDER BY label LIMIT ?';
    for (let after = 0; ;) {
      const rows = this.all(sql, after, SCAN_STEP_ROWS);
      for (const row of rows) {
        const vector = checkedVector(row[1] as Uint8Array<ArrayBuffer>, row[2], row[3]);
        if (vector) yield { label: row[0] as number, vector };
      }
      if (rows.length < SCAN_STEP_ROWS) return;
      after = rows.at(-1)![0] as number;
    }
  }

  /** Every point without its vector, in label order. */
  *heads(): Generator<PointHead> {
    for (let after = 0; ;) {
      const heads = this.headsAfter(after, SCAN_STEP_ROWS);
      yield* heads;
      if (heads.length < SCAN_STEP_ROWS) return;
      after = heads.at(-1)!.label;
    }
  }

  head(label: number): PointHead | undefined {
    const row = this.get(`${HEAD} WHERE label = ?`, label);
    return row && headOf(row);
  }

  /** The next points after a label. */
  headsAfter(label: number, limit: number): PointHead[] {
    return this.all(`${HEAD} WHERE label > ? ORDER BY label LIMIT ?`, label, limit).map(headOf);
  }

  /** The next points in id order, from a key on or after it. */
  headsByKey(key: Uint8Array<ArrayBuffer>, including: boolean, limit: number): PointHead[] {
    const sql = `${HEAD} WHERE id ${including ? '>=' : '>'} ? ORDER BY id LIMIT ?`;
    return this.all(sql, key, limit).map(headOf);
  }

  /** Rows one by one. The statement is its own, so that nothing else resets it meanwhile. */
  *iterate(sql: string, ...values: Value[]): Generator<Row> {
    const statement = this.db.prepare(sql);
    statement.setReturnArrays(true);
    for (const row of statement.iterate(...values)) yield row as unknown as Row;
  }

  close(): void {
    this.#statements.clear();
    if (this.db.isOpen) this.db.close();
  }

  #create(uid: string): void {
    this.db.exec('BEGIN IMMEDIATE');
    this.db.exec(SCHEMA);
    this.db.exec(LABELS_TABLE);
    this.db.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
    const meta = { uid, seqNo: 0, term: 0, nextLabel: 1, points: 0, vectors: 0, importing: false };
    this.db.prepare('INSERT INTO meta VALUES (1, ?, 0, 0, 1, 0, 0, 0, ?)').run(uid, metaSum(meta));
    this.db.exec('COMMIT');
  }

  #readMeta(uid: string): StoreMeta {
    const version = this.get('PRAGMA user_version')?.[0];
    if (version !== SCHEMA_VERSION)
      throw new DamagedError(`the database has format ${String(version)}, this node reads format ${SCHEMA_VERSION}`);
    const row = this.get('SELECT uid, seq, term, next_label, points, vectors, importing, sum FROM meta');
    if (row === undefined) throw new DamagedError('the database has no meta row');
    if (row[0] !== uid) throw new DamagedError(`the database belongs to shard uid ${String(row[0])}, not ${uid}`);
    const [seqNo, term, nextLabel, points, vectors, importing, sum] = row.slice(1).map(Number);
    const meta = {
      uid,
      seqNo: seqNo!,
      term: term!,
      nextLabel: nextLabel!,
      points: points!,
      vectors: vectors!,
      importing: importing === 1,
    };
    if (metaSum(meta) !== sum) throw new DamagedError('the meta row has a wrong checksum');
    return meta;
  }
}

/** Key of an id as SQLite takes it. */
export function keyOf(id: PointId): Uint8Array<ArrayBuffer> {
  return pointIdKey(id) as Uint8Array<ArrayBuffer>;
}

function headOf(row: Row): PointHead {
  const key = row[1] as Uint8Array<ArrayBuffer>;
  return { label: row[0] as number, key, payload: checkedPayload(key, row[2], row[3]), hasVector: row[4] === 1 };
}

function bytesOf(vector: Float32Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(vector.buffer as ArrayBuffer, vector.byteOffset, vector.byteLength);
}

function metaSum({ uid, seqNo, term, nextLabel, points, vectors, importing }: StoreMeta): number {
  return crc32([uid, seqNo, term, nextLabel, points, vectors, importing].join(' '));
}

/** CRC32 over key and content, so that content under a wrong key is found too. */
function sumOf(key: Uint8Array, content: Uint8Array | string | null): number {
  return content === null ? 0 : crc32(content, crc32(key));
}

export function checkedVector(
  key: Uint8Array<ArrayBuffer>,
  bytes: Value | undefined,
  sum: Value | undefined,
): Float32Array<ArrayBuffer> | null {
  if (bytes === null && sum === 0) return null;
  if (!(bytes instanceof Uint8Array) || bytes.length % 4 !== 0 || sumOf(key, bytes) !== sum)
    throw new DamagedError(`the vector of point ${String(pointIdFromKey(key))} has a wrong checksum`);
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
}

export function checkedPayload(
  key: Uint8Array<ArrayBuffer>,
  text: Value | undefined,
  sum: Value | undefined,
): string | null {
  if (text === null && sum === 0) return null;
  if (typeof text !== 'string' || sumOf(key, text) !== sum)
    throw new DamagedError(`the payload of point ${String(pointIdFromKey(key))} has a wrong checksum`);
  return text;
}
