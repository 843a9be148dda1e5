import type { Logger } from 'pino';
import { AnnulusError } from '#model/errors.ts';
import type { CopyRef } from '../rpc/messages.ts';
import type { Peers } from '../rpc/peers.ts';
import type { Write } from '../shard/operations.ts';
import type { Appended, Position, ShardHost } from '../shard/shard-host.ts';
import { AUDIT_BUCKETS } from './audit.ts';
import { CopyCalls } from './copy-calls.ts';
import { TICK_MS } from './limits.ts';
import type { ChangeAction, ChangeAnswer, Ready, ShardConfig, Step, Tracked } from './messages.ts';
import { Primary } from './primary.ts';

type ReadyOf<T extends Ready['type']> = Extract<Ready, { type: T }>;

export interface ReplicatorOptions {
  uid: string;
  config: ShardConfig;
  /** Where this node's log ends. */
  end: Position;
  tracked: Tracked;
  host: ShardHost;
  peers: Peers;
  logger: Logger;
  /** Asks the operator for a change of the in-sync set. Never rejects. */
  requestChange(change: ReadyOf<'change'>): Promise<ChangeAnswer>;
  /** Keeps on disk which copies acknowledgements wait for beyond the map's word. */
  saveTracked(tracked: Tracked): Promise<void>;
  /** Seconds that an append took until it was on this disk. */
  onAppended(seconds: number): void;
  /** This copy has lost entries: it must not be served any more. */
  onDamaged(message: string): void;
  /** Anti-entropy found a copy different. */
  onDivergence(shard: string): void;
  /** A report would say something new. */
  onState(): void;
  /** Fills a copy from a snapshot of this one; `exporting` is called with the snapshot's seqNo. */
  recover(copy: CopyRef, node: string, exporting: (seqNo: number) => void): Promise<void>;
}

interface Waiting {
  resolve(): void;
  reject(error: Error): void;
  timer: NodeJS.Timeout;
}

/** Runs one shard's Primary: does what it says, and tells it what came of it. */
export class Replicator {
  #options: ReplicatorOptions;
  #machine: Primary;
  #calls: CopyCalls;
  #waiting = new Map<number, Waiting>();
  #reads = new Map<number, Waiting>();
  /** For writes and reads alike. */
  #nextId = 1;
  #reported = '';
  #divergences = 0;
  #timer: NodeJS.Timeout;
  #stopped = false;

