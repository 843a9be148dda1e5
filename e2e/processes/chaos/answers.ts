import { asArray, asNumber, asObject, type Json } from '#local/kube-api/json.ts';
import type { Found } from './points.ts';

/** Points of a retrieve or of a page. */
export function foundPoints(result: Json | undefined): Found[] {
  return asArray(result).map((item) => {
    const { id, payload, vector } = asObject(item);
    return {
      id: asNumber(id) ?? -1,
      payload: asObject(payload),
      vector: Array.isArray(vector) ? vector.map(Number) : undefined,
    };
  });
}

export interface Page {
  readonly points: Found[];
  readonly next: number | undefined;
}

export function foundPage(result: Json | undefined): Page {
  const { points, next_page_offset: next } = asObject(result);
  return { points: foundPoints(points), next: asNumber(next) };
}

/** Ids of a query's hits, in their order. */
export const foundHits = (result: Json | undefined): number[] =>
  asArray(asObject(result)['points']).map((item) => asNumber(asObject(item)['id']) ?? -1);

export const foundCount = (result: Json | undefined): number => asNumber(asObject(result)['count']) ?? -1;
