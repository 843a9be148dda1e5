import { AnnulusError, errorToWire } from '#model/errors.ts';
import type { PointId } from '#model/point-id.ts';
import type { PointInput, Selector, Write } from '../shard/operations.ts';
import type { Fields, ShardHits, ShardPoint, ShardScroll, ShardSearch } from '../shard/shard-host.ts';
import { bytesFloats, bytesUint32, floatBytes, packIds, packVectors, unpackIds, unpackVectors } from './columns.ts';
import type {
  FieldsMessage,
  HitsMessage,
  PointColumns,
  ScrollMessage,
  SearchMessage,
  ShardRef,
  WireErrorMessage,
  WriteOperationMessage,
} from './messages.ts';

export function encodeFields(fields: Fields): FieldsMessage {
  const { payload, vector } = fields;
  if (typeof payload === 'boolean') return { payload: payload ? 1 : 0, paths: [], vector };
  return 'include' in payload
    ? { payload: 2, paths: payload.include, vector }
    : { payload: 3, paths: payload.exclude, vector };
}

export function decodeFields(message: FieldsMessage): Fields {
  const { paths, vector } = message;
  if (message.payload === 2) return { payload: { include: paths }, vector };
  if (message.payload === 3) return { payload: { exclude: paths }, vector };
  return { payload: message.payload === 1, vector };
}

export function encodeError(error: unknown): WireErrorMessage {
  const wire = errorToWire(error);
  return { code: wire.code, message: wire.message, field: wire.field ?? '' };
}

interface ColumnSource {
  id: PointId;
  vector: Float32Array | null;
  payload: string | null;
  orderValue?: number;
}

export function encodePoints(points: readonly ColumnSource[]): PointColumns {
  const ordered = points[0]?.orderValue !== undefined;
  return {
    ids: packIds(points.map((point) => point.id)),
    vectors: packVectors(points.map((point) => point.vector)),
    payloads: points.some((point) => point.payload !== null) ? points.map((point) => point.payload ?? '') : [],
    orderValues: ordered ? points.map((point) => point.orderValue ?? 0) : [],
  };
}

export function decodePoints(columns: PointColumns): ShardPoint[] {
  const ids = unpackIds(columns.ids);
  const vectors = unpackVectors(columns.vectors, ids.length);
  return ids.map((id, at) => {
    const point: ShardPoint = { id, vector: vectors[at] ?? null, payload: columns.payloads[at] || null };
    const orderValue = columns.orderValues[at];
    if (orderValue !== undefined) point.orderValue = orderValue;
    return point;
  });
}

const NO_OPERANDS = { payload: '', key: '', keys: [] as string[] };

function encodeSelector(select: Selector): { ids: Uint8Array } | { filter: string } {
  return 'ids' in select ? { ids: packIds(select.ids) } : { filter: select.filter };
}

export function encodeWrite(write: Write): WriteOperationMessage {
  switch (write.type) {
    case 'upsert':
      return { type: write.type, points: encodePoints(write.points), ...NO_OPERANDS };
    case 'updateVectors':
      return {
        type: write.type,
        points: encodePoints(write.points.map((point) => ({ ...point, payload: null }))),
        ...NO_OPERANDS,
      };
    case 'setPayload':
      return {
        type: write.type,
        ...encodeSelector(write.select),
        payload: write.payload,
        key: write.key ?? '',
        keys: [],
      };
    case 'overwritePayload':
      return { type: write.type, ...encodeSelector(write.select), payload: write.payload, key: '', keys: [] };
    case 'deletePayload':
      return { type: write.type, ...encodeSelector(write.select), payload: '', key: '', keys: write.keys };
    case 'delete':
    case 'clearPayload':
    case 'deleteVectors':
      return { type: write.type, ...encodeSelector(write.select), ...NO_OPERANDS };
  }
}

function decodeSelector(message: WriteOperationMessage): Selector {
  return message.filter ? { filter: message.filter } : { ids: unpackIds(message.ids ?? new Uint8Array(0)) };
}

function decodeVectorUpdates(message: WriteOperationMessage): { id: PointId; vector: Float32Array }[] {
  return decodeInputs(message).map(({ id, vector }) => {
    if (vector === null) throw new AnnulusError('ANN_BAD_REQUEST', `point ${id}: a vector update without vector`);
    return { id, vector };
  });
}

