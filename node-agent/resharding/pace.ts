import { setTimeout as sleep } from 'node:timers/promises';
import type { Throttle } from '../recovery/throttle.ts';

/** Resolves when bytes may go out under the node's rate. */
export function createPace(throttle: Throttle): (bytes: number) => Promise<void> {
  return async (bytes) => {
    const wait = throttle.reserve(bytes, performance.now());
    if (wait >= 1) await sleep(wait);
  };
}
