import type { ErrorCode } from '#model/errors.ts';
import type { Digest, Located } from './messages.ts';

/** A log entry of the simulation: two entries are the same write when both numbers agree. */
export interface SimEntry {
  seqNo: number;
  term: number;
}

export type Refusal = { code: ErrorCode; message: string; diverged: boolean };

export const encode = (entries: SimEntry[]): Uint8Array => Buffer.from(JSON.stringify(entries));
export const decode = (bytes: Uint8Array): SimEntry[] =>
  bytes.byteLength === 0 ? [] : (JSON.parse(Buffer.from(bytes).toString()) as SimEntry[]);

/** One copy's disk, by the rules of ShardHost: what is on it survives every crash. */
export class SimDisk {
  /** Everything ever applied, in order: stands for the points. */
  applied: SimEntry[] = [];
  /** The log holds entries from this seqNo on. */
  logFrom = 1;
  term = 0;
  whole = true;
  /** In memory: lost when the node crashes. */
  stream: { term: number; stream: number } | null = null;
  /** Switched off to see whether the simulation would notice. */
  checksTerm = true;

  get seqNo(): number {
    return this.applied.length;
  }

  append(term: number, count: number): SimEntry[] | Refusal {
    const refusal = this.enter(term);
    if (refusal) return refusal;
    const entries = Array.from({ length: count }, (_, i) => ({ seqNo: this.seqNo + 1 + i, term }));
    this.applied.push(...entries);
    return entries;
  }

  apply(term: number, stream: number, entries: SimEntry[]): Refusal | null {
    const refusal = this.enter(term) ?? this.#notInStream(term, stream);
    if (refusal) return refusal;
    for (const entry of entries) {
      const own = this.applied[entry.seqNo - 1];
      if (own) {
        if (entry.seqNo >= this.logFrom && own.term !== entry.term) return conflict('the logs differ', true);
      } else if (entry.seqNo === this.seqNo + 1) this.applied.push(entry);
      else return conflict(`expected seqNo ${this.seqNo + 1}`, false);
    }
    return null;
  }

  /** The map's term reached the node: it refuses older primaries from now on. */
  fence(term: number): void {
    if (this.checksTerm) this.term = Math.max(this.term, term);
  }

  begin(term: number, stream: number): Refusal | null {
    const refusal = this.enter(term);
    if (!refusal) this.stream = { term, stream };
    return refusal;
  }

  locate(): Located {
    const { seqNo, whole } = this;
    const hasLastEntry = this.logFrom <= seqNo;
    return { seqNo, term: hasLastEntry ? (this.applied.at(-1)?.term ?? 0) : 0, whole, hasLastEntry };
  }

  readLog(from: number): { entries: Uint8Array; nextSeqNo: number } | null {
    if (from < this.logFrom) return null;
    const entries = this.applied.slice(from - 1, from + 4);
    return { entries: encode(entries), nextSeqNo: from + entries.length };
  }

  trim(below: number): void {
    this.logFrom = Math.max(this.logFrom, Math.min(below, this.seqNo + 1));
  }

  digest(): Digest {
    return { seqNo: this.seqNo, points: this.seqNo, digest: this.applied.map((entry) => entry.term).join() };
  }

  import(snapshot: SimEntry[]): void {
    this.applied = [...snapshot];
    this.logFrom = snapshot.length + 1;
    this.whole = true;
  }

  equals(other: SimDisk): boolean {
    return this.digest().digest === other.digest().digest;
  }

  has(entry: SimEntry): boolean {
    return this.applied[entry.seqNo - 1]?.term === entry.term;
  }

  #notInStream(term: number, stream: number): Refusal | null {
    if (this.stream?.term === term && this.stream.stream === stream) return null;
    return { code: 'ANN_NOT_READY', message: 'another stream', diverged: false };
  }

  enter(term: number): Refusal | null {
    if (term < this.term && this.checksTerm) {
      return { code: 'ANN_STALE_TERM', message: `term ${term} is over`, diverged: false };
    }
    this.term = Math.max(this.term, term);
    return null;
  }
}

function conflict(message: string, diverged: boolean): Refusal {
  return { code: 'ANN_CONFLICT', message, diverged };
}
