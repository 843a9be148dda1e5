import { comparePointIds, type PointId } from '#model/point-id.ts';

/** The k nearest seen so far: smaller distance first, equal distances by id. */
export class TopK {
  readonly #k: number;
  readonly #idOf: (label: number) => PointId | undefined;
  #distances: number[] = [];
  #labels: number[] = [];

  constructor(k: number, idOf: (label: number) => PointId | undefined) {
    this.#k = k;
    this.#idOf = idOf;
  }

  get size(): number {
    return this.#labels.length;
  }

  /** Nothing farther than this can get in. */
  get worst(): number {
    return this.#labels.length < this.#k ? Infinity : (this.#distances[0] ?? -Infinity);
  }

  offer(distance: number, label: number): void {
    const size = this.#labels.length;
    if (size < this.#k) {
      this.#distances.push(distance);
      this.#labels.push(label);
      this.#up(size);
      return;
    }
    // The heap's root is the worst kept.
    if (size === 0 || distance > this.#distances[0]! || !this.#nearer(distance, label, 0)) return;
    this.#distances[0] = distance;
    this.#labels[0] = label;
    this.#down(0);
  }

  /** Best first. */
  sorted(): { distances: number[]; labels: number[] } {
    const order = this.#labels.map((_, i) => i);
    order.sort((a, b) => this.#compare(a, b));
    return { distances: order.map((i) => this.#distances[i]!), labels: order.map((i) => this.#labels[i]!) };
  }

  #nearer(distance: number, label: number, at: number): boolean {
    const other = this.#distances[at]!;
    return distance === other ? this.#compareIds(label, this.#labels[at]!) < 0 : distance < other;
  }

  #compare(a: number, b: number): number {
    const difference = this.#distances[a]! - this.#distances[b]!;
    return difference === 0 ? this.#compareIds(this.#labels[a]!, this.#labels[b]!) : difference;
  }

  #compareIds(a: number, b: number): number {
    const idA = this.#idOf(a);
    const idB = this.#idOf(b);
    return idA === undefined || idB === undefined ? a - b : comparePointIds(idA, idB);
  }

  #swap(a: number, b: number): void {
    const distance = this.#distances[a]!;
    const label = this.#labels[a]!;
    this.#distances[a] = this.#distances[b]!;
    this.#labels[a] = this.#labels[b]!;
    this.#distances[b] = distance;
    this.#labels[b] = label;
  }

  #up(from: number): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.#compare(at, parent) <= 0) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #down(from: number): void {
    let at = from;
    for (;;) {
      const left = at * 2 + 1;
      if (left >= this.#labels.length) return;
      const right = left + 1;
      const worse = right < this.#labels.length && this.#compare(right, left) > 0 ? right : left;
      if (this.#compare(worse, at) <= 0) return;
      this.#swap(at, worse);
      at = worse;
    }
  }
}
