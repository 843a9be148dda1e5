import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { CopyRef, PeerReplies, PeerRequests } from '../rpc/messages.ts';
import type { Peers } from '../rpc/peers.ts';
import type { ImportFrom, ImportState, Position, ShardHost } from '../shard/shard-host.ts';
import { BATCH_POINTS, CALL_TIMEOUT_MS, FINISH_TIMEOUT_MS } from './limits.ts';
import { decodeHalf, encodeFrom, encodeKey } from './messages.ts';
import { sendGraph, type GraphRoute } from './send-graph.ts';
import { RecoverySource, type SourceReady, type SourceStep } from './source-machine.ts';
import type { Throttle } from './throttle.ts';

export interface SourceDeps {
  host: ShardHost;
  peers: Peers;
  logger: Logger;
  /** One for all that this node sends. */
  throttle: Throttle;
}

/**
 * Fills a copy on another node from this one, or goes on doing so. Resolves when the copy has every point on its disk and wants the log from the seqNo
 * that `exporting` was told (before anything was read, so that this log is kept); the stream brings that. Rejects when anything fails: calling again goes on.
 */
export async function recoverCopy(
  deps: SourceDeps,
  copy: CopyRef,
  node: string,
  exporting: (seqNo: number) => void,
): Promise<void> {
  const from = await endOf(deps.host, copy.shard.name);
  await new Promise<void>((resolve, reject) => {
    const recovery = new Recovery(deps, copy, node, from, { exporting, resolve, reject });
    recovery.run();
  });
}

async function endOf(host: ShardHost, shard: string): Promise<ImportFrom> {
  const { seqNo, term, points, labels } = await host.stats(shard);
  const from = { seqNo, term: (await host.logTerm(shard, seqNo)) ?? term, total: points };
  return labels === undefined ? from : { ...from, labels };
}

interface Outcome {
  exporting(seqNo: number): void;
  resolve(): void;
  reject(error: Error): void;
}

