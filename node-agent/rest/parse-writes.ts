import { pointIdText } from '#model/point-id.ts';
import type { Write } from '../shard/operations.ts';
import { parseUpsert, payloadText } from './parse-upsert.ts';
import { anyObject, array, at, object, pointId, refuse, required, texts } from './read.ts';
import { malformed, outOfBounds, unsupported } from './refusals.ts';
import { payloadPath, payloadPaths, selector } from './request-parts.ts';
import { pointVector } from './vector.ts';

type ParseWrite = (value: unknown, path: string, dimension: number) => Write;

/** Reads the body of POST /points/delete. */
function parseDelete(value: unknown, path: string): Write {
  const fields = object(value, path, ['points', 'filter', 'shard_key']);
  refuse(fields, path, ['shard_key']);
  return { type: 'delete', select: selector(fields, path) };
}

/** Reads the body of POST /points/payload (merges at the top level, or at `key`). */
function parseSetPayload(value: unknown, path: string): Write {
  const fields = object(value, path, ['payload', 'points', 'filter', 'shard_key', 'key']);
  refuse(fields, path, ['shard_key']);
  const payload = payloadText(required(fields, path, 'payload'), at(path, 'payload'));
  if (payload === null) throw malformed(at(path, 'payload'), 'expected an object, got null');
  const select = selector(fields, path);
  return fields['key'] == null
    ? { type: 'setPayload', select, payload }
    : { type: 'setPayload', select, payload, key: payloadPath(fields['key'], at(path, 'key')) };
}

/** Reads the body of PUT /points/payload. */
function parseOverwritePayload(value: unknown, path: string): Write {
  const write = parseSetPayload(value, path);
  if (write.type !== 'setPayload') throw malformed(path, 'expected a payload');
  if (write.key !== undefined)
    throw unsupported(at(path, 'key'), 'is not supported when overwriting the whole payload');
  return { type: 'overwritePayload', select: write.select, payload: write.payload };
}

/** Reads the body of POST /points/payload/delete. */
function parseDeletePayload(value: unknown, path: string): Write {
  const fields = object(value, path, ['keys', 'points', 'filter', 'shard_key']);
  refuse(fields, path, ['shard_key']);
  const keys = payloadPaths(required(fields, path, 'keys'), at(path, 'keys'));
  return { type: 'deletePayload', select: selector(fields, path), keys };
}

/** Reads the body of POST /points/payload/clear. */
function parseClearPayload(value: unknown, path: string): Write {
  const fields = object(value, path, ['points', 'filter', 'shard_key']);
  refuse(fields, path, ['shard_key']);
  return { type: 'clearPayload', select: selector(fields, path) };
}

/** Reads the body of PUT /points/vectors. */
function parseUpdateVectors(value: unknown, path: string, dimension: number): Write {
  const fields = object(value, path, ['points', 'shard_key', 'update_filter']);
  refuse(fields, path, ['shard_key', 'update_filter']);
  const inner = at(path, 'points');
  const points = array(required(fields, path, 'points'), inner).map((item, i) => {
    const here = at(inner, i);
    const point = object(item, here, ['id', 'vector']);
    const id = pointId(required(point, here, 'id'), at(here, 'id'));
    const vector = pointVector(required(point, here, 'vector'), at(here, 'vector'), dimension);
    if (vector === null) throw malformed(at(here, 'vector'), `no vector given for point ${pointIdText(id)}`);
    return { id, vector };
  });
  if (points.length === 0) throw outOfBounds(inner, 'expected at least one point');
  return { type: 'updateVectors', points };
}

/** Reads the body of POST /points/vectors/delete: `vector` lists names, and ours has none, so it is [""]. */
function parseDeleteVectors(value: unknown, path: string): Write {
  const fields = object(value, path, ['points', 'filter', 'vector', 'shard_key']);
  refuse(fields, path, ['shard_key']);
  const names = texts(required(fields, path, 'vector'), at(path, 'vector'));
  if (names.length === 0) throw outOfBounds(at(path, 'vector'), 'must not be empty');
  const other = names.findIndex((name) => name !== '');
  if (other >= 0)
    throw unsupported(at(at(path, 'vector'), other), 'names a vector; collections have one unnamed vector');
  return { type: 'deleteVectors', select: selector(fields, path) };
}

/** Every write of the dialect under its name in POST /points/batch. */
export const WRITE_PARSERS = {
  upsert: parseUpsert,
  delete: parseDelete,
  set_payload: parseSetPayload,
  overwrite_payload: parseOverwritePayload,
  delete_payload: parseDeletePayload,
  clear_payload: parseClearPayload,
  update_vectors: parseUpdateVectors,
  delete_vectors: parseDeleteVectors,
} as const satisfies Record<string, ParseWrite>;

export type WriteName = keyof typeof WRITE_PARSERS;

/** Reads the body of POST /points/batch. Every operation is read before any is done. */
export function parseBatch(value: unknown, path: string, dimension: number): Write[] {
  const { operations } = object(value, path, ['operations']);
  return array(operations, at(path, 'operations')).map((item, i) => {
    const here = at(at(path, 'operations'), i);
    const operation = anyObject(item, here);
    const [name, ...more] = Object.keys(operation);
    if (name === undefined || more.length > 0) throw malformed(here, 'expected exactly one operation');
    if (!isWriteName(name)) throw malformed(at(here, name), `unknown operation \`${name}\``);
    return WRITE_PARSERS[name](operation[name], at(here, name), dimension);
  });
}

function isWriteName(name: string): name is WriteName {
  return Object.hasOwn(WRITE_PARSERS, name);
}
