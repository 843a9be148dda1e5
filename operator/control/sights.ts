import { diskReserve } from '#model/disk.ts';
import type { CopyReport, NodeReport } from '#proto/control-messages.ts';

/** What the operator knows of one node through its control stream. */
export interface NodeSight {
  node: string;
  connected: boolean;
  /** When `connected` last changed, ms. */
  since: number;
  /** Last report of the present connection; undefined until it came. */
  report?: NodeReport;
  /** When that report came, ms. */
  reportAt?: number;
  /** The node refused the stream (another cluster's volume, another token), in its words. */
  refused?: string;
}

/** Nodes report every 5 s and at every change: an older report of a node that seems connected says nothing of how it is now. */
export const FRESH_MS = 10_000;

/** True while the node's last report says how it is now. */
export function isFresh({ connected, reportAt }: NodeSight, now: number): boolean {
  return connected && reportAt !== undefined && now - reportAt < FRESH_MS;
}

/** The node's word on one copy; undefined when it is away or has not reported that allocation. */
export function reportOf(sight: NodeSight | undefined, shard: string, allocationId: string): CopyReport | undefined {
  if (sight === undefined || !sight.connected) return undefined;
  return sight.report?.copies.find((copy) => copy.shard === shard && copy.allocationId === allocationId);
}

/** Shards of which the two reports say different things. */
export function changedShards(before: NodeReport | undefined, after: NodeReport): string[] {
  const old = new Map((before?.copies ?? []).map((copy) => [`${copy.shard}/${copy.allocationId}`, copy]));
  const changed = new Set<string>();
  for (const copy of after.copies) {
    const key = `${copy.shard}/${copy.allocationId}`;
    const was = old.get(key);
    old.delete(key);
    if (was === undefined || !sameReport(was, copy)) changed.add(copy.shard);
  }
  for (const copy of old.values()) changed.add(copy.shard);
  return [...changed];
}

function sameReport(a: CopyReport, b: CopyReport): boolean {
  return (Object.keys(a) as (keyof CopyReport)[]).every((member) => sameMember(a[member], b[member]));
}

function sameMember(a: CopyReport[keyof CopyReport], b: CopyReport[keyof CopyReport]): boolean {
  return a === b || (Array.isArray(a) && JSON.stringify(a) === JSON.stringify(b));
}

/** True when the node refuses writes because its disk is nearly full. */
export function isDiskFull(report: NodeReport | undefined): boolean {
  return report !== undefined && report.diskFreeBytes < diskReserve(report.diskTotalBytes);
}
