import type { PointInput, Write } from '../shard/operations.ts';
import { jsonText } from './json.ts';
import { anyObject, array, at, object, pointId, refuse, required, type Fields } from './read.ts';
import { malformed, outOfBounds, unsupported } from './refusals.ts';
import { pointVector } from './vector.ts';

const OPTIONS = ['shard_key', 'update_filter', 'update_mode'];

/** Reads the body of PUT /points: `points` (a list) or `batch` (columns). */
export function parseUpsert(value: unknown, path: string, dimension: number): Write {
  const fields = object(value, path, ['points', 'batch', ...OPTIONS]);
  refuse(fields, path, ['shard_key', 'update_filter']);
  if (fields['update_mode'] != null && fields['update_mode'] !== 'upsert') throw unsupported(at(path, 'update_mode'));
  if ('batch' in fields === 'points' in fields) throw malformed(path, 'expected either points or batch');
  const points =
    'batch' in fields
      ? columns(fields['batch'], at(path, 'batch'), dimension)
      : rows(fields['points'], at(path, 'points'), dimension);
  if (points.length === 0) throw outOfBounds(at(path, 'points'), 'expected at least one point');
  return { type: 'upsert', points };
}

function rows(value: unknown, path: string, dimension: number): PointInput[] {
  return array(value, path).map((item, i) => {
    const here = at(path, i);
    const fields = object(item, here, ['id', 'vector', 'payload']);
    return {
      id: pointId(required(fields, here, 'id'), at(here, 'id')),
      vector: pointVector(required(fields, here, 'vector'), at(here, 'vector'), dimension),
      payload: payloadText(fields['payload'], at(here, 'payload')),
    };
  });
}

function columns(value: unknown, path: string, dimension: number): PointInput[] {
  const fields: Fields = object(value, path, ['ids', 'vectors', 'payloads']);
  const ids = array(required(fields, path, 'ids'), at(path, 'ids'));
  const vectors = vectorColumn(required(fields, path, 'vectors'), at(path, 'vectors'));
  const payloads = fields['payloads'] == null ? null : array(fields['payloads'], at(path, 'payloads'));
  if (vectors.rows.length !== ids.length) {
    throw outOfBounds(vectors.path, `${vectors.rows.length} vectors for ${ids.length} ids: the numbers must be equal`);
  }
  if (payloads !== null && payloads.length !== ids.length) {
    throw outOfBounds(
      at(path, 'payloads'),
      `${payloads.length} payloads for ${ids.length} ids: the numbers must be equal`,
    );
  }
  return ids.map((id, i) => ({
    id: pointId(id, at(at(path, 'ids'), i)),
    vector: pointVector(vectors.rows[i], at(vectors.path, i), dimension),
    payload: payloads === null ? null : payloadText(payloads[i], at(at(path, 'payloads'), i)),
  }));
}

/** A list of vectors, or `{"": [...]}` for the same. */
function vectorColumn(value: unknown, path: string): { rows: readonly unknown[]; path: string } {
  if (Array.isArray(value)) return { rows: value, path };
  const named = anyObject(value, path);
  const other = Object.keys(named).find((name) => name !== '');
  if (other !== undefined) throw unsupported(at(path, other), 'names a vector; collections have one unnamed vector');
  return { rows: array(named[''], path), path };
}

/** JSON text of a payload object; null when there is none. */
export function payloadText(value: unknown, path: string): string | null {
  if (value === undefined || value === null) return null;
  return jsonText(anyObject(value, path), path);
}
