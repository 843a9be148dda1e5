import { setTimeout as sleep } from 'node:timers/promises';
import type { Http } from './http.ts';
import type { Rig } from './rig.ts';

const POLL_MS = 200;
const METRICS_TIMEOUT_MS = 2_000;
const LINE = /^annulus_members\{state="(\w+)"\} (\d+)$/gm;

/** How many others a node believes to be in each state, in lower case; undefined when it does not answer. */
export async function membersOf(http: Http, url: string): Promise<Map<string, number> | undefined> {
  try {
    const { result } = await http.call(url, 'GET', '/metrics', undefined, METRICS_TIMEOUT_MS);
    const counts = new Map<string, number>();
    for (const [, state = '', count] of String(result).matchAll(LINE)) counts.set(state.toLowerCase(), Number(count));
    return counts;
  } catch {
    return undefined;
  }
}

/**
 * Asks the nodes until each was once seen to have so many others in that state. Gives the seconds until the last of them had, Infinity when
 * one had not in time.
 */
export async function untilBelieved(
  rig: Rig,
  http: Http,
  nodes: readonly string[],
  state: string,
  count: number,
  timeoutMs: number,
): Promise<number> {
  const began = performance.now();
  const missing = new Set(nodes);
  for (;;) {
    await Promise.all(
      [...missing].map(async (node) => {
        const members = await membersOf(http, rig.urlOf(node));
        if ((members?.get(state) ?? 0) >= count) missing.delete(node);
      }),
    );
    const took = performance.now() - began;
    if (missing.size === 0) return took / 1000;
    if (took > timeoutMs) return Infinity;
    await sleep(POLL_MS);
  }
}
