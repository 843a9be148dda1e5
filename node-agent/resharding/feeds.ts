import type { Logger } from 'pino';
import { primaryOf, type MapShard } from '#model/cluster-map.ts';
import { AnnulusError } from '#model/errors.ts';
import type { LocalCopies, LocalCopy } from '../copies/local-copies.ts';
import type { Replicator } from '../replication/replicator.ts';
import type { MapStore } from '../routing/map-store.ts';
import type { PeerHandlers, PeerReplies, PeerRequests, RangeSourceMessage } from '../rpc/messages.ts';
import type { Peers } from '../rpc/peers.ts';
import type { ShardHost } from '../shard/shard-host.ts';
import { Feed } from './feed.ts';
import type { FeedProgress, FeedReady, FeedSource, FeedStep } from './messages.ts';
import type { RangeRequests } from './source.ts';

const CALL_TIMEOUT_MS = 30_000;
/** The source computes its digest over all its points. */
const DIGEST_TIMEOUT_MS = 600_000;
const INGEST_TIMEOUT_MS = 30_000;

type MapSource = NonNullable<MapShard['sources']>[number];

export interface FeedsOptions {
  node: string;
  maps: MapStore;
  copies: LocalCopies;
  host: ShardHost;
  peers: Peers;
  /** Of this node, for sources that have their primary here. */
  handlers: Pick<PeerHandlers, RangeRequests>;
  logger: Logger;
  /** Called when a report would say something new. */
  onState(): void;
}

/** Runs the feeds of the new shards that have their primary here, while the map names what they are filled from. */
export class Feeds {
  #options: FeedsOptions;
  #runners = new Map<string, FeedRunner>();
  #stopped = false;

  constructor(options: FeedsOptions) {
    this.#options = options;
  }

