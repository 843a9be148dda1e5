import { LabelSet } from '../index/label-set.ts';
import { compileFilter, type Predicate } from '../filter/match.ts';
import { parseFilterText } from '../filter/parse.ts';
import { PREPARED_FILTERS_MAX } from './limits.ts';
import { parsePayload } from './payload-edit.ts';
import type { Store } from './store.ts';

/** A filter's answer over the whole copy. */
export interface PreparedFilter {
  labels: LabelSet;
}

/** Filters of one copy, prepared once between two writes. */
export class Filters {
  readonly #store: Store;
  #prepared = new Map<string, PreparedFilter>();
  #textIndexed: ReadonlySet<string> = new Set();

  constructor(store: Store) {
    this.#store = store;
  }

  invalidate(): void {
    if (this.#prepared.size > 0) this.#prepared.clear();
  }

  predicate(filter: string): Predicate {
    return compileFilter(parseFilterText(filter), this.#textIndexed);
  }

  prepare(filter: string): PreparedFilter {
    const known = this.#prepared.get(filter);
    if (known) {
      // Moved to the end: the first of the map is the one unused for longest.
      this.#prepared.delete(filter);
      this.#prepared.set(filter, known);
      return known;
    }
    const prepared = { labels: this.#scan(this.predicate(filter)) };
    this.#prepared.set(filter, prepared);
    if (this.#prepared.size > PREPARED_FILTERS_MAX) this.#prepared.delete(this.#prepared.keys().next().value!);
    return prepared;
  }

  #scan(passes: Predicate): LabelSet {
    const labels = new LabelSet();
    for (const { label, id, payload, hasVector } of this.#store.payloads()) {
      if (passes({ id, hasVector, payload: payload === null ? {} : (parsePayload(payload) ?? {}) })) labels.add(label);
    }
    return labels;
  }
}
