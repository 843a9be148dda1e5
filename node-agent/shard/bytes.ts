import { pointIdFromKey, pointIdKey, type PointId } from '#model/point-id.ts';

const NONE = 0xffff_ffff;
const START_BYTES = 1024;

/** Grows as it is written. Little-endian. */
export class ByteWriter {
  #buffer: Buffer;
  #length = 0;

  constructor(startBytes = START_BYTES) {
    this.#buffer = Buffer.allocUnsafeSlow(startBytes);
  }

  get length(): number {
    return this.#length;
  }

  /** The bytes written so far, in a buffer of exactly that size (so that it can be transferred to another thread). */
  finish(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#buffer.buffer.slice(0, this.#length) as ArrayBuffer);
  }

  /** View of bytes already written. */
  view(from: number, to: number): Buffer {
    return this.#buffer.subarray(from, to);
  }

  u8(value: number): void {
    this.#room(1);
    this.#buffer[this.#length++] = value;
  }

  u32(value: number): void {
    this.#room(4);
    this.#length = this.#buffer.writeUInt32LE(value, this.#length);
  }

  u32At(offset: number, value: number): void {
    this.#buffer.writeUInt32LE(value, offset);
  }

  /** A safe integer >= 0 in 8 bytes. */
  u53(value: number): void {
    this.u32(value % 4_294_967_296);
    this.u32(Math.floor(value / 4_294_967_296));
  }

  raw(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  text(text: string | null): void {
    if (text === null) {
      this.u32(NONE);
      return;
    }
    // 3 bytes a UTF-16 unit is the most that UTF-8 needs: no second pass over the text to measure it.
    this.#room(4 + text.length * 3);
    const bytes = this.#buffer.write(text, this.#length + 4);
    this.#buffer.writeUInt32LE(bytes, this.#length);
    this.#length += 4 + bytes;
  }

  floats(floats: Float32Array | null): void {
    if (floats === null) {
      this.u32(NONE);
      return;
    }
    this.u32(floats.length);
    this.raw(new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength));
  }

  id(id: PointId): void {
    this.raw(pointIdKey(id));
  }

  #room(bytes: number): void {
    const need = this.#length + bytes;
    if (need <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(need, this.#buffer.length * 2));
    this.#buffer.copy(grown, 0, 0, this.#length);
    this.#buffer = grown;
  }
}

/** Reads what ByteWriter wrote; every length is checked before use, RangeError on anything that does not fit. */
export class ByteReader {
  #buffer: Buffer;
  #offset: number;

  constructor(bytes: Uint8Array) {
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#offset = 0;
  }

  get offset(): number {
    return this.#offset;
  }

  get left(): number {
    return this.#buffer.length - this.#offset;
  }

  u8(): number {
    return this.#buffer[this.#take(1)]!;
  }

  u32(): number {
    return this.#buffer.readUInt32LE(this.#take(4));
  }

  u53(): number {
    const low = this.u32();
    const value = this.u32() * 4_294_967_296 + low;
    if (!Number.isSafeInteger(value)) throw new RangeError(`number too large at byte ${this.#offset - 8}`);
    return value;
  }

  raw(bytes: number): Buffer {
    const start = this.#take(bytes);
    return this.#buffer.subarray(start, start + bytes);
  }

  text(): string | null {
    const bytes = this.u32();
    return bytes === NONE ? null : this.raw(bytes).toString('utf8');
  }

  floats(): Float32Array<ArrayBuffer> | null {
    const count = this.u32();
    if (count === NONE) return null;
    const bytes = this.raw(count * 4);
    // Copied: the source may not be aligned to 4 bytes.
    const floats = new Float32Array(count);
    new Uint8Array(floats.buffer).set(bytes);
    return floats;
  }

  id(): PointId {
    const tag = this.#buffer[this.#offset];
    return pointIdFromKey(this.raw(tag === 1 ? 9 : 17));
  }

  #take(bytes: number): number {
    const start = this.#offset;
    if (bytes > this.#buffer.length - start)
      throw new RangeError(`${bytes} bytes wanted at byte ${start}, ${this.#buffer.length - start} left`);
    this.#offset = start + bytes;
    return start;
  }
}
