/** Biggest batch that one turn sends; a single frame may be bigger. */
const MAX_BATCH_BYTES = 4 * 1024 * 1024;

/** What an Outbox writes to: a gRPC stream, or a test's list. */
export interface BatchWriter<Frame> {
  /** False when the stream's buffer is full: then the outbox waits for resume(). */
  write(frames: Frame[]): boolean;
}

/** Collects frames during a turn of the event loop and writes them as one batch; holds them back while the stream is full or not yet open. */
export class Outbox<Frame> {
  #frames: { frame: Frame; bytes: number }[] = [];
  #bytes = 0;
  #open = false;
  #scheduled = false;
  #writer: BatchWriter<Frame>;

  constructor(writer: BatchWriter<Frame>) {
    this.#writer = writer;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get length(): number {
    return this.#frames.length;
  }

  push(frame: Frame, bytes: number): void {
    this.#frames.push({ frame, bytes });
    this.#bytes += bytes;
    this.#schedule();
  }

  /** The stream is open, or has drained. */
  resume(): void {
    this.#open = true;
    if (this.#frames.length > 0) this.#schedule();
  }

  clear(): void {
    this.#frames = [];
    this.#bytes = 0;
    this.#open = false;
  }

  #schedule(): void {
    if (this.#scheduled || !this.#open) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    while (this.#open && this.#frames.length > 0) {
      let count = 0;
      let bytes = 0;
      while (count < this.#frames.length && (count === 0 || bytes + this.#frames[count]!.bytes <= MAX_BATCH_BYTES)) {
        bytes += this.#frames[count]!.bytes;
        count++;
      }
      this.#bytes -= bytes;
      const batch = this.#frames.splice(0, count).map((entry) => entry.frame);
      if (!this.#writer.write(batch)) this.#open = false;
    }
  }
}

const FRAME_OVERHEAD_BYTES = 32;

/** About how many bytes a message body takes: enough to bound queues and batches by. */
export function approximateBytes(value: unknown): number {
  if (value instanceof Uint8Array) return value.byteLength;
  if (typeof value === 'string') return value.length;
  if (Array.isArray(value)) {
    let total = 0;
    for (const item of value) total += approximateBytes(item);
    return total;
  }
  if (typeof value === 'object' && value !== null) {
    let total = FRAME_OVERHEAD_BYTES;
    for (const item of Object.values(value)) total += approximateBytes(item);
    return total;
  }
  return 8;
}
