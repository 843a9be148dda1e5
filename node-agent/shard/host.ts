import { mkdir, rm } from 'node:fs/promises';
import type { Transferable } from 'node:worker_threads';
import type { Logger } from 'pino';
import { AnnulusError } from '#model/errors.ts';
import { copyDirectory } from './copy-files.ts';
import { SHUTDOWN_SNAPSHOT_MS, type IndexTuning } from './limits.ts';
import type { Calls, Method } from './messages.ts';
import { ownBytes, ownFloats, packWrites } from './pack.ts';
import type { Slots } from '#model/slot.ts';
import type { Digest, OpenCopy, OpenResult, ShardHits, ShardHost, ShardSettings } from './shard-host.ts';
import { WorkerClient } from './worker-client.ts';

export interface ShardHostOptions {
  /** Folder of the node's volume; shards live in `<dataDir>/shards`. */
  dataDir: string;
  /** Name of this node, for messages. */
  node?: string;
  /** Worker threads. */
  workers: number;
  logger: Logger;
  /** Free disk under which writes are refused; by default 256 MiB or 5 % of the disk, whichever is less. */
  diskReserveBytes?: number;
  /** For tests. */
  tuning?: Partial<IndexTuning>;
}

/** Longest wait for the workers at shutdown, beyond that of their snapshots. */
const SHUTDOWN_GRACE_MS = 5_000;

type ExitListener = (shards: string[], error: Error) => void;

interface Placed {
  worker: number;
  shardUid: string;
  allocationId: string;
}

/** Shards on a fixed number of worker threads. A thread starts when the first shard is opened on it (30 MB), again if it died. */
class Host implements ShardHost {
  readonly #options: ShardHostOptions;
  readonly #workers: (WorkerClient | null)[];
  #placed = new Map<string, Placed>();
  #listeners: ExitListener[] = [];
  #closing = false;

  constructor(options: ShardHostOptions) {
    this.#options = options;
    this.#workers = Array.from({ length: Math.max(1, options.workers) }, () => null);
  }

