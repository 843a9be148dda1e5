import { createHash } from 'node:crypto';

const MASK = 0xffff_ffff_ffff_ffffn;
const NOTHING = Buffer.from([0]);
const SOMETHING = Buffer.from([1]);

/**
 * Digest of a set of points that does not depend on their order: the sums mod 2^64 of both halves of each point's
 * SHA-256(id key, vector bytes, payload text), cut to 128 bits.
 */
export class PointsDigest {
  #high = 0n;
  #low = 0n;
  #points = 0;

  get points(): number {
    return this.#points;
  }

  add(key: Uint8Array, vector: Uint8Array | null, payload: string | null): void {
    const hash = createHash('sha256').update(key);
    // The mark keeps "no vector" apart from an empty one, and the vector apart from the payload behind it.
    hash.update(vector === null ? NOTHING : SOMETHING);
    if (vector !== null) hash.update(vector);
    hash.update(payload === null ? NOTHING : SOMETHING);
    if (payload !== null) hash.update(payload);
    const bytes = hash.digest();
    this.#high = (this.#high + bytes.readBigUInt64BE(0)) & MASK;
    this.#low = (this.#low + bytes.readBigUInt64BE(8)) & MASK;
    this.#points++;
  }

  /** 32 hexadecimal digits. */
  text(): string {
    return this.#high.toString(16).padStart(16, '0') + this.#low.toString(16).padStart(16, '0');
  }
}
