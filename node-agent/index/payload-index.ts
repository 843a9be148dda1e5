import type { PayloadIndex } from '#crds/v1alpha1/index.ts';
import type { Bounds } from '../filter/filter.ts';
import type { Path } from '../filter/path.ts';
import { readPayload } from '../shard/payload-edit.ts';
import type { Store } from '../shard/store.ts';
import { fieldValues, isRangeType, pathOfField, type FieldType } from './field-values.ts';
import { LabelSet } from './label-set.ts';

/** An indexed payload field. */
interface Field {
  number: number;
  path: string;
  type: FieldType;
  steps: Path;
  /** False while points that were there before the index are still being read. */
  ready: boolean;
  /** Labels up to here are in the index. */
  builtTo: number;
}

/** Rows of one slice of building, between two looks at the clock. */
const BUILD_STEP_ROWS = 200;

/**
 * Inverted indexes over payload fields, in tables of the copy's database. They only propose candidates: the predicate decides, so an
 * index can make an answer faster, never different.
 */
export class PayloadIndexes {
  readonly #store: Store;
  #fields = new Map<string, Field>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** Fields whose texts are matched by words. */
  get textFields(): ReadonlySet<string> {
    return new Set([...this.#fields.values()].filter(({ type }) => type === 'text').map(({ path }) => path));
  }

  /** Makes the tables agree with the collection's settings; new fields are filled by work(). */
  configure(wanted: PayloadIndex[]): void {
    const rows = this.#store.all('SELECT number, path, type, ready FROM field');
    this.#fields.clear();
    this.#store.begin();
    for (const row of rows) {
      const [number, path, type, ready] = [Number(row[0]), String(row[1]), String(row[2]), row[3] === 1];
      const same = wanted.find((index) => index.field === path && index.type === type);
      if (same) this.#add(number, same, ready);
      else this.#drop(number);
    }
    for (const index of wanted) {
      if (this.#fields.has(index.field)) continue;
      const number = Number(this.#store.get('SELECT coalesce(max(number), 0) + 1 FROM field')![0]);
      const ready = this.#store.meta.points === 0;
      this.#store.run(
        'INSERT INTO field (number, path, type, ready) VALUES (?, ?, ?, ?)',
        number,
        index.field,
        index.type,
        ready ? 1 : 0,
      );
      this.#add(number, index, ready);
    }
  }

  #add(number: number, { field, type }: PayloadIndex, ready: boolean): void {
    this.#fields.set(field, { number, path: field, type, steps: pathOfField(field), ready, builtTo: 0 });
  }

  #drop(number: number): void {
    this.#store.run('DELETE FROM field_value WHERE field = ?', number);
    this.#store.run('DELETE FROM field WHERE number = ?', number);
  }

  /** Follows a change of a point's payload, in the same transaction. */
  changed(label: number, before: string | null, after: string | null): void {
    if (this.#fields.size === 0) return;
    const old = readPayload(before);
    const now = readPayload(after);
    for (const field of this.#fields.values()) {
      const oldValues = fieldValues(old, field.steps, field.type);
      const newValues = fieldValues(now, field.steps, field.type);
      for (const value of oldValues) {
        if (newValues.has(value)) continue;
        this.#store.run(
          'DELETE FROM field_value WHERE field = ? AND value = ? AND label = ?',
          field.number,
          value,
          label,
        );
      }
      for (const value of newValues) if (!oldValues.has(value)) this.#insert(field, value, label);
    }
  }

  hasWork(): boolean {
    for (const field of this.#fields.values()) if (!field.ready) return true;
    return false;
  }

  /** Fills new fields for about `milliseconds`, in a transaction of its own that the caller commits. */
  work(milliseconds: number): void {
    const until = performance.now() + milliseconds;
    for (const field of this.#fields.values()) {
      while (!field.ready && performance.now() < until) this.#fill(field);
    }
  }

  #fill(field: Field): void {
    this.#store.begin();
    const rows = this.#store.headsAfter(field.builtTo, BUILD_STEP_ROWS);
    for (const { label, payload } of rows) {
      if (payload !== null) {
        for (const value of fieldValues(readPayload(payload), field.steps, field.type))
          this.#insert(field, value, label);
      }
      field.builtTo = label;
    }
    if (rows.length === BUILD_STEP_ROWS) return;
    this.#store.run('UPDATE field SET ready = 1 WHERE number = ?', field.number);
    field.ready = true;
  }

  /** After a rollback: what was built since the last commit is gone. */
  rollback(): void {
    for (const field of this.#fields.values()) {
      field.ready = this.#store.get('SELECT ready FROM field WHERE number = ?', field.number)?.[0] === 1;
      field.builtTo = 0;
    }
  }

  /** Type of the index over a path, once it is complete. */
  typeOf(path: string): FieldType | null {
    const field = this.#fields.get(path);
    return field?.ready ? field.type : null;
  }

  /** True when the collection has an index by which `path` can be ordered, complete or not. */
  isRange(path: string): boolean {
    const field = this.#fields.get(path);
    return field !== undefined && isRangeType(field.type);
  }

  rangeTypeOf(path: string): FieldType | null {
    return this.isRange(path) ? this.#fields.get(path)!.type : null;
  }

  /** Labels with one of these values, as indexedValue() made them. */
  withValues(path: string, values: Iterable<string | number>): LabelSet {
    const labels = new LabelSet();
    const { number } = this.#fields.get(path)!;
    for (const value of values) {
      const rows = this.#store.all('SELECT label FROM field_value WHERE field = ? AND value = ?', number, value);
      for (const row of rows) labels.add(row[0] as number);
    }
    return labels;
  }

  /** Labels with a number within the bounds. */
  within(path: string, { gt, gte, lt, lte }: Bounds): LabelSet {
    const labels = new LabelSet();
    const { number } = this.#fields.get(path)!;
    // Texts sort after all numbers in SQLite, so the upper bound is always there.
    const low = Math.max(gt ?? -Infinity, gte ?? -Infinity);
    const high = Math.min(lt ?? Infinity, lte ?? Infinity);
    const sql = 'SELECT label FROM field_value WHERE field = ? AND value >= ? AND value <= ?';
    for (const row of this.#store.iterate(sql, number, low, high)) labels.add(row[0] as number);
    return labels;
  }

  /** Values with their labels in order of value; `from` includes. */
  ordered(
    path: string,
    direction: 'asc' | 'desc',
    from: number | undefined,
  ): Iterable<{ value: number; label: number }> {
    return this.#ordered(this.#fields.get(path)!.number, direction, from);
  }

  *#ordered(
    number: number,
    direction: 'asc' | 'desc',
    from: number | undefined,
  ): Generator<{ value: number; label: number }> {
    const [comparison, order, start] =
      direction === 'asc' ? ['>=', 'ASC', from ?? -Infinity] : ['<=', 'DESC', from ?? Infinity];
    const sql = `SELECT value, label FROM field_value WHERE field = ? AND value ${comparison} ? ORDER BY value ${order}`;
    for (const row of this.#store.iterate(sql, number, Number(start))) {
      if (typeof row[0] === 'number') yield { value: row[0], label: row[1] as number };
    }
  }

  #insert(field: Field, value: string | number, label: number): void {
    this.#store.run(
      'INSERT OR IGNORE INTO field_value (field, value, label) VALUES (?, ?, ?)',
      field.number,
      value,
      label,
    );
  }
}