/** Runs one RecoverySource. */
class Recovery {
  #deps: SourceDeps;
  #copy: CopyRef;
  #node: string;
  #labels: string;
  #session = randomUUID();
  #machine: RecoverySource;
  #outcome: Outcome;
  #startedAt = performance.now();
  #copySeconds = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(deps: SourceDeps, copy: CopyRef, node: string, from: ImportFrom, outcome: Outcome) {
    this.#deps = deps;
    this.#copy = copy;
    this.#node = node;
    this.#outcome = outcome;
    this.#labels = from.labels ?? '';
    this.#machine = new RecoverySource(from, deps.throttle);
  }

  run(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    for (let ready = this.#machine.takeReady(); ready.length > 0; ready = this.#machine.takeReady()) {
      for (const item of ready) this.#do(item);
    }
    const { wakeAt } = this.#machine;
    if (wakeAt === null) return;
    this.#timer = setTimeout(
      () => {
        this.#machine.tick(performance.now());
        this.run();
      },
      Math.max(0, wakeAt - performance.now()),
    );
  }

  #do(ready: SourceReady): void {
    const { host, logger } = this.#deps;
    const shard = this.#copy.shard.name;
    switch (ready.type) {
      case 'ask':
        return this.#then(this.#call('importBegin', { labels: this.#labels }), ({ half }) => ({
          type: 'half',
          half: half ? decodeHalf(half) : null,
        }));
      case 'check': {
        const { half } = ready;
        return this.#then(isResumable(host, shard, half), (resumable) => ({ type: 'checked', half, resumable }));
      }
      case 'exporting':
        return this.#outcome.exporting(ready.seqNo);
      case 'begin':
        return this.#then(this.#call('importBegin', { from: encodeFrom(ready.from), labels: this.#labels }), () => ({
          type: 'begun',
        }));
      case 'read':
        return this.#then(host.readRange(shard, null, ready.afterKey, BATCH_POINTS), (part) => ({
          type: 'read',
          part,
        }));
      case 'send': {
        const { batch, seqNo, term: entryTerm } = ready.part;
        const keys = { afterKey: encodeKey(ready.afterKey), lastKey: encodeKey(ready.part.lastKey) };
        const stored = { type: 'stored', bytes: batch.byteLength } as const;
        return this.#then(this.#call('importBatch', { batch, seqNo, entryTerm, ...keys }), () => stored);
      }
      case 'sendGraph':
        this.#copySeconds = this.#seconds();
        return this.#then(this.#sendGraph(), (moment) => ({ type: 'graphSent', moment }));
      case 'finish': {
        const { seqNo, term: entryTerm } = ready.moment;
        this.#copySeconds ||= this.#seconds();
        const answer = this.#call('importFinish', { seqNo, entryTerm }, FINISH_TIMEOUT_MS);
        return this.#then(answer, () => ({ type: 'finished' }));
      }
      case 'done': {
        const { points, resumedAt } = ready;
        // What is beyond copySeconds went into the target's index, brought or built.
        const [seconds, copySeconds] = [this.#seconds(), this.#copySeconds];
        const about = { shard, node: this.#node, term: this.#copy.term, points, resumedAt, seconds, copySeconds };
        logger.info(about, 'copy filled');
        return this.#outcome.resolve();
      }
      case 'fail':
        return this.#outcome.reject(ready.error);
    }
  }

  /** Moment that the target's log must come to with the graph that it has been sent; null: it builds its own. */
  async #sendGraph(): Promise<Position | null> {
    const { host, logger, throttle } = this.#deps;
    const shard = this.#copy.shard.name;
    const about = { shard, node: this.#node };
    const offer = await host.offerGraph(shard).catch((error: unknown) => {
      logger.warn({ ...about, reason: String(error) }, 'no graph for the copy that is filled; it builds its own');
      return null;
    });
    if (offer === null) return null;
    const route: GraphRoute = {
      throttle,
      read: (file, offset, length) => host.readGraph(shard, file, offset, length),
      send: async ({ offer: sent, ...part }) =>
        (await this.#call('importGraph', { ...part, offer: JSON.stringify(sent) })).refused,
    };
    const refused = await sendGraph(route, offer);
    if (refused === '') logger.info({ ...about, bytes: offer.bytes, points: offer.points }, 'graph sent');
    else logger.warn({ ...about, reason: refused }, 'the graph was not taken; the copy builds its own');
    return { seqNo: offer.seqNo, term: offer.term };
  }

  #seconds(): number {
    return Math.round(performance.now() - this.#startedAt) / 1000;
  }

  #then<T>(answer: Promise<T>, toStep: (value: T) => SourceStep): void {
    const step = (next: SourceStep): void => {
      this.#machine.step(next, performance.now());
      this.run();
    };
    answer.then(
      (value) => step(toStep(value)),
      (error: unknown) => step({ type: 'failed', error: error instanceof Error ? error : new Error(String(error)) }),
    );
  }

  #call<K extends ImportKind>(kind: K, body: Body<K>, timeoutMs = CALL_TIMEOUT_MS): Promise<PeerReplies[K]> {
    try {
      // Body is what a kind has beyond these two; TypeScript can't see that through the type parameter.
      const message = { copy: this.#copy, session: this.#session, ...body } as unknown as PeerRequests[K];
      return this.#deps.peers.get(this.#node).call(kind, message, timeoutMs);
    } catch (error) {
      return Promise.reject(error instanceof Error ? error : new Error(String(error)));
    }
  }
}

type ImportKind = 'importBegin' | 'importBatch' | 'importGraph' | 'importFinish';
type Body<K extends ImportKind> = Omit<PeerRequests[K], 'copy' | 'session'>;

/** Our log has the entry at which the target's last batch was read, and all that it must apply to what it has. */
async function isResumable(host: ShardHost, shard: string, half: ImportState): Promise<boolean> {
  const [{ logFromSeqNo }, term] = await Promise.all([host.stats(shard), host.logTerm(shard, half.sourceSeqNo)]);
  if (half.sourceSeqNo === 0) return logFromSeqNo <= 1;
  return term === half.sourceTerm && logFromSeqNo <= half.seqNo + 1;
}
