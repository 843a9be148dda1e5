import { AnnulusError } from '#model/errors.ts';
import { pointIdFromKey, pointIdKey, type PointId } from '#model/point-id.ts';
import type { ShardCopy } from './copy.ts';
import { decodeBatch, type BatchPoint } from './export-codec.ts';
import { INGEST_DELETE_MAX_IDS } from './limits.ts';
import { decodeEntries } from './log-codec.ts';
import type { LogOperation } from './operations.ts';
import { cutUpsert } from './plan-write.ts';
import { inSlots } from './rows.ts';
import type { Appended, IngestEntries, IngestRange } from './shard-host.ts';
import { keyOf } from './store.ts';
import { sameVector } from './vector.ts';

type Key = Uint8Array<ArrayBuffer>;

const PAGE_KEYS = 256;

/** Makes the copy's points of a key range and slots those of the batch, by operations of its own log. */
export function ingestRange(copy: ShardCopy, term: number, range: IngestRange): Appended {
  const points = decodeBatch(range.batch);
  checkRange(copy, range, points);
  const wanted = new Set(points.map(({ id }) => id));
  const extra: PointId[] = [];
  for (const key of keysBetween(copy, range)) {
    const id = pointIdFromKey(key);
    if (!wanted.has(id) && inSlots(range.slots, key)) extra.push(id);
  }
  const operations: LogOperation[] = [];
  for (let i = 0; i < extra.length; i += INGEST_DELETE_MAX_IDS)
    operations.push({ type: 'delete', ids: extra.slice(i, i + INGEST_DELETE_MAX_IDS) });
  const changed = points.filter(({ id, vector, payload }) => {
    const row = copy.store.point(id);
    return row === undefined || !sameVector(row.vector, vector) || row.payload !== payload;
  });
  if (changed.length > 0) operations.push(...cutUpsert(changed));
  return copy.appendOperations(term, operations);
}

/** Logs another shard's entries as this shard's own, as far as they are about points of the slots and the keys. */
export function ingestEntries(copy: ShardCopy, term: number, { slots, throughKey, entries }: IngestEntries): Appended {
  const through = throughKey ?? null;
  const mine = (id: PointId): boolean => {
    const key = keyOf(id);
    return (through === null || Buffer.compare(key, through) <= 0) && inSlots(slots, key);
  };
  const operations: LogOperation[] = [];
  for (const { operation } of decodeEntries(entries)) {
    const kept = only(operation, mine);
    if (kept !== null) operations.push(kept);
  }
  return copy.appendOperations(term, operations);
}

/** The part of an operation that is about some points; null when there is none. */
function only(operation: LogOperation, mine: (id: PointId) => boolean): LogOperation | null {
  switch (operation.type) {
    case 'upsert': {
      const points = operation.points.filter(({ id }) => mine(id));
      return points.length === 0 ? null : { ...operation, points };
    }
    case 'updateVectors': {
      const points = operation.points.filter(({ id }) => mine(id));
      return points.length === 0 ? null : { ...operation, points };
    }
    default: {
      const ids = operation.ids.filter(mine);
      return ids.length === 0 ? null : { ...operation, ids };
    }
  }
}

/** This copy's keys after `afterKey` through `throughKey`. */
function* keysBetween(copy: ShardCopy, { afterKey, throughKey }: IngestRange): Generator<Key> {
  let after = afterKey && new Uint8Array(afterKey);
  for (;;) {
    const keys: Key[] = copy.rows.keys(after, PAGE_KEYS);
    for (const key of keys) {
      if (throughKey !== null && Buffer.compare(key, throughKey) > 0) return;
      yield key;
    }
    if (keys.length < PAGE_KEYS) return;
    after = keys.at(-1)!;
  }
}

/** A batch that is not of this range would delete or keep the wrong points. */
function checkRange(copy: ShardCopy, { slots, afterKey, throughKey }: IngestRange, points: BatchPoint[]): void {
  const { dimension } = copy.settings;
  for (const { id, vector } of points) {
    const key = pointIdKey(id);
    const inRange =
      (afterKey === null || Buffer.compare(key, afterKey) > 0) &&
      (throughKey === null || Buffer.compare(key, throughKey) <= 0);
    if (!inRange || !inSlots(slots, key))
      throw new AnnulusError('ANN_BAD_REQUEST', `point ${String(id)} of the batch is not of its key range and slots`);
    if (vector !== null && vector.length !== dimension)
      throw new AnnulusError('ANN_DIMENSION_MISMATCH', `point ${String(id)} has ${vector.length} numbers`);
  }
}
