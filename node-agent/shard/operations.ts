import type { PointId } from '#model/point-id.ts';

/** A point as a client writes it. `vector` is not yet normalised; null = a point without vector. `payload` is JSON text of an object; null = none. */
export interface PointInput {
  id: PointId;
  vector: Float32Array | null;
  payload: string | null;
}

/** Which points an operation is about. `filter` is JSON text of the Qdrant dialect, already checked by filter/parse.ts. */
export type Selector = { ids: PointId[] } | { filter: string };

/**
 * What a client may ask of a shard. Selectors by filter are resolved to ids by the primary before anything is logged, so that every
 * copy applies the same thing.
 */
export type Write =
  | { type: 'upsert'; points: PointInput[] }
  | { type: 'delete'; select: Selector }
  | { type: 'setPayload'; select: Selector; payload: string; key?: string }
  | { type: 'overwritePayload'; select: Selector; payload: string }
  | { type: 'deletePayload'; select: Selector; keys: string[] }
  | { type: 'clearPayload'; select: Selector }
  | { type: 'updateVectors'; points: { id: PointId; vector: Float32Array }[] }
  | { type: 'deleteVectors'; select: Selector };

/** What the log holds: deterministic, by ids only. One entry has one seqNo. */
export type LogOperation =
  | { type: 'upsert'; points: PointInput[] }
  | { type: 'delete'; ids: PointId[] }
  | { type: 'setPayload'; ids: PointId[]; payload: string; key?: string }
  | { type: 'overwritePayload'; ids: PointId[]; payload: string }
  | { type: 'deletePayload'; ids: PointId[]; keys: string[] }
  | { type: 'clearPayload'; ids: PointId[] }
  | { type: 'updateVectors'; points: { id: PointId; vector: Float32Array }[] }
  | { type: 'deleteVectors'; ids: PointId[] };

/** One place in a shard's log. */
export interface LogEntry {
  seqNo: number;
  term: number;
  operation: LogOperation;
}
