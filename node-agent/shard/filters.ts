import { candidates } from '../index/candidates.ts';
import { LabelSet } from '../index/label-set.ts';
import type { PayloadIndexes } from '../index/payload-index.ts';
import { compileFilter, type Predicate } from '../filter/match.ts';
import { parseFilterText } from '../filter/parse.ts';
import { pointIdFromKey } from '#model/point-id.ts';
import { PREPARED_FILTERS_MAX } from './limits.ts';
import { readPayload } from './payload-edit.ts';
import type { PointHead, Store } from './store.ts';

/** Filters of one copy; the answer of each is prepared once between two writes. */
export class Filters {
  readonly #store: Store;
  readonly #indexes: PayloadIndexes;
  #prepared = new Map<string, LabelSet>();

  constructor(store: Store, indexes: PayloadIndexes) {
    this.#store = store;
    this.#indexes = indexes;
  }

  invalidate(): void {
    if (this.#prepared.size > 0) this.#prepared.clear();
  }

  predicate(filter: string): Predicate {
    return compileFilter(parseFilterText(filter), this.#indexes.textFields);
  }

  /** Labels of the points that pass. */
  prepare(filter: string): LabelSet {
    const known = this.#prepared.get(filter);
    if (known) {
      // Moved to the end: the first of the map is the one unused for longest.
      this.#prepared.delete(filter);
      this.#prepared.set(filter, known);
      return known;
    }
    const prepared = this.#evaluate(filter);
    this.#prepared.set(filter, prepared);
    if (this.#prepared.size > PREPARED_FILTERS_MAX) this.#prepared.delete(this.#prepared.keys().next().value!);
    return prepared;
  }

  /** Labels that indexes propose; null when they cannot tell. */
  candidates(filter: string): LabelSet | null {
    return candidates(parseFilterText(filter), {
      indexes: this.#indexes,
      labelOf: (id) => this.#store.labelOf(id),
    });
  }

  #evaluate(filter: string): LabelSet {
    const passes = this.predicate(filter);
    const proposed = this.candidates(filter);
    const labels = new LabelSet();
    const test = (head: PointHead): void => {
      if (passes(subjectOf(head))) labels.add(head.label);
    };
    // Reading rows one by one costs more a row than reading all in order.
    if (proposed === null || proposed.size > this.#store.meta.points / 2) {
      for (const head of this.#store.heads()) test(head);
      return labels;
    }
    for (const label of proposed) {
      const head = this.#store.head(label);
      if (head) test(head);
    }
    return labels;
  }
}

/** A point as predicates see it. */
export function subjectOf({ key, payload, hasVector }: PointHead): Parameters<Predicate>[0] {
  return { id: pointIdFromKey(key), hasVector, payload: readPayload(payload) };
}
