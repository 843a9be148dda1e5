/** Appended bytes are noted once every so many. */
const STEP_BYTES = 1024 * 1024;

/** About how many bytes of log lie above a seqNo, from what was appended since this primary began. */
export class LogSizes {
  #marks: { seqNo: number; total: number }[] = [];
  #total = 0;

  add(lastSeqNo: number, bytes: number): void {
    this.#total += bytes;
    const last = this.#marks.at(-1);
    if (!last || this.#total - last.total >= STEP_BYTES) this.#marks.push({ seqNo: lastSeqNo, total: this.#total });
  }

  /** Lowest seqNo to keep so that about maxBytes of log remain; 0 = all fits. */
  keepFrom(maxBytes: number): number {
    let from = 0;
    for (const mark of this.#marks) {
      if (this.#total - mark.total <= maxBytes) break;
      from = mark.seqNo;
    }
    return from;
  }

  dropBelow(seqNo: number): void {
    let drop = 0;
    while (drop < this.#marks.length && this.#marks[drop]!.seqNo < seqNo) drop++;
    if (drop > 0) this.#marks.splice(0, drop);
  }
}
