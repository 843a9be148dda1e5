/** The slots are compared in so many equal parts. */
export const AUDIT_BUCKETS = 64;

interface Running {
  id: number;
  /** Digests of this primary; null while they are computed. */
  own: string[] | null;
  /** Copies that take part, by allocationId, with their digests when these are there. */
  copies: Map<string, string[] | null>;
}

/** A copy that was found different, and in how many of AUDIT_BUCKETS parts. */
export interface Difference {
  copy: string;
  buckets: number;
}

/**
 * Anti-entropy: copies in sync are compared by digests of slot buckets, all taken at one seqNo of the log while it goes on. One comparison at a
 * time; who can't take part any more is left out. Pure.
 */
export class Audit {
  #running: Running | null = null;
  #lastId = 0;

  get running(): boolean {
    return this.#running !== null;
  }

  begin(copies: string[]): number {
    this.#running = { id: ++this.#lastId, own: null, copies: new Map(copies.map((copy) => [copy, null])) };
    return this.#lastId;
  }

  isRunning(id: number): boolean {
    return this.#running?.id === id;
  }

  /** This primary's digests; null: they could not be taken, so there is nothing to compare with. */
  own(id: number, digests: string[] | null): Difference[] {
    if (this.#running?.id !== id) return [];
    if (digests === null) this.#running = null;
    else this.#running.own = digests;
    return this.#compare();
  }

  /** A copy's digests; null: it does not take part any more. */
  copy(id: number, copy: string, digests: string[] | null): Difference[] {
    if (this.#running?.id !== id || !this.#running.copies.has(copy)) return [];
    if (digests === null) this.#running.copies.delete(copy);
    else this.#running.copies.set(copy, digests);
    return this.#compare();
  }

  #compare(): Difference[] {
    const differences: Difference[] = [];
    if (!this.#running?.own) return differences;
    const { own, copies } = this.#running;
    for (const [copy, digests] of copies) {
      if (digests === null) continue;
      copies.delete(copy);
      const buckets = own.filter((digest, bucket) => digest !== digests[bucket]).length;
      if (buckets > 0) differences.push({ copy, buckets });
    }
    if (copies.size === 0) this.#running = null;
    return differences;
  }
}
