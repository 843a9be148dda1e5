import type { Resharding, Shard } from '#crds/v1alpha1/index.ts';
import type { CopyReport, FeedReport } from '#proto/control-messages.ts';
import { reportOf, type NodeSight } from '../control/sights.ts';

/** What a resharding is judged by. */
export interface ReshardingSight {
  /** The collection's own shards, by index. */
  shards: Shard[];
  /** Nodes that hold them. */
  nodes: ReadonlyMap<string, NodeSight>;
  /** Version since which every published map has sealed the shard. */
  sealedSince: (shard: string) => number | undefined;
  /** Version since which every published map has this version of the routing table. */
  tableSince: (tableVersion: number) => number | undefined;
}

/** A thing that is there, or what is waited for instead, for people. */
export type Seen<T> = { is: T } | { waits: string };

interface PrimaryWord {
  shard: Shard;
  copy: CopyReport;
  mapVersion: number;
}

/** The last word of a shard's present primary. */
export function primaryWord(name: string, sight: ReshardingSight): Seen<PrimaryWord> {
  const shard = sight.shards.find((candidate) => candidate.metadata.name === name);
  if (shard === undefined) return { waits: `shard ${name} to be created` };
  if (shard.metadata.deletionTimestamp !== undefined) return { waits: `an earlier shard ${name} to be removed` };
  const { primaryTerm = 0, copies = [], message = '' } = shard.status ?? {};
  if (primaryTerm === 0) {
    return { waits: `the first copies of shard ${name}${message === '' ? '' : ` (${message})`}` };
  }
  const primary = copies.find((copy) => copy.role === 'Primary');
  if (primary === undefined) return { waits: `shard ${name}, which has no primary` };
  const node = sight.nodes.get(primary.node);
  const copy = reportOf(node, name, primary.allocationId);
  if (copy === undefined || node?.report === undefined || copy.term !== primaryTerm) {
    return { waits: `node ${primary.node}, the primary of shard ${name}, which is not heard` };
  }
  return { is: { shard, copy, mapVersion: node.report.mapVersion } };
}

/** One new shard's word on one of its sources. */
export interface Feeding {
  target: string;
  source: string;
  feed: FeedReport;
}

/** How far every new shard is filled from every source that it needs; what is not heard of is in `waits`. */
export function feedings({ targets }: Resharding, sight: ReshardingSight): { heard: Feeding[]; waits: string[] } {
  const heard: Feeding[] = [];
  const waits: string[] = [];
  for (const target of targets) {
    const word = primaryWord(target, sight);
    if ('waits' in word) {
      waits.push(word.waits);
      continue;
    }
    for (const source of word.is.shard.spec.sources ?? []) {
      const feed = word.is.copy.feeds.find((candidate) => candidate.source === source);
      if (feed === undefined) waits.push(`shard ${target} to begin to read shard ${source}`);
      else heard.push({ target, source, feed });
    }
  }
  return { heard, waits };
}
