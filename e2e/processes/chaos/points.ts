import { slotOf, type Slots } from '#model/slot.ts';
import type { Json } from '#local/kube-api/json.ts';
import type { State } from './history.ts';

export const DIMENSION = 16;
/** Ids of points that nobody writes after the beginning. */
export const STABLE = { first: 10_000_000, count: 2_000 } as const;

/** A point that writers write: the version of its vector, and that of its payload beside it (0: none). */
export interface Value {
  readonly version: number;
  readonly note: number;
}

/** The vector of a point's version: everyone can compute it. Float32, as it comes back. */
export function vectorOf(id: number, version: number): number[] {
  return Array.from({ length: DIMENSION }, (_, i) => Math.fround(Math.sin((id + 1) * (i + 1.37) + version * 0.61)));
}

export const stateOf = ({ version, note }: Value): State => `${version}/${note}`;

/** What a writer sends. */
export function pointOf(
  id: number,
  { version, note }: Value,
): { id: number; vector: number[]; payload: Record<string, Json> } {
  return { id, vector: vectorOf(id, version), payload: note === 0 ? { version } : { version, note } };
}

export function stablePoint(id: number): { id: number; vector: number[]; payload: Record<string, Json> } {
  return { id, vector: vectorOf(id, 0), payload: { stable: true } };
}

/** A point as the REST dialect gives it. */
export interface Found {
  readonly id: number;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly vector: readonly number[] | undefined;
}

/** State of a point that was read; a vector that is not its version's is no state that anybody wrote. */
export function seenState({ id, payload, vector }: Found): State {
  const version = Number(payload['version']);
  const note = Number(payload['note'] ?? 0);
  const expected = vectorOf(id, version);
  const torn = vector !== undefined && !expected.every((x, i) => x === Math.fround(vector[i] ?? NaN));
  return torn ? `${version}/${note} with another vector` : stateOf({ version, note });
}

/** So many ids from `first` on that are in the slots. */
export function idsIn(slots: Slots, first: number, count: number): number[] {
  const ids: number[] = [];
  for (let id = first; ids.length < count; id++) {
    const slot = slotOf(BigInt(id));
    if (slot >= slots.from && slot <= slots.to) ids.push(id);
  }
  return ids;
}

/** Nearest stable points to a vector by brute force (Euclid), nearest first. */
export function nearestStable(query: readonly number[], limit: number): number[] {
  const near: { id: number; distance: number }[] = [];
  for (let id = STABLE.first; id < STABLE.first + STABLE.count; id++) {
    const distance = vectorOf(id, 0).reduce((sum, x, i) => sum + (x - query[i]!) ** 2, 0);
    near.push({ id, distance });
  }
  near.sort((a, b) => a.distance - b.distance || a.id - b.id);
  return near.slice(0, limit).map(({ id }) => id);
}
