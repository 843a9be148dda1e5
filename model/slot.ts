import { hash } from 'node:crypto';
import { pointIdText, type PointId } from './point-id.ts';

/** Number of slots that a collection's points spread over. */
export const SLOTS = 16_384;

/** Slot of a point: first 8 bytes of SHA-256(id as text), big-endian, mod 16384. */
export function slotOf(id: PointId): number {
  // 16384 is a power of two: the remainder is the low 14 bits of bytes 6 and 7.
  return hash('sha256', pointIdText(id), 'buffer').readUInt16BE(6) & (SLOTS - 1);
}

/** Both ends included. */
export interface Slots {
  from: number;
  to: number;
}

/** Cuts 0..16383 into `shards` ranges whose sizes differ by at most one. */
export function evenSlots(shards: number): Slots[] {
  if (!Number.isInteger(shards) || shards < 1 || shards > SLOTS)
    throw new RangeError(`shards: ${shards} is not in 1..${SLOTS}`);
  return Array.from({ length: shards }, (_, i) => ({
    from: Math.floor((i * SLOTS) / shards),
    to: Math.floor(((i + 1) * SLOTS) / shards) - 1,
  }));
}
