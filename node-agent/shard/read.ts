import { AnnulusError } from '#model/errors.ts';
import { comparePointIds, pointIdFromKey, type PointId } from '#model/point-id.ts';
import { fieldValues, pathOfField } from '../index/field-values.ts';
import type { LabelSet } from '../index/label-set.ts';
import type { ShardCopy } from './copy.ts';
import { projectPayload } from './fields.ts';
import { subjectOf } from './filters.ts';
import { SCAN_STEP_ROWS, SCROLL_SORT_MAX_POINTS } from './limits.ts';
import { readPayload } from './payload-edit.ts';
import type { Fields, ShardPoint, ShardScroll, ShardScrollPage } from './shard-host.ts';
import { keyOf, type PointHead } from './store.ts';

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

/** A page of points, by id or by the value of a field. */
export function scroll(copy: ShardCopy, request: ShardScroll): ShardScrollPage {
  if (request.order) return scrollByValue(copy, request, request.order);
  const proposed = request.filter === null ? null : copy.filters.candidates(request.filter);
  // Few candidates: cheaper to sort them all than to look for them through the whole copy.
  if (request.filter !== null && proposed !== null && proposed.size <= SCROLL_SORT_MAX_POINTS)
    return scrollAmong(copy, request, copy.filters.prepare(request.filter));
  return scrollById(copy, request);
}

function scrollById(copy: ShardCopy, { from, limit, filter, fields }: ShardScroll): ShardScrollPage {
  const passes = filter === null ? null : copy.filters.predicate(filter);
  const points: ShardPoint[] = [];
  let key = from === null ? new Uint8Array(0) : keyOf(from);
  for (let including = true; ; including = false) {
    // One more than wanted tells whether there are more.
    const step = passes === null ? Math.min(limit + 1 - points.length, SCAN_STEP_ROWS) : SCAN_STEP_ROWS;
    const heads = copy.store.headsByKey(key, including, step);
    for (const head of heads) {
      if (passes !== null && !passes(subjectOf(head))) continue;
      if (points.length === limit) return { points, more: true };
      points.push(pointOfHead(copy, head, fields));
    }
    if (heads.length < step) return { points, more: false };
    key = heads.at(-1)!.key;
  }
}

function scrollAmong(copy: ShardCopy, { from, limit, fields }: ShardScroll, labels: LabelSet): ShardScrollPage {
  const found = [...labels]
    .map((label) => ({ label, id: copy.ids.get(label)! }))
    .filter(({ id }) => from === null || comparePointIds(id, from) >= 0)
    .sort((a, b) => comparePointIds(a.id, b.id));
  return {
    points: found.slice(0, limit).map(({ label, id }) => pointOf(copy, label, id, fields)),
    more: found.length > limit,
  };
}

interface Ordered {
  value: number;
  label: number;
}

function scrollByValue(
  copy: ShardCopy,
  request: ShardScroll,
  order: NonNullable<ShardScroll['order']>,
): ShardScrollPage {
  const { field, direction, startFrom } = order;
  if (!copy.fields.isRange(field)) {
    const message = `order_by ${field} needs a payload index of type integer, float or datetime on that field; create one`;
    throw new AnnulusError('ANN_BAD_REQUEST', message, { field: 'order_by.key' });
  }
  const passing = request.filter === null ? null : copy.filters.prepare(request.filter);
  const complete = copy.fields.typeOf(field) !== null;
  const values = complete ? copy.fields.ordered(field, direction, startFrom) : scannedValues(copy, order);
  const points: ShardPoint[] = [];
  let tied: Ordered[] = [];
  // Equal values come in no order: a run of them is sorted by id before it is given out.
  const flush = (): boolean => {
    const run = tied.map((item) => ({ ...item, id: copy.ids.get(item.label)! }));
    run.sort((a, b) => comparePointIds(a.id, b.id));
    for (const { value, label, id } of run) {
      if (points.length === request.limit) return true;
      points.push({ ...pointOf(copy, label, id, request.fields), orderValue: value });
    }
    tied = [];
    return false;
  };
  for (const item of values) {
    if (passing?.has(item.label) === false) continue;
    if (tied.length > 0 && tied[0]!.value !== item.value && flush()) return { points, more: true };
    tied.push(item);
  }
  return { points, more: flush() };
}

/** While the index is not complete yet. */
function scannedValues(copy: ShardCopy, { field, direction, startFrom }: NonNullable<ShardScroll['order']>): Ordered[] {
  const path = pathOfField(field);
  const type = copy.fields.rangeTypeOf(field) ?? 'float';
  const sign = direction === 'asc' ? 1 : -1;
  const found: Ordered[] = [];
  for (const { label, payload } of copy.store.heads()) {
    if (payload === null) continue;
    for (const value of fieldValues(readPayload(payload), path, type)) {
      if (typeof value !== 'number') continue;
      if (startFrom === undefined || (value - startFrom) * sign >= 0) found.push({ value, label });
    }
  }
  return found.sort((a, b) => (a.value - b.value) * sign);
}

function pointOfHead(copy: ShardCopy, { label, key, payload }: PointHead, fields: Fields): ShardPoint {
  return {
    id: pointIdFromKey(key),
    payload: projectPayload(payload, fields.payload),
    vector: fields.vector ? (copy.store.vectorOf(label) ?? null) : null,
  };
}
