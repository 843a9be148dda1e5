import { AnnulusError } from '#model/errors.ts';
import { parsePointId, type PointId } from '#model/point-id.ts';
import { parseJson } from '../filter/json.ts';
import { parseFilterText } from '../filter/parse.ts';
import { isObject } from '../filter/path.ts';
import { DEFAULT_LIMIT, DEFAULT_TIMEOUT_MS, MAX_BATCH_RESULTS, MAX_EF, MAX_RESULTS } from '../rest/limits.ts';
import type { Hit, ReadOptions, SearchQuery } from '../routing/router.ts';
import type { PointInput } from '../shard/operations.ts';
import type { Fields, ShardPoint } from '../shard/shard-host.ts';
import type { HitMessage, PartsMessage, PointIdMessage, PointMessage, QueryMessage } from './client-messages.ts';
import { bytesFloats, floatBytes } from './columns.ts';

const NO_BYTES = new Uint8Array(0);

function bad(field: string, problem: string): AnnulusError {
  return new AnnulusError('ANN_BAD_REQUEST', `${field} ${problem}`, { field });
}

export function decodeId(message: PointIdMessage | null, field: string): PointId {
  const id = message?.num === undefined ? parsePointId(message?.uuid) : parsePointId(BigInt(message.num));
  if (id === null) throw bad(field, 'is not a point id: give num, or uuid in its text form');
  return id;
}

export function encodeId(id: PointId): PointIdMessage {
  return typeof id === 'string' ? { uuid: id } : { num: typeof id === 'number' ? id : id.toString() };
}

/** Null for no bytes. */
export function decodeVector(bytes: Uint8Array, field: string, dimension: number): Float32Array | null {
  if (bytes.byteLength === 0) return null;
  if (bytes.byteLength !== dimension * 4) {
    throw new AnnulusError(
      'ANN_DIMENSION_MISMATCH',
      `${field} has ${bytes.byteLength / 4} float32 numbers, the collection's dimension is ${dimension}`,
      { field },
    );
  }
  const vector = bytesFloats(bytes);
  // x - x is NaN for what is not finite.
  let check = 0;
  for (let i = 0; i < vector.length; i++) check += vector[i]! - vector[i]!;
  if (check !== 0) throw bad(field, 'has a number that is not finite');
  return vector;
}

export function decodePoints(messages: readonly PointMessage[], dimension: number): PointInput[] {
  if (messages.length === 0) throw bad('points', 'is empty');
  return messages.map((message, i) => ({
    id: decodeId(message.id, `points[${i}].id`),
    vector: decodeVector(message.vector, `points[${i}].vector`, dimension),
    payload: decodePayload(message.payload, `points[${i}].payload`),
  }));
}

function decodePayload(text: string, field: string): string | null {
  if (text === '') return null;
  let value: unknown;
  try {
    value = parseJson(text);
  } catch {
    throw bad(field, 'is not JSON');
  }
  if (!isObject(value)) throw bad(field, 'is not a JSON object');
  return text;
}

export function decodeFilter(text: string, field: string): string | null {
  if (text === '') return null;
  parseFilterText(text, field);
  return text;
}

export function decodeParts(message: PartsMessage | null, field: string): Fields {
  if (message === null) return { payload: false, vector: false };
  const { payload, include, exclude, vector } = message;
  if (include.length > 0 && exclude.length > 0) throw bad(field, 'has both include and exclude');
  if (include.length > 0) return { payload: { include }, vector };
  return exclude.length > 0 ? { payload: { exclude }, vector } : { payload, vector };
}

export function decodeLimit(limit: number, offset: number, field: string): number {
  const wanted = limit === 0 ? DEFAULT_LIMIT : limit;
  if (wanted + offset > MAX_RESULTS) throw bad(field, `and offset together are over ${MAX_RESULTS}`);
  return wanted;
}

export function decodeQuery(message: QueryMessage | null, field: string, dimension: number): SearchQuery {
  if (message === null) throw bad(field, 'is missing');
  const vector = decodeVector(message.vector, `${field}.vector`, dimension);
  if (vector === null) throw bad(`${field}.vector`, 'is missing');
  const { offset, ef, exact, scoreThreshold } = message;
  if (ef > MAX_EF) throw bad(`${field}.ef`, `is over ${MAX_EF}`);
  const query: SearchQuery = {
    vector,
    limit: decodeLimit(message.limit, offset, `${field}.limit`),
    offset,
    exact,
    filter: decodeFilter(message.filter, `${field}.filter`),
    fields: decodeParts(message.parts, `${field}.parts`),
  };
  if (ef > 0) query.ef = ef;
  if (scoreThreshold !== undefined) query.scoreThreshold = scoreThreshold;
  return query;
}

export function decodeQueries(messages: readonly QueryMessage[], dimension: number): SearchQuery[] {
  const queries = messages.map((message, i) => decodeQuery(message, `queries[${i}]`, dimension));
  const results = queries.reduce((sum, query) => sum + query.limit + query.offset, 0);
  if (results > MAX_BATCH_RESULTS) throw bad('queries', `ask for ${results} hits, at most ${MAX_BATCH_RESULTS}`);
  return queries;
}

export function decodeReadOptions(request: { consistency: string; timeoutMs: number }): ReadOptions {
  return { consistency: decodeConsistency(request.consistency), timeoutMs: decodeTimeout(request.timeoutMs) };
}

/** Milliseconds; 0 is the default. */
export function decodeTimeout(timeoutMs: number): number {
  return timeoutMs === 0 ? DEFAULT_TIMEOUT_MS : timeoutMs;
}

function decodeConsistency(name: string): ReadOptions['consistency'] {
  switch (name) {
    case 'ONE':
      return 'one';
    case 'PRIMARY':
      return 'primary';
    case 'QUORUM':
      return 'quorum';
    case 'ALL':
      return 'all';
    default:
      throw bad('consistency', 'is unknown: ONE, PRIMARY, QUORUM or ALL');
  }
}

export function encodePoint(point: Pick<ShardPoint, 'id' | 'vector' | 'payload'>): PointMessage {
  return {
    id: encodeId(point.id),
    vector: point.vector === null ? NO_BYTES : floatBytes(point.vector),
    payload: point.payload ?? '',
  };
}

export function encodeHit(hit: Hit): HitMessage {
  return {
    id: encodeId(hit.id),
    score: hit.score,
    payload: hit.payload ?? '',
    vector: hit.vector === null ? NO_BYTES : floatBytes(hit.vector),
  };
}
