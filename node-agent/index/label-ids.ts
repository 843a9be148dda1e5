import { pointIdFromKey, pointIdKey, type PointId } from '#model/point-id.ts';

const PAGE_BITS = 12;
const PAGE = 1 << PAGE_BITS;
/** Tag and 16 bytes, as in pointIdKey. */
const KEY_BYTES = 17;

interface Page {
  used: number;
  keys: Uint8Array;
}

/** Ids by label in 17 bytes each: labels are handed out in order, so pages of neighbours fill up and empty together. */
export class LabelIds {
  #pages = new Map<number, Page>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get bytes(): number {
    return this.#pages.size * PAGE * KEY_BYTES;
  }

  has(label: number): boolean {
    const page = this.#pages.get(label >>> PAGE_BITS);
    return page !== undefined && page.keys[(label & (PAGE - 1)) * KEY_BYTES] !== 0;
  }

  set(label: number, id: PointId): void {
    let page = this.#pages.get(label >>> PAGE_BITS);
    if (page === undefined) {
      page = { used: 0, keys: new Uint8Array(PAGE * KEY_BYTES) };
      this.#pages.set(label >>> PAGE_BITS, page);
    }
    const at = (label & (PAGE - 1)) * KEY_BYTES;
    if (page.keys[at] === 0) {
      page.used++;
      this.#size++;
    }
    page.keys.set(pointIdKey(id), at);
  }

  get(label: number): PointId | undefined {
    const page = this.#pages.get(label >>> PAGE_BITS);
    if (page === undefined) return undefined;
    const at = (label & (PAGE - 1)) * KEY_BYTES;
    const { keys } = page;
    const tag = keys[at];
    if (tag === 0) return undefined;
    if (tag === 2) return pointIdFromKey(keys.subarray(at, at + KEY_BYTES));
    const high = ((keys[at + 1]! << 24) | (keys[at + 2]! << 16) | (keys[at + 3]! << 8) | keys[at + 4]!) >>> 0;
    if (high >= 0x200000) return pointIdFromKey(keys.subarray(at, at + 9));
    return (
      high * 4_294_967_296 +
      (((keys[at + 5]! << 24) | (keys[at + 6]! << 16) | (keys[at + 7]! << 8) | keys[at + 8]!) >>> 0)
    );
  }

  delete(label: number): void {
    const page = this.#pages.get(label >>> PAGE_BITS);
    const at = (label & (PAGE - 1)) * KEY_BYTES;
    if (page === undefined || page.keys[at] === 0) return;
    page.keys.fill(0, at, at + KEY_BYTES);
    this.#size--;
    if (--page.used === 0) this.#pages.delete(label >>> PAGE_BITS);
  }

  clear(): void {
    this.#pages.clear();
    this.#size = 0;
  }
}
