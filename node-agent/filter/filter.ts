import type { PointId } from '#model/point-id.ts';

/** A parsed filter of the Qdrant dialect (filter/parse.ts makes it; filter/match.ts is its meaning). */
export interface Filter {
  must: Condition[];
  should: Condition[];
  mustNot: Condition[];
  minShould: { conditions: Condition[]; minCount: number } | null;
}

export type Scalar = string | number | bigint | boolean;

export type Condition =
  | { kind: 'filter'; filter: Filter }
  | { kind: 'matchAny'; key: string; values: Scalar[] }
  | { kind: 'matchExcept'; key: string; values: Scalar[] }
  | { kind: 'matchText'; key: string; text: string; mode: 'all' | 'any' | 'phrase' }
  | { kind: 'range'; key: string; range: Bounds }
  | { kind: 'datetimeRange'; key: string; range: Bounds }
  | { kind: 'valuesCount'; key: string; range: Bounds }
  | { kind: 'isEmpty'; key: string }
  | { kind: 'isNull'; key: string }
  | { kind: 'hasId'; ids: PointId[] }
  | { kind: 'hasVector' }
  | { kind: 'nested'; key: string; filter: Filter };

/** Numbers; datetimes are microseconds since the epoch. */
export interface Bounds {
  gt?: number;
  gte?: number;
  lt?: number;
  lte?: number;
}
