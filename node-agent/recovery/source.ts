import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { CopyRef } from '../rpc/messages.ts';
import { PeerUnreachable } from '../rpc/peer-client.ts';
import type { Peers } from '../rpc/peers.ts';
import type { ShardHost } from '../shard/shard-host.ts';
import { Throttle } from './throttle.ts';

/** Points of a batch; one is on its way while the next is read. */
const BATCH_POINTS = 1_000;
const CALL_TIMEOUT_MS = 60_000;
/** The target computes its digest over all points before it answers. */
const FINISH_TIMEOUT_MS = 600_000;
/** A batch is sent again so often, after a pause, when the link breaks: the session goes on where it was. */
const BATCH_ATTEMPTS = 5;
const ATTEMPT_PAUSE_MS = 500;

export interface SourceDeps {
  host: ShardHost;
  peers: Peers;
  logger: Logger;
  throttleMibPerSecond: number;
}

/**
 * Fills a copy on another node from this one: snapshot, batches in key order, then count and digest. Resolves when the copy is durable at the
 * snapshot's seqNo; the log above it comes from the replication stream. `exporting` is told that seqNo before the first batch, so that the log is kept.
 */
export async function recoverCopy(
  { host, peers, logger, throttleMibPerSecond }: SourceDeps,
  copy: CopyRef,
  node: string,
  exporting: (seqNo: number) => void,
): Promise<void> {
  const startedAt = performance.now();
  const shard = copy.shard.name;
  const snapshot = await host.openExport(shard);
  exporting(snapshot.seqNo);
  const session = randomUUID();
  const throttle = new Throttle(throttleMibPerSecond, startedAt);
  let bytes = 0;
  try {
    const begin = { copy, session, totalPoints: snapshot.points };
    await peers.get(node).call('importBegin', begin, CALL_TIMEOUT_MS);
    for await (const batch of batches(host, snapshot)) {
      await sendBatch(peers, node, { copy, session, batch });
      bytes += batch.byteLength;
      const wait = throttle.sent(batch.byteLength, performance.now());
      if (wait >= 1) await sleep(wait);
    }
    const { seqNo, term: entryTerm, points, digest } = snapshot;
    const finish = { copy, session, seqNo, entryTerm, points, digest };
    await peers.get(node).call('importFinish', finish, FINISH_TIMEOUT_MS);
    const seconds = Math.round(performance.now() - startedAt) / 1000;
    logger.info({ shard, node, term: copy.term, points, bytes, seconds }, 'copy filled from a snapshot');
  } finally {
    await host.closeExport(snapshot.session).catch(() => undefined);
  }
}

/** The snapshot's batches; the next one is read while the caller deals with the last. */
async function* batches(
  host: ShardHost,
  snapshot: { session: string; points: number },
): AsyncGenerator<Uint8Array, void, undefined> {
  if (snapshot.points === 0) return;
  let read = host.readExport(snapshot.session, null, BATCH_POINTS);
  for (;;) {
    const { batch, lastKey, done } = await read;
    if (!done) {
      read = host.readExport(snapshot.session, lastKey, BATCH_POINTS);
      // Handled when it is awaited; the caller may stop before.
      read.catch(() => undefined);
    }
    yield batch;
    if (done) return;
  }
}

async function sendBatch(
  peers: Peers,
  node: string,
  message: { copy: CopyRef; session: string; batch: Uint8Array },
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await peers.get(node).call('importBatch', message, CALL_TIMEOUT_MS);
      return;
    } catch (error) {
      // Importing the same points twice leaves them as they are.
      if (!(error instanceof PeerUnreachable) || attempt === BATCH_ATTEMPTS) throw error;
      await sleep(ATTEMPT_PAUSE_MS);
    }
  }
}
