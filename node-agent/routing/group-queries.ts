import type { ShardSearch } from '../shard/shard-host.ts';
import type { SearchQuery } from './router.ts';

/** Queries of a request that differ in nothing but their vector: one call of each shard. */
export interface QueryGroup {
  search: ShardSearch;
  offset: number;
  limit: number;
  /** places[i]: which query of the request row i is. */
  places: number[];
}

/** Groups queries with equal parameters, order kept within a group. */
export function groupQueries(queries: SearchQuery[]): QueryGroup[] {
  if (queries.length === 1) return [toGroup(queries, [0])];
  const places = new Map<string, number[]>();
  let last: SearchQuery | null = null;
  let lastPlaces: number[] = [];
  queries.forEach((query, place) => {
    if (!last || !sameParameters(query, last)) {
      const key = parameterKey(query);
      lastPlaces = places.get(key) ?? [];
      places.set(key, lastPlaces);
      last = query;
    }
    lastPlaces.push(place);
  });
  return [...places.values()].map((group) => toGroup(queries, group));
}

/** Cheap test for the usual case: all queries of a batch made alike. */
function sameParameters(a: SearchQuery, b: SearchQuery): boolean {
  return (
    a.limit === b.limit &&
    a.offset === b.offset &&
    a.ef === b.ef &&
    a.exact === b.exact &&
    a.filter === b.filter &&
    a.scoreThreshold === b.scoreThreshold &&
    a.fields.vector === b.fields.vector &&
    (a.fields.payload === b.fields.payload || JSON.stringify(a.fields.payload) === JSON.stringify(b.fields.payload))
  );
}

function parameterKey(query: SearchQuery): string {
  const { limit, offset, ef, exact, filter, scoreThreshold, fields } = query;
  return JSON.stringify([limit, offset, ef ?? null, exact, filter, scoreThreshold ?? null, fields]);
}

function toGroup(queries: SearchQuery[], places: number[]): QueryGroup {
  const first = queries[places[0]!]!;
  const { limit, offset, ef, exact, filter, scoreThreshold, fields } = first;
  const search: ShardSearch = {
    vectors: rows(queries, places),
    count: places.length,
    limit: limit + offset,
    exact,
    filter,
    fields,
  };
  if (ef !== undefined) search.ef = ef;
  if (scoreThreshold !== undefined) search.scoreThreshold = scoreThreshold;
  return { search, offset, limit, places };
}

function rows(queries: SearchQuery[], places: number[]): Float32Array {
  const first = queries[places[0]!]!.vector;
  if (places.length === 1) return first;
  const vectors = new Float32Array(places.length * first.length);
  places.forEach((place, row) => vectors.set(queries[place]!.vector, row * first.length));
  return vectors;
}
