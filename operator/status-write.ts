import { sameJson, type JsonObject } from './kube/json.ts';

/** Counters (points, sequence numbers, sizes) are written at most this often per object. */
export const COUNTER_INTERVAL_MS = 15_000;

/** Whether a status has to be written: at once, after a while (only counters differ and the last write is fresh), or not. */
export type WriteDecision = { write: true } | { write: false; afterMs?: number };

/**
 * Compares the status in the API with the wanted one. `counters` names the members that may lag: they alone never make
 * a write sooner than COUNTER_INTERVAL_MS after `lastWriteAt`. Members in `foreign` are written by others and left out.
 */
export function decideWrite(
  actual: object | undefined,
  wanted: object,
  options: { strip: (status: JsonObject) => JsonObject; foreign?: string[]; lastWriteAt: number; now: number },
): WriteDecision {
  const mine = without({ ...actual }, options.foreign ?? []);
  if (sameJson(mine, wanted)) return { write: false };
  if (!sameJson(options.strip(mine), options.strip({ ...wanted }))) return { write: true };
  const wait = options.lastWriteAt + COUNTER_INTERVAL_MS - options.now;
  return wait <= 0 ? { write: true } : { write: false, afterMs: wait };
}

/** A copy of the object without the named members. */
export function without(object: JsonObject, members: string[]): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([member]) => !members.includes(member)));
}
