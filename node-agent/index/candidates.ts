import type { PointId } from '#model/point-id.ts';
import type { Condition, Filter, Scalar } from '../filter/filter.ts';
import { tokens } from '../filter/text.ts';
import { indexedValue, type FieldType } from './field-values.ts';
import { LabelSet } from './label-set.ts';
import type { PayloadIndexes } from './payload-index.ts';

export interface CandidateSource {
  indexes: PayloadIndexes;
  labelOf(id: PointId): number | undefined;
}

/** Labels among which all passing points are; null when no index narrows the filter. */
export function candidates(filter: Filter, source: CandidateSource): LabelSet | null {
  let narrowest: LabelSet | null = null;
  const narrow = (set: LabelSet | null): void => {
    if (set !== null) narrowest = narrowest === null ? set : intersect(narrowest, set);
  };
  for (const condition of filter.must) narrow(ofCondition(condition, source));
  if (filter.should.length > 0) narrow(union(filter.should, source));
  // At least one of them holds, whatever the count.
  if (filter.minShould !== null && filter.minShould.minCount > 0) narrow(union(filter.minShould.conditions, source));
  return narrowest;
}

function ofCondition(condition: Condition, source: CandidateSource): LabelSet | null {
  const { indexes } = source;
  switch (condition.kind) {
    case 'filter':
      return candidates(condition.filter, source);
    case 'hasId': {
      const labels = new LabelSet();
      for (const id of condition.ids) {
        const label = source.labelOf(id);
        if (label !== undefined) labels.add(label);
      }
      return labels;
    }
    case 'matchAny': {
      const type = indexes.typeOf(condition.key);
      const values = type && exactValues(condition.values, type);
      return values ? indexes.withValues(condition.key, values) : null;
    }
    case 'matchText':
      return indexes.typeOf(condition.key) === 'text'
        ? ofText(condition.key, condition.text, condition.mode, indexes)
        : null;
    case 'range': {
      const type = indexes.typeOf(condition.key);
      return type === 'integer' || type === 'float' ? indexes.within(condition.key, condition.range) : null;
    }
    case 'datetimeRange':
      return indexes.typeOf(condition.key) === 'datetime' ? indexes.within(condition.key, condition.range) : null;
    case 'matchExcept':
    case 'valuesCount':
    case 'isEmpty':
    case 'isNull':
    case 'hasVector':
    case 'nested':
      return null;
  }
}

/** Values as the index keeps them; null when the index would miss points with some of them. */
function exactValues(values: Scalar[], type: FieldType): (string | number)[] | null {
  if (type === 'text' || type === 'datetime') return null;
  const indexed: (string | number)[] = [];
  for (const value of values) {
    const one = indexedValue(value, type);
    if (one === null) return null;
    indexed.push(one);
  }
  return indexed;
}

function ofText(key: string, text: string, mode: 'all' | 'any' | 'phrase', indexes: PayloadIndexes): LabelSet {
  const words = tokens(text).map((word) => indexedValue(word, 'text')!);
  if (mode === 'any') return indexes.withValues(key, words);
  const [first = '', ...rest] = words;
  return rest.reduce((set, word) => intersect(set, indexes.withValues(key, [word])), indexes.withValues(key, [first]));
}

function union(conditions: Condition[], source: CandidateSource): LabelSet | null {
  const all = new LabelSet();
  for (const condition of conditions) {
    const set = ofCondition(condition, source);
    if (set === null) return null;
    for (const label of set) all.add(label);
  }
  return all;
}

function intersect(a: LabelSet, b: LabelSet): LabelSet {
  const [small, large] = a.size < b.size ? [a, b] : [b, a];
  const both = new LabelSet();
  for (const label of small) if (large.has(label)) both.add(label);
  return both;
}
