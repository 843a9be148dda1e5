import type { PointId } from '#model/point-id.ts';
import type { Fields, ShardPoint } from '../shard/shard-host.ts';
import type { Answer } from './run-queries.ts';

// Answers are written by hand: payloads are JSON text already, and ids beyond 2^53 must keep their digits.

/** JSON of a point id. */
export function idText(id: PointId): string {
  return typeof id === 'string' ? `"${id}"` : id.toString();
}

/** JSON of the hits of one query. Point versions are not kept, so they are 0. */
export function hitsText(hits: readonly Answer[], fields: Fields): string {
  let text = '[';
  for (let i = 0; i < hits.length; i++) {
    const hit = hits[i]!;
    text += `${i === 0 ? '' : ','}{"id":${idText(hit.id)},"version":0,"score":${numberText(hit.score)}${partsText(hit, fields)}}`;
  }
  return text + ']';
}

/** JSON of retrieved or scrolled points. */
export function recordsText(points: readonly ShardPoint[], fields: Fields): string {
  return `[${points.map((point) => recordText(point, fields)).join(',')}]`;
}

export function recordText(point: ShardPoint, fields: Fields): string {
  return `{"id":${idText(point.id)}${partsText(point, fields)}}`;
}

/** Payload and vector when asked for ({} when the point has none), and the order value. */
function partsText(point: Pick<Answer, 'payload' | 'vector' | 'orderValue'>, fields: Fields): string {
  let text = '';
  if (fields.payload !== false) text += `,"payload":${point.payload ?? '{}'}`;
  if (fields.vector) text += point.vector === null ? ',"vector":{}' : `,"vector":[${point.vector.join(',')}]`;
  if (point.orderValue !== undefined) text += `,"order_value":${numberText(point.orderValue)}`;
  return text;
}

/** JSON has no NaN and no infinity. */
function numberText(value: number): string {
  return Number.isFinite(value) ? String(value) : 'null';
}
