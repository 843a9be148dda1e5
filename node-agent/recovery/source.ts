import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { CopyRef } from '../rpc/messages.ts';
import type { Peers } from '../rpc/peers.ts';
import type { ShardHost } from '../shard/shard-host.ts';

/** Points of a batch. */
const BATCH_POINTS = 1_000;
const CALL_TIMEOUT_MS = 60_000;

export interface SourceDeps {
  host: ShardHost;
  peers: Peers;
  logger: Logger;
}

/**
 * Fills a copy on another node from this one: snapshot, batches in key order, then count and digest. Resolves when the copy is durable at the
 * snapshot's seqNo; the log above it comes from the replication stream. `exporting` is told that seqNo before the first batch, so that the log is kept.
 */
export async function recoverCopy(
  { host, peers, logger }: SourceDeps,
  copy: CopyRef,
  node: string,
  exporting: (seqNo: number) => void,
): Promise<void> {
  const startedAt = performance.now();
  const shard = copy.shard.name;
  const snapshot = await host.openExport(shard);
  exporting(snapshot.seqNo);
  const session = randomUUID();
  try {
    const target = peers.get(node);
    await target.call('importBegin', { copy, session, totalPoints: snapshot.points }, CALL_TIMEOUT_MS);
    let afterKey: Uint8Array | null = null;
    for (let done = snapshot.points === 0; !done;) {
      const read: Awaited<ReturnType<ShardHost['readExport']>> = await host.readExport(
        snapshot.session,
        afterKey,
        BATCH_POINTS,
      );
      await target.call('importBatch', { copy, session, batch: read.batch }, CALL_TIMEOUT_MS);
      afterKey = read.lastKey;
      done = read.done;
    }
    const { seqNo, term: entryTerm, points, digest } = snapshot;
    await target.call('importFinish', { copy, session, seqNo, entryTerm, points, digest }, CALL_TIMEOUT_MS);
    const seconds = Math.round(performance.now() - startedAt) / 1000;
    logger.info({ shard, node, term: copy.term, points, seconds }, 'copy filled from a snapshot');
  } finally {
    await host.closeExport(snapshot.session).catch(() => undefined);
  }
}
