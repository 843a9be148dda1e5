import { pointIdFromKey, type PointId } from '#model/point-id.ts';
import type { ShardCopy } from './copy.ts';
import { projectPayload } from './fields.ts';
import { SCAN_STEP_ROWS } from './limits.ts';
import { parsePayload } from './payload-edit.ts';
import type { Fields, ShardPoint, ShardScroll, ShardScrollPage } from './shard-host.ts';
import { checkedPayload, checkedVector, keyOf } from './store.ts';

/** Points by id, in the order asked for; unknown ids are left out. */
export function retrieve(copy: ShardCopy, ids: PointId[], fields: Fields): ShardPoint[] {
  const points: ShardPoint[] = [];
  for (const id of ids) {
    const label = copy.store.labelOf(id);
    if (label !== undefined) points.push(pointOf(copy, label, id, fields));
  }
  return points;
}

/** A point of which label and id are known. */
export function pointOf(copy: ShardCopy, label: number, id: PointId, fields: Fields): ShardPoint {
  return {
    id,
    payload: fields.payload === false ? null : projectPayload(copy.store.payloadOf(label) ?? null, fields.payload),
    vector: fields.vector ? (copy.store.vectorOf(label) ?? null) : null,
  };
}

/** A page of points in id order. */
export function scroll(copy: ShardCopy, { from, limit, filter, fields }: ShardScroll): ShardScrollPage {
  const passes = filter === null ? null : copy.filters.predicate(filter);
  const points: ShardPoint[] = [];
  let after: Uint8Array<ArrayBuffer> = from === null ? new Uint8Array(0) : keyOf(from);
  let comparison = '>=';
  for (;;) {
    // One more than wanted tells whether there are more.
    const step = passes === null ? limit + 1 - points.length : SCAN_STEP_ROWS;
    const rows = copy.store.all(
      `SELECT id, label, payload, psum, vector IS NOT NULL FROM points WHERE id ${comparison} ? ORDER BY id LIMIT ?`,
      after,
      step,
    );
    for (const row of rows) {
      const key = row[0] as Uint8Array<ArrayBuffer>;
      const id = pointIdFromKey(key);
      const payload = checkedPayload(key, row[2], row[3]);
      const parsed = passes === null || payload === null ? {} : (parsePayload(payload) ?? {});
      if (passes !== null && !passes({ id, payload: parsed, hasVector: row[4] === 1 })) continue;
      if (points.length === limit) return { points, more: true };
      points.push({
        id,
        payload: projectPayload(payload, fields.payload),
        vector: fields.vector ? vectorOf(copy, row[1] as number, key) : null,
      });
    }
    if (rows.length < step) return { points, more: false };
    after = rows.at(-1)![0] as Uint8Array<ArrayBuffer>;
    comparison = '>';
  }
}

function vectorOf(copy: ShardCopy, label: number, key: Uint8Array<ArrayBuffer>): Float32Array | null {
  const row = copy.store.get('SELECT vector, vsum FROM points WHERE label = ?', label);
  return row ? checkedVector(key, row[0], row[1]) : null;
}
