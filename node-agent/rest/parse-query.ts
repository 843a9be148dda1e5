import type { MapCollection } from '#model/cluster-map.ts';
import { DEFAULT_LIMIT, MAX_EXAMPLES, MAX_RESULTS } from './limits.ts';
import { parseOrder } from './parse-order.ts';
import type { Aim, Example, QueryPlan } from './query-plan.ts';
import {
  array,
  anyObject,
  at,
  integer,
  number,
  object,
  oneOf,
  pointId,
  refuse,
  required,
  type Fields,
} from './read.ts';
import { malformed, outOfBounds, unsupported } from './refusals.ts';
import { answerFields, filterText, refuseUsing } from './request-parts.ts';
import { searchParams } from './search-params.ts';
import { vector } from './vector.ts';

const COMMON = [
  'filter',
  'params',
  'limit',
  'offset',
  'with_payload',
  'with_vector',
  'with_vectors',
  'score_threshold',
];
const SEARCH = [...COMMON, 'vector', 'shard_key'];
const RECOMMEND = [...COMMON, 'positive', 'negative', 'strategy', 'using', 'lookup_from', 'shard_key'];
const QUERY = [...COMMON, 'query', 'prefetch', 'using', 'lookup_from', 'shard_key'];
const STRATEGIES = ['average_vector', 'best_score', 'sum_scores'] as const;
const QUERY_KINDS = [
  'nearest',
  'recommend',
  'order_by',
  'sample',
  'discover',
  'context',
  'fusion',
  'rrf',
  'formula',
  'relevance_feedback',
];

/** Reads the body of POST /points/search. */
export function parseSearch(value: unknown, path: string, collection: MapCollection): QueryPlan {
  const fields = object(value, path, SEARCH);
  const aim: Aim = {
    kind: 'nearest',
    to: { vector: searchVector(required(fields, path, 'vector'), at(path, 'vector'), collection) },
  };
  if (fields['limit'] == null) throw malformed(at(path, 'limit'), 'missing field `limit`');
  return plan(fields, path, aim);
}

/** The search vector, plain or as `{name: "", vector: [...]}`. */
function searchVector(value: unknown, path: string, collection: MapCollection): Float32Array {
  if (Array.isArray(value) || typeof value !== 'object' || value === null) {
    return vector(value, path, collection.dimension);
  }
  const named = object(value, path, ['name', 'vector']);
  if (named['name'] !== '') throw unsupported(at(path, 'name'), 'names a vector; collections have one unnamed vector');
  return vector(named['vector'], at(path, 'vector'), collection.dimension);
}

/** Reads the body of POST /points/recommend. */
export function parseRecommend(value: unknown, path: string, collection: MapCollection): QueryPlan {
  const fields = object(value, path, RECOMMEND);
  if (fields['limit'] == null) throw malformed(at(path, 'limit'), 'missing field `limit`');
  return plan(fields, path, recommendation(fields, path, collection));
}

/** Reads the body of POST /points/query. */
export function parseQuery(value: unknown, path: string, collection: MapCollection): QueryPlan {
  const fields = object(value, path, QUERY);
  const prefetch = fields['prefetch'];
  if (prefetch != null && !(Array.isArray(prefetch) && prefetch.length === 0)) throw unsupported(at(path, 'prefetch'));
  const query = fields['query'];
  return plan(fields, path, query == null ? { kind: 'byId' } : queryAim(query, at(path, 'query'), collection));
}

function plan(fields: Fields, path: string, aim: Aim): QueryPlan {
  refuseUsing(fields, path);
  refuse(fields, path, ['lookup_from', 'shard_key']);
  const limit = integer(fields['limit'], at(path, 'limit'), 1, MAX_RESULTS) ?? DEFAULT_LIMIT;
  const offset = integer(fields['offset'], at(path, 'offset'), 0, MAX_RESULTS - limit) ?? 0;
  const scoreThreshold = number(fields['score_threshold'], at(path, 'score_threshold'));
  return {
    aim,
    path,
    limit,
    offset,
    ...searchParams(fields['params'], at(path, 'params')),
    filter: filterText(fields['filter'], at(path, 'filter')),
    ...(scoreThreshold === undefined ? {} : { scoreThreshold }),
    fields: answerFields(fields, path, false),
  };
}

function queryAim(value: unknown, path: string, collection: MapCollection): Aim {
  if (Array.isArray(value)) return { kind: 'nearest', to: { vector: vector(value, path, collection.dimension) } };
  if (typeof value !== 'object' || value === null) return { kind: 'nearest', to: { id: pointId(value, path) } };
  const fields = anyObject(value, path);
  const kind = QUERY_KINDS.find((name) => name in fields);
  switch (kind) {
    case 'nearest': {
      const { nearest, mmr } = object(value, path, ['nearest', 'mmr']);
      if (mmr != null) throw unsupported(at(path, 'mmr'));
      return { kind: 'nearest', to: example(nearest, at(path, 'nearest'), collection) };
    }
    case 'recommend': {
      object(value, path, ['recommend']);
      const inner = at(path, 'recommend');
      return recommendation(
        object(fields['recommend'], inner, ['positive', 'negative', 'strategy']),
        inner,
        collection,
      );
    }
    case 'order_by':
      object(value, path, ['order_by']);
      return { kind: 'ordered', order: parseOrder(fields['order_by'], at(path, 'order_by'), collection) };
    case undefined:
      return { kind: 'nearest', to: { vector: vector(value, path, collection.dimension) } };
    default:
      throw unsupported(at(path, kind));
  }
}

function recommendation(fields: Fields, path: string, collection: MapCollection): Aim {
  const strategy =
    fields['strategy'] == null ? 'average_vector' : oneOf(fields['strategy'], at(path, 'strategy'), STRATEGIES);
  if (strategy === 'best_score') throw unsupported(at(path, 'strategy'), 'best_score is not supported');
  if (strategy === 'sum_scores' && collection.metric === 'Euclid') {
    throw unsupported(at(path, 'strategy'), 'sum_scores is not supported for metric Euclid');
  }
  const positive = examples(fields['positive'], at(path, 'positive'), collection);
  const negative = examples(fields['negative'], at(path, 'negative'), collection);
  if (strategy === 'average_vector' && positive.length === 0) {
    throw malformed(at(path, 'positive'), 'at least one positive vector ID required with the average_vector strategy');
  }
  if (positive.length + negative.length === 0) {
    throw malformed(at(path, 'positive'), 'at least one positive or negative example required');
  }
  return { kind: 'recommend', strategy, positive, negative };
}

function examples(value: unknown, path: string, collection: MapCollection): Example[] {
  if (value === undefined || value === null) return [];
  const items = array(value, path);
  if (items.length > MAX_EXAMPLES)
    throw outOfBounds(path, `${items.length} examples given, at most ${MAX_EXAMPLES} are allowed`);
  return items.map((item, i) => example(item, at(path, i), collection));
}

function example(value: unknown, path: string, collection: MapCollection): Example {
  if (typeof value === 'object' && value !== null) return { vector: vector(value, path, collection.dimension) };
  return { id: pointId(value, path) };
}
