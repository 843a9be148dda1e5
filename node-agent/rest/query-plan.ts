import type { PointId } from '#model/point-id.ts';
import type { ScrollRequest, SearchQuery } from '../routing/router.ts';

/** An example that a query refers to: a vector, or a point whose vector is meant. */
export type Example = { vector: Float32Array } | { id: PointId };

/** What to look for. */
export type Aim =
  | { kind: 'nearest'; to: Example }
  | { kind: 'recommend'; strategy: 'average_vector' | 'sum_scores'; positive: Example[]; negative: Example[] }
  | { kind: 'ordered'; order: NonNullable<ScrollRequest['order']> }
  | { kind: 'byId' };

/** One parsed query of search, recommend or query requests; only `aim` differs among them. */
export interface QueryPlan extends Omit<SearchQuery, 'vector'> {
  aim: Aim;
  /** Path of the query in the request, for refusals that need the data (unknown ids). */
  path: string;
}
