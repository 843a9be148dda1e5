import { createHash } from 'node:crypto';

const MASK = 0xffff_ffff_ffff_ffffn;
const NOTHING = Buffer.from([0]);
const SOMETHING = Buffer.from([1]);
const TEXT = /^[0-9a-f]{32}$/;

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
    return textOf(this.#high, this.#low);
  }
}

/** Digest of the union of sets that have no point in common. Throws RangeError on a text that is no digest. */
export function combineDigests(texts: string[]): string {
  let high = 0n;
  let low = 0n;
  for (const text of texts) {
    if (!TEXT.test(text)) throw new RangeError(`"${text}" is not a digest`);
    high = (high + BigInt(`0x${text.slice(0, 16)}`)) & MASK;
    low = (low + BigInt(`0x${text.slice(16)}`)) & MASK;
  }
  return textOf(high, low);
}

function textOf(high: bigint, low: bigint): string {
  return high.toString(16).padStart(16, '0') + low.toString(16).padStart(16, '0');
}