  async open(options: OpenCopy): Promise<OpenResult> {
    if (this.#placed.has(options.shard))
      throw new AnnulusError('ANN_CONFLICT', `shard ${options.shard} is open already on this node`);
    copyDirectory(this.#options.dataDir, options.shardUid, options.allocationId);
    const worker = this.#leastLoaded();
    const { shardUid, allocationId } = options;
    this.#placed.set(options.shard, { worker, shardUid, allocationId });
    try {
      const result = await this.#workers[worker]!.call('open', [options]);
      if (result.state !== 'open') this.#placed.delete(options.shard);
      return result;
    } catch (error) {
      this.#placed.delete(options.shard);
      throw error;
    }
  }

  configure(shard: string, settings: Partial<ShardSettings>): Promise<void> {
    return this.#call(shard, 'configure', [shard, settings]);
  }

  async close(shard: string): Promise<void> {
    if (!this.#placed.has(shard)) return;
    await this.#call(shard, 'close', [shard]);
    this.#placed.delete(shard);
  }

  async destroy(shardUid: string, allocationId: string): Promise<void> {
    const directory = copyDirectory(this.#options.dataDir, shardUid, allocationId);
    for (const [shard, placed] of this.#placed) {
      if (placed.shardUid === shardUid && placed.allocationId === allocationId) await this.close(shard);
    }
    await rm(directory, { recursive: true, force: true });
  }

  append(...[shard, term, writes]: Parameters<ShardHost['append']>): ReturnType<ShardHost['append']> {
    const transfer: ArrayBuffer[] = [];
    return this.#call(shard, 'append', [shard, term, packWrites(writes, transfer)], transfer);
  }

  apply(...[shard, term, entries]: Parameters<ShardHost['apply']>): ReturnType<ShardHost['apply']> {
    return this.#call(shard, 'apply', [shard, term, ownBytes(entries)]);
  }

  readLog(...args: Parameters<ShardHost['readLog']>): ReturnType<ShardHost['readLog']> {
    return this.#call(args[0], 'readLog', args);
  }

  trimLog(...args: Parameters<ShardHost['trimLog']>): Promise<void> {
    return this.#call(args[0], 'trimLog', args);
  }

  async search(...[shard, search]: Parameters<ShardHost['search']>): Promise<ShardHits> {
    const found = await this.#call(shard, 'search', [shard, { ...search, vectors: ownFloats(search.vectors) }]);
    return { ...found, offsets: Uint32Array.from(found.offsets), scores: Float32Array.from(found.scores) };
  }

  retrieve(...args: Parameters<ShardHost['retrieve']>): ReturnType<ShardHost['retrieve']> {
    return this.#call(args[0], 'retrieve', args);
  }

  scroll(...args: Parameters<ShardHost['scroll']>): ReturnType<ShardHost['scroll']> {
    return this.#call(args[0], 'scroll', args);
  }

  count(...args: Parameters<ShardHost['count']>): ReturnType<ShardHost['count']> {
    return this.#call(args[0], 'count', args);
  }

  stats(shard: string): ReturnType<ShardHost['stats']> {
    return this.#call(shard, 'stats', [shard]);
  }

  beginImport(...args: Parameters<ShardHost['beginImport']>): Promise<void> {
    return this.#call(args[0], 'beginImport', args);
  }

  resumeImport(
    ...[shard, session, labels]: Parameters<ShardHost['resumeImport']>
  ): ReturnType<ShardHost['resumeImport']> {
    return this.#call(shard, 'resumeImport', [shard, session, labels]);
  }

  offerGraph(shard: string): ReturnType<ShardHost['offerGraph']> {
    return this.#call(shard, 'offerGraph', [shard]);
  }

  readGraph(...args: Parameters<ShardHost['readGraph']>): ReturnType<ShardHost['readGraph']> {
    return this.#call(args[0], 'readGraph', args);
  }

  importGraph(...[shard, session, part]: Parameters<ShardHost['importGraph']>): Promise<string> {
    return this.#call(shard, 'importGraph', [shard, session, { ...part, data: ownBytes(part.data) }]);
  }

  importBatch(...[shard, session, part]: Parameters<ShardHost['importBatch']>): Promise<{ points: number }> {
    const { afterKey, lastKey, batch } = part;
    const own = {
      afterKey: afterKey && ownBytes(afterKey),
      lastKey: lastKey && ownBytes(lastKey),
      batch: ownBytes(batch),
    };
    return this.#call(shard, 'importBatch', [shard, session, { ...part, ...own }]);
  }

  finishImport(...args: Parameters<ShardHost['finishImport']>): Promise<void> {
    return this.#call(args[0], 'finishImport', args);
  }

  digest(shard: string, slots?: Slots): Promise<Digest> {
    return this.#call(shard, 'digest', [shard, slots ?? null]);
  }

  digestBuckets(...args: Parameters<ShardHost['digestBuckets']>): ReturnType<ShardHost['digestBuckets']> {
    return this.#call(args[0], 'digestBuckets', args);
  }

  readRange(
    ...[shard, slots, afterKey, limit]: Parameters<ShardHost['readRange']>
  ): ReturnType<ShardHost['readRange']> {
    return this.#call(shard, 'readRange', [shard, slots, afterKey && ownBytes(afterKey), limit]);
  }

  logTerm(...args: Parameters<ShardHost['logTerm']>): ReturnType<ShardHost['logTerm']> {
    return this.#call(args[0], 'logTerm', args);
  }

  ingestRange(...[shard, term, range]: Parameters<ShardHost['ingestRange']>): ReturnType<ShardHost['ingestRange']> {
    return this.#call(shard, 'ingestRange', [shard, term, { ...range, batch: ownBytes(range.batch) }]);
  }

  ingestEntries(...[shard, term, ingest]: Parameters<ShardHost['ingestEntries']>): ReturnType<ShardHost['append']> {
    return this.#call(shard, 'ingestEntries', [shard, term, { ...ingest, entries: ownBytes(ingest.entries) }]);
  }

  onExit(listener: ExitListener): void {
    this.#listeners.push(listener);
  }

  async shutdown(): Promise<void> {
    this.#closing = true;
    const deadline = SHUTDOWN_SNAPSHOT_MS + SHUTDOWN_GRACE_MS;
    await Promise.all(
      this.#workers.map(async (worker) => {
        if (worker === null || worker.exited) return;
        const timer = Promise.withResolvers<undefined>();
        const timeout = setTimeout(() => timer.resolve(undefined), deadline);
        await Promise.race([worker.call('shutdown', []).catch(() => undefined), timer.promise]);
        clearTimeout(timeout);
        await worker.terminate();
      }),
    );
    this.#placed.clear();
  }

  #call<M extends Method>(
    shard: string,
    method: M,
    args: Calls[M]['args'],
    transfer: Transferable[] = [],
  ): Promise<Calls[M]['result']> {
    const placed = this.#placed.get(shard);
    if (placed === undefined) {
      const message = `shard ${shard} is not open on this node; ask another copy`;
      return Promise.reject(new AnnulusError('ANN_SHARD_UNAVAILABLE', message));
    }
    return this.#workers[placed.worker]!.call(method, args, transfer);
  }

  #leastLoaded(): number {
    if (this.#closing) throw new AnnulusError('ANN_SHARD_UNAVAILABLE', 'this node is shutting down');
    const load = this.#workers.map(() => 0);
    for (const { worker } of this.#placed.values()) load[worker]!++;
    const index = load.indexOf(Math.min(...load));
    if (this.#workers[index]?.exited !== false) this.#workers[index] = this.#start(index);
    return index;
  }

  #start(index: number): WorkerClient {
    const { dataDir, node = '', diskReserveBytes, logger, tuning = {} } = this.#options;
    return new WorkerClient({ dataDir, node, index, diskReserveBytes, tuning }, logger, {
      failed: (shard, message) => {
        this.#options.logger.error({ shard }, `copy failed: ${message}`);
        for (const listener of this.#listeners) listener([shard], new AnnulusError('ANN_SHARD_UNAVAILABLE', message));
      },
      exit: (error) => this.#onWorkerExit(index, error),
    });
  }

  #onWorkerExit(index: number, error: Error): void {
    if (this.#closing) return;
    const shards = [...this.#placed].filter(([, placed]) => placed.worker === index).map(([shard]) => shard);
    for (const shard of shards) this.#placed.delete(shard);
    this.#options.logger.error({ shards: shards.join(',') }, error.message);
    for (const listener of this.#listeners) listener(shards, error);
  }
}

/** Starts the worker threads. Copies are opened one by one by open(). */
export async function createShardHost(options: ShardHostOptions): Promise<ShardHost> {
  await mkdir(`${options.dataDir}/shards`, { recursive: true });
  return new Host(options);
}
