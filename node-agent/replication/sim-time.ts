/** Virtual time: what is to happen, in order, and how long things take, all of one seed. */
export class SimTime {
  now = 0;
  readonly #random: () => number;
  #events: { at: number; order: number; run: () => void }[] = [];
  #order = 0;
  /** Messages of one link keep their order, as a stream's do. */
  #free = new Map<string, number>();

  constructor(random: () => number) {
    this.#random = random;
  }

  at(at: number, run: () => void): void {
    this.#events.push({ at, order: this.#order++, run });
  }

  after(milliseconds: number, run: () => void): void {
    this.at(this.now + milliseconds, run);
  }

  /** After a random delay, and after all that went over the same link before. */
  over(link: string, run: () => void): void {
    const at = Math.max(this.now + this.delay(), this.#free.get(link) ?? 0);
    this.#free.set(link, at);
    this.at(at, run);
  }

  delay(): number {
    return this.#random() < 0.05 ? 500 + this.#random() * 6_000 : this.#random() * 30;
  }

  advance(milliseconds: number): void {
    const until = this.now + milliseconds;
    for (;;) {
      this.#events.sort((a, b) => a.at - b.at || a.order - b.order);
      const next = this.#events[0];
      if (!next || next.at > until) break;
      this.#events.shift();
      this.now = next.at;
      next.run();
    }
    this.now = until;
  }
}
