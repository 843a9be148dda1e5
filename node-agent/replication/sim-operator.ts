import type { ChangeAction, ChangeAnswer } from './messages.ts';
import type { Refusal } from './sim-disk.ts';
import type { SimCopy, SimMap } from './sim-types.ts';

/** The operator of the simulation: a shard's configuration, changed by compare-and-set only. */
export class SimOperator {
  readonly copies: SimCopy[];
  #term = 1;
  #configVersion = 1;
  #handoverTo: string | null = null;

  constructor(nodes: string[]) {
    this.copies = nodes.map((node, i) => ({ node, inSync: true, primary: i === 0 }));
  }

  get primary(): SimCopy {
    return this.copies.find((copy) => copy.primary)!;
  }

  copy(node: string): SimCopy {
    return this.copies.find((copy) => copy.node === node)!;
  }

  map(): SimMap {
    const copies = this.copies.map((copy) => ({ ...copy }));
    return { term: this.#term, configVersion: this.#configVersion, copies, handoverTo: this.#handoverTo };
  }

  candidates(): SimCopy[] {
    return this.copies.filter((copy) => copy.inSync && !copy.primary);
  }

  /** As the target node does: by the map, which is taken to be there. */
  refuseImport(node: string): Refusal | null {
    return this.copy(node).inSync ? { code: 'ANN_CONFLICT', message: 'in sync', diverged: true } : null;
  }

  /** The primary's node is taken for dead. */
  failOver(next: SimCopy): void {
    Object.assign(this.primary, { primary: false, inSync: false });
    this.#promote(next);
  }

  /** Promises a planned change of primary, or takes the promise back. */
  promise(node: string | null): void {
    this.#handoverTo = node;
  }

  judge(term: number, copy: string, action: ChangeAction, configVersion: number): ChangeAnswer {
    const known = this.copy(copy);
    if (term !== this.#term || known.primary) return { result: 'refused', reason: 'stale term' };
    // Compare and set, and a removal always gives a new version: a late request to add made before it fails.
    if (configVersion !== this.#configVersion) return { result: 'refused', reason: 'stale config' };
    if (action === 'handOver') {
      if (this.#handoverTo !== copy || !known.inSync) return { result: 'refused', reason: 'not promised' };
      this.primary.primary = false;
      this.#promote(known);
    } else {
      known.inSync = action === 'add';
      this.#configVersion++;
    }
    return { result: 'done', configVersion: this.#configVersion };
  }

  #promote(next: SimCopy): void {
    next.primary = true;
    this.#handoverTo = null;
    this.#term++;
    this.#configVersion++;
  }
}
