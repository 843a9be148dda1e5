import type { MapCollection } from '#model/cluster-map.ts';
import { AnnulusError } from '#model/errors.ts';
import { pointIdText, type PointId } from '#model/point-id.ts';
import type { Hit, ReadOptions, Router, SearchQuery } from '../routing/router.ts';
import type { ShardPoint } from '../shard/shard-host.ts';
import type { Example, QueryPlan } from './query-plan.ts';
import { averageVector, sumOfScores, unit } from './recommend.ts';
import { wrongInput } from './refusals.ts';

/** A hit as answered; `orderValue` when the query ordered by a payload field. */
export type Answer = Hit & { orderValue?: number };

/** A search for the shards, and what to do with its hits. */
interface Prepared {
  query: SearchQuery;
  /** Points that the query named as examples: never in its own answer. */
  exclude: ReadonlySet<PointId>;
  /** Multiplies the shards' scores. */
  scale: number;
  plan: QueryPlan;
}

/** Runs queries; answers come in their order. Every id that they name is looked up before the first search. */
export async function runQueries(
  router: Router,
  collection: MapCollection,
  plans: readonly QueryPlan[],
  options: ReadOptions,
): Promise<Answer[][]> {
  const vectors = await exampleVectors(router, collection, plans, options);
  const prepared = plans.map((plan) => prepare(plan, collection, vectors));
  const searches = prepared.filter((one) => one !== null);
  const found =
    searches.length === 0
      ? []
      : router.search(
          collection.name,
          searches.map((one) => one.query),
          options,
        );
  const scrolled = plans.map((plan, i) =>
    prepared[i] === null ? scroll(router, collection.name, plan, options) : null,
  );
  const [hits, scrolls] = await Promise.all([found, Promise.all(scrolled)]);
  let next = 0;
  return prepared.map((one, i) => (one === null ? (scrolls[i] ?? []) : finish(one, hits[next++] ?? [])));
}

function prepare(
  plan: QueryPlan,
  collection: MapCollection,
  vectors: ReadonlyMap<PointId, Float32Array>,
): Prepared | null {
  const { aim, limit, offset, ef, exact, filter, fields, scoreThreshold } = plan;
  const vectorOf = (example: Example): Float32Array =>
    'vector' in example ? example.vector : vectors.get(example.id)!;
  let vector: Float32Array;
  let scale = 1;
  let examples: Example[];
  if (aim.kind === 'nearest') {
    examples = [aim.to];
    vector = vectorOf(aim.to);
  } else if (aim.kind === 'recommend') {
    examples = [...aim.positive, ...aim.negative];
    const positive = aim.positive.map(vectorOf);
    const negative = aim.negative.map(vectorOf);
    if (aim.strategy === 'average_vector') vector = averageVector(positive, negative);
    else ({ vector, scale } = sumOfScores(positive, negative, collection.metric));
  } else return null;

  const exclude = new Set<PointId>();
  for (const example of examples) if ('id' in example) exclude.add(example.id);
  // The examples themselves may be among the best hits: ask for as many more and drop them here, which keeps the search unfiltered.
  const query: SearchQuery =
    exclude.size === 0
      ? { vector, limit, offset, exact, filter, fields }
      : { vector, limit: offset + limit + exclude.size, offset: 0, exact, filter, fields };
  if (ef !== undefined) query.ef = ef;
  if (scoreThreshold !== undefined && scale > 0) query.scoreThreshold = scoreThreshold / scale;
  return { query, exclude, scale, plan };
}

function finish(prepared: Prepared, hits: Hit[]): Hit[] {
  const { exclude, scale, plan } = prepared;
  let kept = hits;
  if (exclude.size > 0) {
    kept = hits.filter((hit) => !exclude.has(hit.id)).slice(plan.offset, plan.offset + plan.limit);
  }
  if (scale === 1) return kept;
  kept = kept.map((hit) => ({ ...hit, score: hit.score * scale }));
  const threshold = plan.scoreThreshold;
  return threshold === undefined ? kept : kept.filter((hit) => hit.score >= threshold);
}

/** Queries without a vector list points: by id, or by a payload field. */
async function scroll(router: Router, collection: string, plan: QueryPlan, options: ReadOptions): Promise<Answer[]> {
  const { points } = await router.scroll(
    collection,
    {
      from: null,
      limit: plan.offset + plan.limit,
      filter: plan.filter,
      fields: plan.fields,
      ...(plan.aim.kind === 'ordered' ? { order: plan.aim.order } : {}),
    },
    options,
  );
  return points.slice(plan.offset).map((point) => ({ ...point, score: 1 }));
}

/** Vectors of all points that the queries name. A point that is not there is a 404. */
async function exampleVectors(
  router: Router,
  collection: MapCollection,
  plans: readonly QueryPlan[],
  options: ReadOptions,
): Promise<ReadonlyMap<PointId, Float32Array>> {
  const wanted = new Map<PointId, string>();
  for (const { aim, path } of plans) {
    if (aim.kind === 'nearest') note(aim.to, path, wanted);
    else if (aim.kind === 'recommend') for (const one of [...aim.positive, ...aim.negative]) note(one, path, wanted);
  }
  const vectors = new Map<PointId, Float32Array>();
  if (wanted.size === 0) return vectors;
  const points = await router.retrieve(collection.name, [...wanted.keys()], { payload: false, vector: true }, options);
  const found = new Map<PointId, ShardPoint>(points.map((point) => [point.id, point]));
  for (const [id, path] of wanted) {
    const point = found.get(id);
    if (point === undefined) {
      throw new AnnulusError('ANN_POINT_NOT_FOUND', `Not found: No point with id ${pointIdText(id)} found`, {
        field: path,
      });
    }
    if (point.vector === null) throw wrongInput(path, `Point ${pointIdText(id)} has no vector`);
    // The dialect averages Cosine vectors as it stores them: at length 1.
    vectors.set(id, collection.metric === 'Cosine' ? unit(point.vector) : point.vector);
  }
  return vectors;
}

function note(example: Example, path: string, wanted: Map<PointId, string>): void {
  if ('id' in example) wanted.set(example.id, path);
}
