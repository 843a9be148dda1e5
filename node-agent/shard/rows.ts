import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { pointIdFromKey } from '#model/point-id.ts';
import { slotOf, type Slots } from '#model/slot.ts';
import { checkedPayload, checkedVector } from './store.ts';

type Key = Uint8Array<ArrayBuffer>;

/** A point as it is copied between shards and copies; its checksums were right. */
export interface ExportRow {
  key: Key;
  /** Log entry that changed it last. */
  seq: number;
  /** By which the copy's index knows this version of the vector. */
  label: number;
  vector: Float32Array<ArrayBuffer> | null;
  payload: string | null;
}

const COLUMNS = 'id, seq, vector, vsum, payload, psum, label';
const NO_KEY: Key = new Uint8Array(0);

/** Points of one database in key order. */
export class Rows {
  readonly #page: StatementSync;
  readonly #keys: StatementSync;
  readonly #row: StatementSync;

  constructor(db: DatabaseSync) {
    const prepare = (sql: string): StatementSync => {
      const statement = db.prepare(sql);
      statement.setReturnArrays(true);
      return statement;
    };
    this.#page = prepare(`SELECT ${COLUMNS} FROM points WHERE id > ? ORDER BY id LIMIT ?`);
    // Reads the index over ids only: keys of other slots cost next to nothing.
    this.#keys = prepare('SELECT id FROM points INDEXED BY points_id WHERE id > ? ORDER BY id LIMIT ?');
    this.#row = prepare(`SELECT ${COLUMNS} FROM points WHERE id = ?`);
  }

  /** The next rows; throws DamagedError when a checksum is wrong. */
  page(afterKey: Key | null, limit: number): ExportRow[] {
    // node:sqlite types rows as records; setReturnArrays makes them arrays.
    return (this.#page.all(afterKey ?? NO_KEY, limit) as unknown as Value[][]).map(rowOf);
  }

  keys(afterKey: Key | null, limit: number): Key[] {
    return (this.#keys.all(afterKey ?? NO_KEY, limit) as unknown as [Key][]).map(([key]) => key);
  }

  row(key: Key): ExportRow | undefined {
    const row = this.#row.get(key) as unknown as Value[] | undefined;
    return row && rowOf(row);
  }
}

type Value = Key | number | string | null;

function rowOf(row: Value[]): ExportRow {
  const key = row[0] as Key;
  return {
    key,
    seq: row[1] as number,
    label: row[6] as number,
    vector: checkedVector(key, row[2], row[3]),
    payload: checkedPayload(key, row[4], row[5]),
  };
}

export function slotOfKey(key: Uint8Array): number {
  return slotOf(pointIdFromKey(key));
}

export function inSlots(slots: Slots | null, key: Uint8Array): boolean {
  if (slots === null) return true;
  const slot = slotOfKey(key);
  return slot >= slots.from && slot <= slots.to;
}
