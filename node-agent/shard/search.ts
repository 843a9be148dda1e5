import { AnnulusError } from '#model/errors.ts';
import type { PointId } from '#model/point-id.ts';
import { passesThreshold, scoreOf } from '../index/distance.ts';
import type { Nearest } from '../index/graph.ts';
import type { ShardCopy } from './copy.ts';
import { SEARCH_LIMIT_MAX } from './limits.ts';
import type { FoundHits } from './messages.ts';
import { pointOf } from './read.ts';
import type { ShardHits, ShardSearch } from './shard-host.ts';
import { storedVector } from './vector.ts';

/** Answers all queries of a search. */
export function search(copy: ShardCopy, request: ShardSearch): FoundHits {
  prepareQueries(copy, request);
  const passing = request.filter === null ? null : copy.filters.prepare(request.filter);
  const found =
    request.limit === 0 || passing?.size === 0
      ? Array.from({ length: request.count }, (): Nearest => ({ distances: [], labels: [] }))
      : copy.index.search({
          vectors: request.vectors,
          count: request.count,
          k: request.limit,
          ef: request.ef ?? copy.settings.hnsw.efSearch,
          exact: request.exact,
          passing,
        });
  return hitsOf(copy, request, found);
}

function prepareQueries(copy: ShardCopy, { vectors, count, limit }: ShardSearch): void {
  const { dimension, metric } = copy.settings;
  if (vectors.length !== count * dimension) {
    const message = `a query vector has ${vectors.length / count} numbers, the collection's dimension is ${dimension}`;
    throw new AnnulusError('ANN_DIMENSION_MISMATCH', message, { field: 'vector' });
  }
  if (!Number.isInteger(limit) || limit < 0 || limit > SEARCH_LIMIT_MAX)
    throw new AnnulusError('ANN_BAD_REQUEST', `limit and offset must be 0..${SEARCH_LIMIT_MAX} together`, {
      field: 'limit',
    });
  // In place: the buffer came with the message and is ours.
  for (let q = 0; q < count; q++) {
    const query = count === 1 ? vectors : vectors.subarray(q * dimension, (q + 1) * dimension);
    if (storedVector(query, metric) === null) {
      const message = `query ${q} has a number that is not finite in float32, or is longer than 3e18`;
      throw new AnnulusError('ANN_BAD_REQUEST', message, { field: 'vector' });
    }
  }
}

function hitsOf(copy: ShardCopy, request: ShardSearch, found: Nearest[]): FoundHits {
  const { metric } = copy.settings;
  const offsets = [0];
  const ids: PointId[] = [];
  const labels: number[] = [];
  const scores: number[] = [];
  found.forEach((nearest) => {
    for (let i = 0; i < nearest.labels.length; i++) {
      const score = scoreOf(metric, nearest.distances[i]!);
      if (request.scoreThreshold !== undefined && !passesThreshold(metric, score, request.scoreThreshold)) break;
      const id = copy.ids.get(nearest.labels[i]!);
      if (id === undefined) continue;
      ids.push(id);
      labels.push(nearest.labels[i]!);
      scores.push(score);
    }
    offsets.push(ids.length);
  });
  return { offsets, ids, scores, ...carried(copy, request, ids, labels) };
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
