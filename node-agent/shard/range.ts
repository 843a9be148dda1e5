import type { Slots } from '#model/slot.ts';
import { EXPORT_BATCH_MAX_BYTES, RANGE_SCAN_MAX_KEYS } from './limits.ts';
import { inSlots, type ExportRow, type Rows } from './rows.ts';

type Key = Uint8Array<ArrayBuffer>;

/** Rows of a key range: what lies between the key asked from and `lastKey` is complete. */
export interface RangeRows {
  rows: ExportRow[];
  /** Last key looked at, in the slots or not; the key asked from when there was none. */
  lastKey: Key | null;
  done: boolean;
}

const PAGE_KEYS = 64;

/** The next rows after a key whose slot is in the range, in key order; fewer when bytes or scanned keys reach their bound. */
export function rangeRows(source: Rows, slots: Slots | null, afterKey: Key | null, limit: number): RangeRows {
  const found: RangeRows = { rows: [], lastKey: afterKey, done: false };
  let bytes = 0;
  const full = (): boolean => found.rows.length >= limit || bytes >= EXPORT_BATCH_MAX_BYTES;
  const take = (row: ExportRow): void => {
    found.rows.push(row);
    bytes += row.key.length + (row.vector?.byteLength ?? 0) + (row.payload?.length ?? 0);
  };
  for (let scanned = 0; !full() && scanned < RANGE_SCAN_MAX_KEYS; scanned += PAGE_KEYS) {
    const wanted = Math.min(PAGE_KEYS, slots === null ? limit - found.rows.length : PAGE_KEYS);
    const page = slots === null ? source.page(found.lastKey, wanted) : source.keys(found.lastKey, wanted);
    for (const item of page) {
      if (full()) return found;
      const key = item instanceof Uint8Array ? item : item.key;
      found.lastKey = key;
      if (!(item instanceof Uint8Array)) take(item);
      else if (inSlots(slots, key)) take(source.row(key)!);
    }
    if (page.length < wanted) return { ...found, done: true };
  }
  return found;
}
