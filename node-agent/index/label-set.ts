const PAGE_BITS = 16;
const PAGE_BYTES = 1 << (PAGE_BITS - 3);

/** A set of labels as a bitmap in pages: `has` is cheap and can't throw, so it may be hnswlib's filter callback. */
export class LabelSet {
  #pages: (Uint8Array | undefined)[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  has(label: number): boolean {
    const page = this.#pages[label >>> PAGE_BITS];
    return page !== undefined && (page[(label & 0xffff) >> 3]! & (1 << (label & 7))) !== 0;
  }

  add(label: number): void {
    const number = label >>> PAGE_BITS;
    let page = this.#pages[number];
    if (page === undefined) {
      // Filled up to here, so that the array stays a plain one.
      while (this.#pages.length <= number) this.#pages.push(undefined);
      page = this.#pages[number] = new Uint8Array(PAGE_BYTES);
    }
    const at = (label & 0xffff) >> 3;
    const bit = 1 << (label & 7);
    if ((page[at]! & bit) !== 0) return;
    page[at]! |= bit;
    this.#size++;
  }

  delete(label: number): void {
    const page = this.#pages[label >>> PAGE_BITS];
    const at = (label & 0xffff) >> 3;
    const bit = 1 << (label & 7);
    if (page === undefined || (page[at]! & bit) === 0) return;
    page[at]! &= ~bit;
    this.#size--;
  }

  /** Ascending. */
  *[Symbol.iterator](): Generator<number> {
    for (let number = 0; number < this.#pages.length; number++) {
      const page = this.#pages[number];
      if (page === undefined) continue;
      for (let at = 0; at < PAGE_BYTES; at++) {
        const byte = page[at]!;
        if (byte === 0) continue;
        for (let bit = 0; bit < 8; bit++) if ((byte & (1 << bit)) !== 0) yield number * 65_536 + at * 8 + bit;
      }
    }
  }
}
