import type { PointId } from '#model/point-id.ts';
import type { LabelIds } from '../index/label-ids.ts';
import type { VectorIndex } from '../index/vector-index.ts';
import { DamagedError } from './damaged.ts';
import { LABEL_MAX } from './limits.ts';
import type { LogOperation } from './operations.ts';
import { mergePayload, removeKeys, storedPayload } from './payload-edit.ts';
import type { PointRow, Store } from './store.ts';
import { sameVector } from './vector.ts';

/** The parts of a copy that an operation changes. */
export interface Target {
  store: Store;
  index: Pick<VectorIndex, 'add' | 'remove'>;
  ids: LabelIds;
  /** Keeps payload indexes in step: `before`/`after` are payload texts. */
  payloadChanged(label: number, before: string | null, after: string | null): void;
}

/**
 * Applies a logged operation: deterministic, and without complaint about points that are not there. A point that a later entry has changed
 * already stays as it is: a recovered copy holds points from different moments, and the log between them is applied to it again
 * (docs/decisions/0010). Returns the points touched.
 */
export function applyOperation(target: Target, seqNo: number, operation: LogOperation): number {
  switch (operation.type) {
    case 'upsert':
      for (const { id, vector, payload } of operation.points)
        put(target, seqNo, id, target.store.point(id), vector, payload);
      return operation.points.length;
    case 'delete':
      return each(target, seqNo, operation.ids, (id, row) => remove(target, id, row));
    case 'setPayload':
      return each(target, seqNo, operation.ids, (id, row) =>
        setPayload(target, seqNo, id, row, mergePayload(row.payload, operation.payload, operation.key)),
      );
    case 'overwritePayload':
      return each(target, seqNo, operation.ids, (id, row) =>
        setPayload(target, seqNo, id, row, storedPayload(operation.payload)),
      );
    case 'deletePayload':
      return each(target, seqNo, operation.ids, (id, row) =>
        setPayload(target, seqNo, id, row, removeKeys(row.payload, operation.keys)),
      );
    case 'clearPayload':
      return each(target, seqNo, operation.ids, (id, row) => setPayload(target, seqNo, id, row, null));
    case 'updateVectors':
      for (const { id, vector } of operation.points) {
        const row = target.store.point(id);
        if (row) put(target, seqNo, id, row, vector, row.payload);
      }
      return operation.points.length;
    case 'deleteVectors':
      return each(target, seqNo, operation.ids, (id, row) => put(target, seqNo, id, row, null, row.payload));
  }
}

function each(target: Target, seqNo: number, ids: PointId[], change: (id: PointId, row: PointRow) => void): number {
  let touched = 0;
  for (const id of ids) {
    const row = target.store.point(id);
    // Not twice: cutting an element out of an array is not the same as doing so once.
    if (row === undefined || row.seq >= seqNo) continue;
    change(id, row);
    touched++;
  }
  return touched;
}

/**
 * Sets a point. One whose vector stays keeps its label, so writing the same again costs the index nothing. `lent`: label that the vector has at the copy
 * that it comes from, to be used here too.
 */
export function put(
  target: Target,
  seqNo: number,
  id: PointId,
  row: PointRow | undefined,
  vector: Float32Array | null,
  payload: string | null,
  lent?: number,
): void {
  if (row !== undefined) {
    if (row.seq > seqNo) return;
    if (lent === undefined ? sameVector(row.vector, vector) : row.label === lent) {
      setPayload(target, seqNo, id, row, payload);
      return;
    }
    remove(target, id, row);
  }
  const { store, index, ids } = target;
  const label = lent ?? store.meta.nextLabel;
  store.meta.nextLabel = Math.max(store.meta.nextLabel, label + 1);
  if (label > LABEL_MAX) throw new DamagedError('all labels are used up; the copy must be recovered from another');
  store.insert(label, id, seqNo, vector, payload);
  ids.set(label, id);
  if (vector) index.add(label, vector);
  target.payloadChanged(label, null, payload);
}

function remove(target: Target, _id: PointId, row: PointRow): void {
  target.store.delete(row.label, row.vector !== null);
  if (row.vector) target.index.remove(row.label);
  target.payloadChanged(row.label, row.payload, null);
  target.ids.delete(row.label);
}

function setPayload(target: Target, seqNo: number, id: PointId, row: PointRow, payload: string | null): void {
  if (row.payload === payload) return;
  target.store.setPayload(row.label, id, seqNo, payload);
  target.payloadChanged(row.label, row.payload, payload);
}
