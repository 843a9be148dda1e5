import { statfs } from 'node:fs/promises';
import type { MapShard } from '#model/cluster-map.ts';
import type { MapStore } from '../routing/map-store.ts';
import type { CopyReport, MemberReport, NodeReport, StreamReport } from '#proto/control-messages.ts';
import type { CopyProgress } from '../replication/copy-progress.ts';
import type { ShardHost, ShardStats } from '../shard/shard-host.ts';
import type { LocalCopies, LocalCopy } from './local-copies.ts';

/** What the node tells the operator: the state of each copy, disk and memory, and what it believes of the other nodes. */
export async function nodeReport(
  dataDir: string,
  maps: MapStore,
  copies: LocalCopies,
  host: ShardHost,
  members: () => MemberReport[],
): Promise<NodeReport> {
  // Read first: what is told of the copies is at least as new as the map that is named.
  const mapVersion = maps.map.version;
  const [disk, reports] = await Promise.all([
    statfs(dataDir),
    Promise.all(
      copies.all().map(async (copy) => {
        const stats = copy.state.kind === 'open' ? await host.stats(copy.shard).catch(() => null) : null;
        return copyReport(copy, maps.shard(copy.shard)?.shard, copies.node, stats);
      }),
    ),
  ]);
  return {
    mapVersion,
    copies: reports,
    diskFreeBytes: disk.bavail * disk.bsize,
    diskTotalBytes: disk.blocks * disk.bsize,
    memoryBytes: process.memoryUsage.rss(),
    members: members(),
  };
}

/** One copy's line of the report. */
export function copyReport(
  copy: LocalCopy,
  shard: MapShard | undefined,
  node: string,
  stats: ShardStats | null,
): CopyReport {
  const { replicator, importing, state } = copy;
  const drained = replicator?.machine.drained ?? false;
  return {
    shard: copy.shard,
    allocationId: copy.allocationId,
    state: stateOf(copy, shard, node),
    term: copy.highestTerm,
    // `stats` may be older than the last write.
    seqNo: drained && replicator ? replicator.machine.lastSeqNo : (stats?.seqNo ?? 0),
    checkpoint: replicator ? replicator.machine.checkpoint : copy.checkpoint,
    points: stats?.points ?? 0,
    bytes: stats?.bytes ?? 0,
    message: state.kind === 'failed' ? state.message : '',
    copiedPoints: importing?.points ?? 0,
    totalPoints: importing?.total ?? 0,
    streams: replicator ? replicator.machine.copies().map(streamReport) : [],
    feeds: replicator ? (copy.feeds?.() ?? []) : [],
    drained,
    divergences: replicator?.machine.divergences ?? 0,
  };
}

/** What a primary knows of one other copy. */
function streamReport({ node, allocationId, phase, check, acked, failure }: Readonly<CopyProgress>): StreamReport {
  const verifying = phase === 'streaming' && check.kind !== 'none';
  return { node, allocationId, phase: verifying ? 'verifying' : phase, seqNo: acked, failure };
}

function stateOf(copy: LocalCopy, shard: MapShard | undefined, node: string): CopyReport['state'] {
  switch (copy.state.kind) {
    case 'opening':
      return 'OPENING';
    case 'missing':
      return 'MISSING';
    case 'failed':
      return 'FAILED';
    case 'open': {
      const place = shard?.copies.find((placed) => placed.node === node);
      if (shard?.primaryTerm === 0) return 'CREATED';
      if (place?.inSync) return 'READY';
      return copy.state.created && copy.checkpoint === 0 && !copy.importing ? 'CREATED' : 'RECOVERING';
    }
  }
}
