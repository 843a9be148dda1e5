const WINDOW = 256;
const REFRESH_EVERY = 32;

/** The 95th percentile of the last answers' times, by which a second copy is asked. */
export class LatencyWindow {
  #samples = new Float64Array(WINDOW);
  #count = 0;
  #p95 = Number.POSITIVE_INFINITY;

  /** Milliseconds; infinite until there are enough samples. */
  get p95(): number {
    return this.#p95;
  }

  add(milliseconds: number): void {
    this.#samples[this.#count % WINDOW] = milliseconds;
    this.#count++;
    if (this.#count < WINDOW || this.#count % REFRESH_EVERY !== 0) return;
    this.#p95 = this.#samples.toSorted()[Math.floor(WINDOW * 0.95)]!;
  }
}