  constructor(options: ReplicatorOptions) {
    this.#options = options;
    this.#machine = new Primary(options.config, options.end, options.tracked, performance.now());
    this.#calls = new CopyCalls({
      shard: options.config.shard,
      uid: options.uid,
      term: options.config.term,
      peers: options.peers,
      step: (step) => this.#step(step),
    });
    this.#timer = setInterval(() => {
      this.#step({ type: 'tick' });
      this.#tellState();
    }, TICK_MS);
    this.#timer.unref();
    this.#drain();
  }

  get term(): number {
    return this.#machine.term;
  }

  get machine(): Readonly<
    Pick<Primary, 'checkpoint' | 'lastSeqNo' | 'copies' | 'configVersion' | 'drained' | 'divergences' | 'auditing'>
  > {
    return this.#machine;
  }

  configure(config: ShardConfig): void {
    this.#step({ type: 'configured', config });
  }

  /** The node is heard of again: streams to it that wait for their time go on at once. */
  nodeAlive(node: string): void {
    this.#step({ type: 'nodeAlive', node });
  }

  /** Compares the copies in sync with this one, in the background. */
  audit(): void {
    this.#step({ type: 'auditDue' });
  }

  /**
   * Resolves when every in-sync copy has said, after this call, that it knows no newer primary: what is read here from then on has all that
   * was acknowledged before. Rejects with ANN_STALE_TERM (ask the new primary) or ANN_SHARD_UNAVAILABLE.
   */
  confirm(timeoutMs: number): Promise<void> {
    const refusal = this.#machine.readRefusal();
    if (refusal) return Promise.reject(new AnnulusError(refusal.code, refusal.message));
    if (this.#stopped) return Promise.reject(this.#ended());
    const read = this.#nextId++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#reads.delete(read);
        const blockers = this.#machine.readsBlockedBy();
        this.#step({ type: 'readGivenUp', read });
        const { shard } = this.#options.config;
        const message = `shard ${shard}: ${blockers} did not confirm within ${timeoutMs} ms that this is still the primary; repeat it, or read with consistency "one"`;
        reject(new AnnulusError('ANN_SHARD_UNAVAILABLE', message));
      }, timeoutMs);
      this.#reads.set(read, { resolve, reject, timer });
      this.#step({ type: 'readAsked', read });
    });
  }

  /** Appends here and resolves when every in-sync copy has it on disk. A write refused by its own checks is told in the results. */
  write(writes: Write[], timeoutMs: number): Promise<{ seqNo: number; results: Appended['results'] }> {
    const refusal = this.#machine.refusal();
    if (!refusal && writes.length === 0) return Promise.resolve({ seqNo: this.#machine.lastSeqNo, results: [] });
    return this.#append((shard, term) => this.#options.host.append(shard, term, writes), timeoutMs);
  }

  /** Appends points taken over from another shard; resolves when all of this shard, not these points alone, is on every in-sync copy. */
  async ingest(append: (shard: string, term: number) => Promise<Appended>, timeoutMs: number): Promise<number> {
    const { results } = await this.#append(append, timeoutMs);
    // Nothing is appended for what is here already; that may still be on its way to the copies.
    await this.#everywhere(this.#machine.lastSeqNo, timeoutMs);
    return results.reduce((sum, result) => sum + (result.ok ? result.points : 0), 0);
  }

  async #append(
    append: (shard: string, term: number) => Promise<Appended>,
    timeoutMs: number,
  ): Promise<{ seqNo: number; results: Appended['results'] }> {
    const refusal = this.#machine.refusal();
    if (refusal) throw new AnnulusError(refusal.code, refusal.message);
    const startedAt = performance.now();
    const { shard } = this.#options.config;
    let everywhere: Promise<void>;
    let appended: Appended;
    this.#step({ type: 'appendBegun' });
    try {
      appended = await append(shard, this.term);
      const { firstSeqNo, lastSeqNo, entries, results } = appended;
      this.#options.onAppended((performance.now() - startedAt) / 1000);
      if (entries.byteLength === 0) return { seqNo: this.#machine.lastSeqNo, results };
      if (this.#stopped) throw this.#unknown();
      this.#step({ type: 'appended', firstSeqNo, lastSeqNo, entries });
      everywhere = this.#everywhere(lastSeqNo, timeoutMs - (performance.now() - startedAt));
    } finally {
      // Before the wait: a handover needs to know only that no entry comes any more.
      this.#step({ type: 'appendOver' });
    }
    await everywhere;
    return { seqNo: appended.lastSeqNo, results: appended.results };
  }

  /** Keeps the log from a seqNo on for someone who reads it, for so long. */
  hold(reader: string, from: number, forMs: number): void {
    this.#step({ type: 'hold', reader, from, until: performance.now() + forMs });
  }

  /** Ends this primary's life: what waits is refused with ANN_NOT_IN_SYNC. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    clearInterval(this.#timer);
    for (const waiting of this.#waiting.values()) {
      clearTimeout(waiting.timer);
      waiting.reject(this.#unknown());
    }
    this.#waiting.clear();
    for (const waiting of this.#reads.values()) {
      clearTimeout(waiting.timer);
      waiting.reject(this.#ended());
    }
    this.#reads.clear();
  }

  /** For reads, which may be repeated elsewhere. */
  #ended(): AnnulusError {
    const { shard } = this.#options.config;
    return new AnnulusError('ANN_STALE_TERM', `shard ${shard}: the primary of term ${this.term} has ended`);
  }

  /** Not ANN_STALE_TERM, after which a coordinator sends the write again by itself: this one may have been written. */
  #unknown(): AnnulusError {
    const { shard } = this.#options.config;
    const message = `shard ${shard}: the primary of term ${this.term} ended meanwhile; it is unknown whether the write stays: repeat it`;
    return new AnnulusError('ANN_NOT_IN_SYNC', message);
  }

  #everywhere(seqNo: number, timeoutMs: number): Promise<void> {
    if (this.#machine.checkpoint >= seqNo && this.#machine.refusal() === null) return Promise.resolve();
    const write = this.#nextId++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => {
          this.#waiting.delete(write);
          const blockers = this.#machine.blockedBy(seqNo);
          this.#step({ type: 'givenUp', write });
          const { shard } = this.#options.config;
          reject(
            new AnnulusError(
              'ANN_NOT_IN_SYNC',
              `shard ${shard}: the write is on the primary's disk but not on ${blockers}; repeat it`,
            ),
          );
        },
        Math.max(0, timeoutMs),
      );
      this.#waiting.set(write, { resolve, reject, timer });
      this.#step({ type: 'awaited', write, seqNo });
    });
  }

  #step(step: Step): void {
    if (this.#stopped) return;
    this.#machine.step(step, performance.now());
    this.#drain();
  }

  #drain(): void {
    for (let ready = this.#machine.takeReady(); ready.length > 0; ready = this.#machine.takeReady()) {
      for (const item of ready) this.#do(item);
    }
    // The operator waits for this one; the rest is told at the next tick.
    if (this.#machine.drained) this.#tellState();
    for (; this.#divergences < this.#machine.divergences; this.#divergences++) {
      this.#options.onDivergence(this.#options.config.shard);
    }
  }

  /** Has a report sent when it would say something new. */
  #tellState(): void {
    const copies = this.#machine.copies().map(({ node, phase, check, failure }) => [node, phase, check.kind, failure]);
    const state = JSON.stringify([this.#machine.drained, this.#machine.divergences, copies]);
    if (state === this.#reported) return;
    this.#reported = state;
    this.#options.onState();
  }

  #do(ready: Ready): void {
    const { config, host, logger, saveTracked } = this.#options;
    const { shard } = config;
    switch (ready.type) {
      case 'locate':
        return this.#calls.locate(ready);
      case 'send':
        return this.#calls.send(ready);
      case 'verify':
        return this.#calls.verify(ready);
      case 'readLog':
        return this.#calls.ask(
          ready,
          () => host.readLog(shard, ready.from, ready.maxBytes),
          (read) => ({ type: 'logRead', from: ready.from, read }),
        );
      case 'digest':
        return this.#calls.ask(
          ready,
          () => host.digest(shard),
          (digest) => ({ type: 'digested', digest }),
        );
      case 'recover':
        return this.#recover(ready);
      case 'track':
        void saveTracked(ready.tracked).then(
          () => this.#tracked(ready),
          (error: unknown) =>
            logger.error({ shard, error: String(error) }, 'in-sync candidates could not be noted on disk'),
        );
        return;
      case 'change':
        return this.#change(ready);
      case 'confirm':
        return this.#calls.confirm(ready);
      case 'openAudit':
        return this.#openAudit(ready);
      case 'audit':
        return this.#calls.audit(ready);
      case 'acknowledge':
        for (const write of ready.writes) settle(this.#waiting, write)?.resolve();
        return;
      case 'reject':
        for (const write of ready.writes)
          settle(this.#waiting, write)?.reject(new AnnulusError(ready.code, ready.message));
        return;
      case 'serveReads':
        for (const read of ready.reads) settle(this.#reads, read)?.resolve();
        return;
      case 'rejectReads':
        for (const read of ready.reads) settle(this.#reads, read)?.reject(new AnnulusError(ready.code, ready.message));
        return;
      case 'trim':
        host.trimLog(shard, ready.below).catch((error: unknown) => {
          logger.warn({ shard, error: String(error) }, 'log could not be trimmed');
        });
        return;
      case 'damaged':
        this.#options.onDamaged(ready.message);
        return;
      case 'warn':
        logger.warn({ shard, node: ready.node, copy: ready.copy, term: this.term }, ready.message);
        return;
    }
  }

  /** The note is on disk. */
  #tracked({ copy, tracked }: ReadyOf<'track'>): void {
    const trackedAt = copy === null ? undefined : tracked[copy];
    if (copy !== null && trackedAt !== undefined) this.#step({ type: 'tracked', copy, trackedAt });
  }

  /** Both calls are served one after the other: what `stats` says is where the digests are taken. */
  #openAudit({ audit }: ReadyOf<'openAudit'>): void {
    const { host, config, logger } = this.#options;
    const failed = (error: unknown): void => {
      logger.warn({ shard: config.shard, error: String(error) }, 'digests for anti-entropy could not be taken');
      this.#step({ type: 'auditRead', audit, digests: null });
    };
    const stats = host.stats(config.shard);
    const own = host.digestBuckets(config.shard, AUDIT_BUCKETS);
    stats
      .then(({ seqNo }) => {
        this.#step({ type: 'auditOpened', audit, seqNo });
        return own.then((read) => {
          if (read.seqNo !== seqNo) throw new Error(`taken at seqNo ${read.seqNo}, not ${seqNo}`);
          this.#step({ type: 'auditRead', audit, digests: read.digests });
        });
      })
      .catch(failed);
    // Seen above, unless `stats` failed.
    own.catch(() => undefined);
  }

  #recover(ready: ReadyOf<'recover'>): void {
    const { copy, session } = ready;
    this.#calls.ask(
      ready,
      () =>
        this.#options.recover(this.#calls.ref(copy, session), ready.node, (seqNo) =>
          this.#step({ type: 'exporting', copy, session, seqNo }),
        ),
      () => ({ type: 'recovered' }),
    );
  }

  #change(ready: ReadyOf<'change'>): void {
    const { requestChange, config, logger } = this.#options;
    const { copy, action, node, reason } = ready;
    logger.warn(
      { shard: config.shard, node, term: this.term, action, reason },
      'asking the operator for a change of the copies',
    );
    void requestChange(ready).then((answer) =>
      this.#step({ type: 'changeAnswered', copy, action: action satisfies ChangeAction, answer }),
    );
  }
}

function settle(waiting: Map<number, Waiting>, id: number): Waiting | undefined {
  const found = waiting.get(id);
  waiting.delete(id);
  clearTimeout(found?.timer);
  return found;
}
