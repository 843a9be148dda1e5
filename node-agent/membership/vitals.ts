import { availableParallelism } from 'node:os';
import type { Vitals } from './messages.ts';

const MIB = 1024 * 1024;

/** How this process is doing: processor time since the last call, and memory. */
export function processVitals(): () => Pick<Vitals, 'cpuPercent' | 'memoryMiB'> {
  let at = performance.now();
  let used = process.cpuUsage();
  return () => {
    const now = performance.now();
    const { user, system } = process.cpuUsage(used);
    const percent = (user + system) / 10 / Math.max(1, now - at) / availableParallelism();
    at = now;
    used = process.cpuUsage();
    return { cpuPercent: Math.min(100, Math.round(percent)), memoryMiB: Math.round(process.memoryUsage.rss() / MIB) };
  };
}
