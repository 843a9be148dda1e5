import { setTimeout as sleep } from 'node:timers/promises';
import { Throttle } from '../recovery/throttle.ts';

/** Resolves when bytes may go out under the rate. */
export function createPace(mibPerSecond: number): (bytes: number) => Promise<void> {
  const throttle = new Throttle(mibPerSecond, performance.now());
  return async (bytes) => {
    const wait = throttle.sent(bytes, performance.now());
    if (wait >= 1) await sleep(wait);
  };
}
