/** Consecutive log entries as the shard encoded them. */
export interface Chunk {
  firstSeqNo: number;
  lastSeqNo: number;
  entries: Uint8Array;
}

/** The newest end of the log in memory, without gaps, bounded in bytes. */
export class RecentEntries {
  #chunks: Chunk[] = [];
  #bytes = 0;
  #maxBytes: number;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  push(chunk: Chunk): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.entries.byteLength;
    let drop = 0;
    while (drop < this.#chunks.length - 1 && this.#bytes > this.#maxBytes) {
      this.#bytes -= this.#chunks[drop]!.entries.byteLength;
      drop++;
    }
    if (drop > 0) this.#chunks.splice(0, drop);
  }

  /** The chunk that holds this seqNo. */
  find(seqNo: number): Chunk | undefined {
    let low = 0;
    let high = this.#chunks.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const chunk = this.#chunks[middle]!;
      if (seqNo < chunk.firstSeqNo) high = middle - 1;
      else if (seqNo > chunk.lastSeqNo) low = middle + 1;
      else return chunk;
    }
    return undefined;
  }

  /** Forgets what every copy has. */
  dropThrough(seqNo: number): void {
    let drop = 0;
    while (drop < this.#chunks.length && this.#chunks[drop]!.lastSeqNo <= seqNo) {
      this.#bytes -= this.#chunks[drop]!.entries.byteLength;
      drop++;
    }
    if (drop > 0) this.#chunks.splice(0, drop);
  }
}