function decodeInputs(message: WriteOperationMessage): PointInput[] {
  return message.points ? decodePoints(message.points).map(({ id, vector, payload }) => ({ id, vector, payload })) : [];
}

/** Throws ANN_UNSUPPORTED on a type that this version does not know. */
export function decodeWrite(message: WriteOperationMessage): Write {
  const { type, payload, key, keys } = message;
  switch (type) {
    case 'upsert':
      return { type, points: decodeInputs(message) };
    case 'updateVectors':
      return { type, points: decodeVectorUpdates(message) };
    case 'setPayload':
      return { type, select: decodeSelector(message), payload, ...(key === '' ? {} : { key }) };
    case 'overwritePayload':
      return { type, select: decodeSelector(message), payload };
    case 'deletePayload':
      return { type, select: decodeSelector(message), keys };
    case 'delete':
    case 'clearPayload':
    case 'deleteVectors':
      return { type, select: decodeSelector(message) };
    default:
      throw new AnnulusError('ANN_UNSUPPORTED', `a peer sent a write of unknown type "${type}": upgrade this node`);
  }
}

export function encodeSearch(shard: ShardRef, search: ShardSearch): SearchMessage {
  return {
    shard,
    vectors: floatBytes(search.vectors),
    count: search.count,
    limit: search.limit,
    ef: search.ef ?? 0,
    exact: search.exact,
    filter: search.filter ?? '',
    ...(search.scoreThreshold === undefined ? {} : { scoreThreshold: search.scoreThreshold }),
    fields: encodeFields(search.fields),
  };
}

export function decodeSearch(message: SearchMessage): ShardSearch {
  return {
    vectors: bytesFloats(message.vectors),
    count: message.count,
    limit: message.limit,
    ...(message.ef === 0 ? {} : { ef: message.ef }),
    exact: message.exact,
    filter: message.filter || null,
    ...(message.scoreThreshold === undefined ? {} : { scoreThreshold: message.scoreThreshold }),
    fields: decodeFields(message.fields),
  };
}

export function encodeHits(hits: ShardHits): HitsMessage {
  return {
    offsets: new Uint8Array(hits.offsets.buffer, hits.offsets.byteOffset, hits.offsets.byteLength),
    ids: packIds(hits.ids),
    scores: floatBytes(hits.scores),
    hasPayloads: hits.payloads !== null,
    payloads: hits.payloads?.map((payload) => payload ?? '') ?? [],
    hasVectors: hits.vectors !== null,
    vectors: hits.vectors ? floatBytes(hits.vectors) : new Uint8Array(0),
  };
}

export function decodeHits(message: HitsMessage): ShardHits {
  return {
    offsets: bytesUint32(message.offsets),
    ids: unpackIds(message.ids),
    scores: bytesFloats(message.scores),
    payloads: message.hasPayloads ? message.payloads.map((payload) => payload || null) : null,
    vectors: message.hasVectors ? bytesFloats(message.vectors) : null,
  };
}

export function encodeScroll(shard: ShardRef, scroll: ShardScroll): ScrollMessage {
  const { order } = scroll;
  return {
    shard,
    from: scroll.from === null ? new Uint8Array(0) : packIds([scroll.from]),
    limit: scroll.limit,
    filter: scroll.filter ?? '',
    fields: encodeFields(scroll.fields),
    ...(order
      ? {
          order: {
            field: order.field,
            descending: order.direction === 'desc',
            ...(order.startFrom === undefined ? {} : { startFrom: order.startFrom }),
          },
        }
      : {}),
  };
}

export function decodeScroll(message: ScrollMessage): ShardScroll {
  const { order } = message;
  const scroll: ShardScroll = {
    from: unpackIds(message.from)[0] ?? null,
    limit: message.limit,
    filter: message.filter || null,
    fields: decodeFields(message.fields),
  };
  if (order) {
    scroll.order = { field: order.field, direction: order.descending ? 'desc' : 'asc' };
    if (order.startFrom !== undefined) scroll.order.startFrom = order.startFrom;
  }
  return scroll;
}

/** The results of an append as the coordinator gets them. */
export function encodeWriteResults(
  results: readonly (
    { ok: true; points: number } | { ok: false; error: { code: string; message: string; field?: string } }
  )[],
): { points: number; error?: WireErrorMessage }[] {
  return results.map((result) =>
    result.ok
      ? { points: result.points }
      : {
          points: 0,
          error: { code: result.error.code, message: result.error.message, field: result.error.field ?? '' },
        },
  );
}
