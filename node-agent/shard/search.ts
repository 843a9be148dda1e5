import { AnnulusError } from '#model/errors.ts';
import type { PointId } from '#model/point-id.ts';
import { passesThreshold, scoreOf } from '../index/distance.ts';
import type { Nearest } from '../index/graph.ts';
import type { ShardCopy } from './copy.ts';
import { SEARCH_LIMIT_MAX } from './limits.ts';
import { pointOf } from './read.ts';
import type { ShardHits, ShardSearch } from './shard-host.ts';
import { storedVector } from './vector.ts';

/** Answers all queries of a search. */
export function search(copy: ShardCopy, request: ShardSearch): ShardHits {
  const queries = checkedQueries(copy, request);
  const passing = request.filter === null ? null : copy.filters.prepare(request.filter);
  const found =
    request.limit === 0 || passing?.size === 0
      ? Array.from({ length: request.count }, (): Nearest => ({ distances: [], labels: [] }))
      : copy.index.search({
          vectors: queries,
          count: request.count,
          k: request.limit,
          ef: request.ef ?? copy.settings.hnsw.efSearch,
          exact: request.exact,
          passing,
        });
  return hitsOf(copy, request, found);
}

function checkedQueries(copy: ShardCopy, { vectors, count, limit }: ShardSearch): Float32Array {
  const { dimension, metric } = copy.settings;
  if (vectors.length !== count * dimension) {
    const message = `a query vector has ${vectors.length / count} numbers, the collection's dimension is ${dimension}`;
    throw new AnnulusError('ANN_DIMENSION_MISMATCH', message, { field: 'vector' });
  }
  if (!Number.isInteger(limit) || limit < 0 || limit > SEARCH_LIMIT_MAX)
    throw new AnnulusError('ANN_BAD_REQUEST', `limit and offset must be 0..${SEARCH_LIMIT_MAX} together`, {
      field: 'limit',
    });
  const queries = new Float32Array(vectors.length);
  for (let q = 0; q < count; q++) {
    const stored = storedVector(vectors.subarray(q * dimension, (q + 1) * dimension), metric);
    if (stored === null)
      throw new AnnulusError('ANN_BAD_REQUEST', `query ${q} has a number that is not finite in float32`, {
        field: 'vector',
      });
    queries.set(stored, q * dimension);
  }
  return queries;
}

function hitsOf(copy: ShardCopy, request: ShardSearch, found: Nearest[]): ShardHits {
  const { metric } = copy.settings;
  const offsets = new Uint32Array(found.length + 1);
  const ids: PointId[] = [];
  const labels: number[] = [];
  const scores: number[] = [];
  found.forEach((nearest, q) => {
    for (let i = 0; i < nearest.labels.length; i++) {
      const score = scoreOf(metric, nearest.distances[i]!);
      if (request.scoreThreshold !== undefined && !passesThreshold(metric, score, request.scoreThreshold)) break;
      const id = copy.ids.get(nearest.labels[i]!);
      if (id === undefined) continue;
      ids.push(id);
      labels.push(nearest.labels[i]!);
      scores.push(score);
    }
    offsets[q + 1] = ids.length;
  });
  return { offsets, ids, scores: Float32Array.from(scores), ...carried(copy, request, ids, labels) };
}

function carried(
  copy: ShardCopy,
  { fields }: ShardSearch,
  ids: PointId[],
  labels: number[],
): Pick<ShardHits, 'payloads' | 'vectors'> {
  if (fields.payload === false && !fields.vector) return { payloads: null, vectors: null };
  const { dimension } = copy.settings;
  const vectors = fields.vector ? new Float32Array(ids.length * dimension).fill(Number.NaN) : null;
  const payloads = ids.map((id, i) => {
    const point = pointOf(copy, labels[i]!, id, fields);
    if (point.vector) vectors?.set(point.vector, i * dimension);
    return point.payload;
  });
  return { payloads: fields.payload === false ? null : payloads, vectors };
}
