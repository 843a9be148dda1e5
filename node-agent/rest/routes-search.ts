import type { MapCollection } from '#model/cluster-map.ts';
import { hitsText } from './answer-text.ts';
import { readBody } from './json.ts';
import { MAX_BATCH_RESULTS } from './limits.ts';
import { parseQuery, parseRecommend, parseSearch } from './parse-query.ts';
import type { QueryPlan } from './query-plan.ts';
import { readOptions } from './query-params.ts';
import { array, at, object } from './read.ts';
import { outOfBounds } from './refusals.ts';
import { collectionOf, type Call, type Route } from './route.ts';
import { runQueries } from './run-queries.ts';
import * as schemas from './schemas.ts';

type Parse = (value: unknown, path: string, collection: MapCollection) => QueryPlan;

/** Wraps the hits of one query: search answers a list, query answers `{points: list}`. */
type Wrap = (hits: string) => string;

const asList: Wrap = (hits) => hits;
const asPoints: Wrap = (hits) => `{"points":${hits}}`;

const LIST = { type: 'array', items: schemas.SCORED_POINT };
const POINTS = { type: 'object', properties: { points: LIST } };

/** Nearest neighbours in the dialect's three spellings, one by one and in batches. */
export const SEARCH_ROUTES: readonly Route[] = [
  ...pair('/points/search', 'Nearest neighbours of a vector', schemas.SEARCH, LIST, parseSearch, asList),
  ...pair('/points/recommend', 'Points like some and unlike others', schemas.RECOMMEND, LIST, parseRecommend, asList),
  ...pair(
    '/points/query',
    'Nearest by vector or id, recommend, or a listing',
    schemas.QUERY,
    POINTS,
    parseQuery,
    asPoints,
  ),
];

function pair(path: string, summary: string, body: object, result: object, parse: Parse, wrap: Wrap): Route[] {
  const parameters = ['consistency', 'timeout'] as const;
  const single = (json: unknown, collection: MapCollection): QueryPlan[] => [parse(json, '', collection)];
  const many = (json: unknown, collection: MapCollection): QueryPlan[] => {
    const { searches } = object(json, '', ['searches']);
    const plans = array(searches, 'searches').map((item, i) => parse(item, at('searches', i), collection));
    const results = plans.reduce((sum, plan) => sum + plan.limit + plan.offset, 0);
    if (results > MAX_BATCH_RESULTS) {
      throw outOfBounds(
        'searches',
        `together they ask for ${results} points, at most ${MAX_BATCH_RESULTS} are answered`,
      );
    }
    return plans;
  };
  return [
    {
      method: 'POST',
      path: `/collections/:name${path}`,
      summary,
      parameters,
      body,
      result,
      handle: async (call) => wrap((await answers(call, single))[0] ?? '[]'),
    },
    {
      method: 'POST',
      path: `/collections/:name${path}/batch`,
      summary: `${summary}: many at once`,
      parameters,
      body: { type: 'object', required: ['searches'], properties: { searches: { type: 'array', items: body } } },
      result: { type: 'array', items: result },
      handle: async (call) => `[${(await answers(call, many)).map(wrap).join(',')}]`,
    },
  ];
}

/** JSON of the hits of every query in the body. */
async function answers(
  call: Call,
  parse: (json: unknown, collection: MapCollection) => QueryPlan[],
): Promise<string[]> {
  const collection = collectionOf(call);
  const options = readOptions(call.query, collection);
  const plans = readBody(call.body, (json) => parse(json, collection));
  const found = await runQueries(call.deps.router, collection, plans, options);
  return found.map((hits, i) => hitsText(hits, plans[i]!.fields));
}