  /** Brings the feeds of one copy in line with the map and its role; called after every change of either. */
  update(copy: LocalCopy): void {
    if (this.#stopped) return;
    const { maps } = this.#options;
    const { replicator } = copy;
    const sources = replicator === null ? [] : sourcesOf(maps, copy);
    const wanted = new Set(sources.map((source) => `${copy.shard} ${source.shard}`));
    for (const [key, runner] of this.#runners) {
      if (runner.copy.shard !== copy.shard || (wanted.has(key) && runner.replicator === replicator)) continue;
      runner.stop();
      this.#runners.delete(key);
    }
    if (replicator !== null) {
      for (const source of sources) {
        const key = `${copy.shard} ${source.shard}`;
        const runner = this.#runners.get(key) ?? new FeedRunner(this.#options, copy, replicator, source);
        this.#runners.set(key, runner);
        runner.look();
      }
    }
    copy.feeds = () => this.#reports(copy.shard);
  }

  gone(copy: LocalCopy): void {
    for (const [key, runner] of this.#runners) {
      if (runner.copy.shard !== copy.shard) continue;
      runner.stop();
      this.#runners.delete(key);
    }
  }

  stop(): void {
    this.#stopped = true;
    for (const runner of this.#runners.values()) runner.stop();
    this.#runners.clear();
  }

  #reports(shard: string): ({ source: string } & FeedProgress)[] {
    return [...this.#runners.values()]
      .filter((runner) => runner.copy.shard === shard)
      .map((runner) => ({ source: runner.source.shard, ...runner.progress }));
  }
}

/** What a copy's shard is filled from by the map that is in force now. */
function sourcesOf(maps: MapStore, copy: LocalCopy): MapSource[] {
  const shard = maps.shard(copy.shard)?.shard;
  return shard?.uid === copy.uid ? (shard.sources ?? []) : [];
}

/** Does what one Feed says, and tells it what came of it. */
class FeedRunner {
  readonly copy: LocalCopy;
  readonly replicator: Replicator;
  readonly source: MapSource;
  #options: FeedsOptions;
  #feed = new Feed();
  #timer: NodeJS.Timeout | undefined;
  #reported = '';
  #failure = '';
  #stopped = false;

  constructor(options: FeedsOptions, copy: LocalCopy, replicator: Replicator, source: MapSource) {
    this.#options = options;
    this.copy = copy;
    this.replicator = replicator;
    this.source = source;
    options.logger.info({ shard: copy.shard, source: source.shard, slots: source.slots }, 'filling from another shard');
  }

  get progress(): FeedProgress {
    return this.#feed.progress;
  }

  /** Reads what the map says of the source. */
  look(): void {
    this.#step({ type: 'source', source: this.#sourceNow() });
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #sourceNow(): FeedSource {
    const shard = this.#options.maps.shard(this.source.shard)?.shard;
    const hasPrimary = shard !== undefined && primaryOf(shard) !== undefined;
    return { term: hasPrimary ? shard.primaryTerm : 0, sealed: shard?.sealed === true };
  }

  #step(step: FeedStep): void {
    if (this.#stopped) return;
    this.#feed.step(step, performance.now());
    for (const ready of this.#feed.takeReady()) this.#do(ready);
    this.#tell();
    clearTimeout(this.#timer);
    const { wakeAt } = this.#feed;
    if (wakeAt === null) return;
    this.#timer = setTimeout(() => this.#step({ type: 'tick' }), Math.max(1, wakeAt - performance.now()));
    this.#timer.unref();
  }

  /** Reports go out at once for a new phase, and for every step while clients wait for the switch. */
  #tell(): void {
    const { phase, seqNo, term, failure } = this.#feed.progress;
    const { logger, onState } = this.#options;
    const sealed = this.#sourceNow().sealed;
    const text = `${phase} ${term} ${failure} ${sealed ? seqNo : ''}`;
    if (text === this.#reported) return;
    this.#reported = text;
    onState();
    if (failure === '' || failure === this.#failure) return;
    this.#failure = failure;
    logger.warn({ shard: this.copy.shard, source: this.source.shard, phase, failure }, 'filling does not go on');
  }

  #do(ready: FeedReady): void {
    const { session } = ready;
    this.#run(ready).then(
      (step) => this.#step(step),
      (error: unknown) =>
        this.#step({ type: 'refused', session, message: error instanceof Error ? error.message : String(error) }),
    );
  }

  async #run(ready: FeedReady): Promise<FeedStep> {
    const { session } = ready;
    const { host } = this.#options;
    const { slots } = this.source;
    switch (ready.type) {
      case 'read': {
        const body = { source: this.#range(ready), after: ready.after ?? new Uint8Array(0), limit: ready.limit };
        const { batch, lastKey, done, seqNo, points } = await this.#ask('rangeRead', body, CALL_TIMEOUT_MS);
        const totalPoints = this.#share(points);
        const key = lastKey.byteLength === 0 ? null : lastKey;
        return { type: 'read', session, read: { batch, lastKey: key, done, seqNo, totalPoints } };
      }
      case 'readLog': {
        const { from, upTo, maxBytes } = ready;
        const body = { source: this.#range(ready), from, upTo, maxBytes };
        return { type: 'logRead', session, read: await this.#ask('rangeLog', body, CALL_TIMEOUT_MS) };
      }
      case 'digestSource': {
        const digest = await this.#ask('rangeDigest', { source: this.#range(ready) }, DIGEST_TIMEOUT_MS);
        return { type: 'sourceDigested', session, digest };
      }
      case 'digest':
        return { type: 'digested', session, digest: await host.digest(this.copy.shard, slots) };
      case 'ingestRange': {
        const range = { slots, afterKey: ready.after, throughKey: ready.upTo, batch: ready.batch };
        const points = await this.#ingest((shard, term) => host.ingestRange(shard, term, range));
        return { type: 'ingested', session, points };
      }
      case 'ingestEntries': {
        const { entries, throughKey } = ready;
        const ingest = { slots, throughKey, entries };
        const points = await this.#ingest((shard, term) => host.ingestEntries(shard, term, ingest));
        return { type: 'ingested', session, points };
      }
    }
  }

  /** Nothing is taken over any more once the map has no source for this shard: clients write to it from then on. */
  #ingest(append: Parameters<Replicator['ingest']>[0]): Promise<number> {
    const { maps } = this.#options;
    const stillWanted = sourcesOf(maps, this.copy).some(({ shard }) => shard === this.source.shard);
    if (this.#stopped || !stillWanted || this.copy.replicator !== this.replicator) {
      return Promise.reject(new AnnulusError('ANN_STALE_TERM', `shard ${this.copy.shard} is no longer filled`));
    }
    return this.replicator.ingest(append, INGEST_TIMEOUT_MS);
  }

  async #ask<K extends RangeRequests>(kind: K, body: PeerRequests[K], timeoutMs: number): Promise<PeerReplies[K]> {
    const { maps, peers, node, handlers } = this.#options;
    const shard = maps.shard(this.source.shard)?.shard;
    const primary = shard && primaryOf(shard);
    if (!primary) throw new AnnulusError('ANN_SHARD_UNAVAILABLE', `shard ${this.source.shard} has no primary now`);
    if (primary.node === node) return handlers[kind](body, timeoutMs);
    return peers.get(primary.node).call(kind, body, timeoutMs);
  }

  #range({ term, needFrom }: { term: number; needFrom: number }): RangeSourceMessage {
    const { shard, slots } = this.source;
    const uid = this.#options.maps.shard(shard)?.shard.uid ?? '';
    const { from: fromSlot, to: toSlot } = slots;
    return { shard: { name: shard, uid }, term, fromSlot, toSlot, reader: this.copy.shard, needFrom };
  }

  /** Points of the whole source, by the part of its slots that is read. */
  #share(points: number): number {
    const whole = this.#options.maps.shard(this.source.shard)?.shard.slots;
    if (!whole) return points;
    const { from, to } = this.source.slots;
    return Math.round((points * (to - from + 1)) / (whole.to - whole.from + 1));
  }
}
