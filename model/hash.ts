import { hash } from 'node:crypto';

/** First 8 bytes of SHA-256(text), big-endian: the one hash of ring and slots. */
export function hash64(text: string): bigint {
  return hash('sha256', text, 'buffer').readBigUInt64BE(0);
}
