import { AnnulusError } from '#model/errors.ts';
import { pointIdText, type PointId } from '#model/point-id.ts';
import { parsePath } from '../filter/path.ts';
import { LOG_ENTRY_MAX_BYTES, SELECTED_IDS_MAX } from './limits.ts';
import type { LogOperation, PointInput, Selector, Write } from './operations.ts';
import { parsePayload, storedPayload } from './payload-edit.ts';
import type { ShardSettings } from './shard-host.ts';
import { storedVector } from './vector.ts';

/** What planning needs to know of the copy. */
export interface Known {
  settings: Pick<ShardSettings, 'dimension' | 'metric'>;
  exists(id: PointId): boolean;
  select(filter: string): PointId[];
}

/** Bytes of a point beyond vector and payload, at most. */
const POINT_OVERHEAD_BYTES = 32;

/** Checks a write and turns it into what is logged: by ids only, vectors as they are stored. Throws AnnulusError; nothing is changed then. */
export function planWrite(write: Write, known: Known): LogOperation[] {
  switch (write.type) {
    case 'upsert':
      return cutUpsert(write.points.map((point, i) => storedPoint(point, `points[${i}]`, known.settings)));
    case 'updateVectors': {
      const points = write.points.map((point, i) => ({
        id: existing(point.id, known),
        vector: checkedVector(point.vector, `points[${i}].vector`, known.settings),
      }));
      return [{ type: 'updateVectors', points }];
    }
    case 'setPayload': {
      const payload = checkedPayload(write.payload, 'payload');
      if (write.key !== undefined) checkPath(write.key, 'key');
      const ids = idsOf(write.select, known, true);
      return [{ type: 'setPayload', ids, payload, ...(write.key === undefined ? {} : { key: write.key }) }];
    }
    case 'overwritePayload':
      return [
        { type: write.type, payload: checkedPayload(write.payload, 'payload'), ids: idsOf(write.select, known, true) },
      ];
    case 'deletePayload':
      write.keys.forEach((key, i) => checkPath(key, `keys[${i}]`));
      return [{ type: write.type, keys: write.keys, ids: idsOf(write.select, known, true) }];
    case 'delete':
    case 'clearPayload':
    case 'deleteVectors':
      return [{ type: write.type, ids: idsOf(write.select, known, false) }];
  }
}

function storedPoint(point: PointInput, field: string, settings: Known['settings']): PointInput {
  const vector = point.vector && checkedVector(point.vector, `${field}.vector`, settings);
  if (point.payload !== null) checkedPayload(point.payload, `${field}.payload`);
  return { id: point.id, vector, payload: storedPayload(point.payload) };
}

function checkedVector(vector: Float32Array, field: string, settings: Known['settings']): Float32Array {
  if (vector.length !== settings.dimension) {
    const message = `${field} has ${vector.length} numbers, the collection's dimension is ${settings.dimension}`;
    throw new AnnulusError('ANN_DIMENSION_MISMATCH', message, { field });
  }
  const stored = storedVector(vector, settings.metric);
  if (stored === null)
    throw new AnnulusError(
      'ANN_BAD_REQUEST',
      `${field} has a number that is not finite in float32, or is longer than 3e18`,
      { field },
    );
  return stored;
}

function checkedPayload(payload: string, field: string): string {
  if (parsePayload(payload) === null)
    throw new AnnulusError('ANN_BAD_REQUEST', `${field} must be a JSON object, nested at most 128 levels`, { field });
  return payload;
}

function checkPath(path: string, field: string): void {
  if (parsePath(path) === null)
    throw new AnnulusError('ANN_BAD_REQUEST', `${field} must be a payload path such as a, a.b or a[].b`, { field });
}

function existing(id: PointId, known: Known): PointId {
  if (!known.exists(id)) throw new AnnulusError('ANN_POINT_NOT_FOUND', `no point with id ${pointIdText(id)}`);
  return id;
}

function idsOf(select: Selector, known: Known, mustExist: boolean): PointId[] {
  const ids = 'ids' in select ? select.ids : known.select(select.filter);
  if (ids.length > SELECTED_IDS_MAX) {
    const message = `the write touches ${ids.length} points of a shard, at most ${SELECTED_IDS_MAX} are possible; cut it by a narrower filter`;
    throw new AnnulusError('ANN_BODY_TOO_LARGE', message);
  }
  if (mustExist && 'ids' in select) for (const id of ids) existing(id, known);
  return ids;
}

/** One entry if it fits; a long upsert becomes several. */
export function cutUpsert(points: PointInput[]): LogOperation[] {
  const operations: LogOperation[] = [];
  let part: PointInput[] = [];
  let bytes = 0;
  points.forEach((point, i) => {
    const size = POINT_OVERHEAD_BYTES + (point.vector?.byteLength ?? 0) + Buffer.byteLength(point.payload ?? '');
    if (size > LOG_ENTRY_MAX_BYTES) {
      const field = `points[${i}].payload`;
      throw new AnnulusError('ANN_BODY_TOO_LARGE', `${field} is over ${LOG_ENTRY_MAX_BYTES} bytes`, { field });
    }
    if (bytes + size > LOG_ENTRY_MAX_BYTES) {
      operations.push({ type: 'upsert', points: part });
      part = [];
      bytes = 0;
    }
    part.push(point);
    bytes += size;
  });
  operations.push({ type: 'upsert', points: part });
  return operations;
}
