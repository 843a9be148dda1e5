import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { AnnulusError } from '#model/errors.ts';
import { copyDirectory } from './copy-files.ts';
import type { ShardCopy } from './copy.ts';
import { markFailed, openCopy } from './open-copy.ts';
import { DiskGuard } from './disk-guard.ts';
import type { Request, WorkerStart } from './messages.ts';
import type { OpenCopy, OpenResult, ShardStats } from './shard-host.ts';
import { labelSpace } from './import-state.ts';
import { forgetIncoming, type IncomingGraph } from './lent-graph.ts';
import { LABEL_MAX } from './limits.ts';
import { Snapshots } from './snapshots.ts';

type Log = (level: 'info' | 'warn' | 'error', fields: Record<string, string | number>, text: string) => void;

/** An open copy with what belongs to it in its worker. */
export interface Open {
  copy: ShardCopy;
  options: OpenCopy;
  directory: string;
  snapshots: Snapshots;
  /** What a recovery has brought of the graph. */
  incoming: IncomingGraph | null;
  /** Settles when nothing changes the graph's file from outside. */
  graphTurn: Promise<void>;
  /** Writes that wait until the index has caught up, in order. */
  parked: Request[];
  /** No background work before this time (performance.now). */
  restUntilMs: number;
}

/** The copies of one worker. */
export class OpenCopies {
  readonly #start: WorkerStart;
  readonly #log: Log;
  readonly disk: DiskGuard;
  #open = new Map<string, Open>();
  #opening = new Map<string, Promise<OpenResult>>();

  constructor(start: WorkerStart, log: Log) {
    this.#start = start;
    this.disk = new DiskGuard(start.dataDir, start.node, start.diskReserveBytes);
    this.#log = log;
  }

  [Symbol.iterator](): MapIterator<[string, Open]> {
    return this.#open.entries();
  }

  find(shard: string): Open | undefined {
    return this.#open.get(shard);
  }

  /** The copy, for calls that one whose points are of different moments must not answer. */
  whole(shard: string): ShardCopy {
    const { copy } = this.get(shard);
    if (!copy.store.meta.importing) return copy;
    throw recovering(shard);
  }

  /** The copy, for calls that one without all its points must not answer. */
  streaming(shard: string): ShardCopy {
    const { copy } = this.get(shard);
    if (!copy.copying) return copy;
    throw recovering(shard);
  }

  get(shard: string): Open {
    const open = this.#open.get(shard);
    if (open) return open;
    throw new AnnulusError('ANN_SHARD_UNAVAILABLE', `shard ${shard} is not open on this node; ask another copy`);
  }

  open(options: OpenCopy): Promise<OpenResult> {
    const opening = this.#load(options).finally(() => this.#opening.delete(options.shard));
    this.#opening.set(options.shard, opening);
    return opening;
  }

  async #load(options: OpenCopy): Promise<OpenResult> {
    const { shard } = options;
    const startedMs = performance.now();
    const { copy, result, rebuilt } = await openCopy(this.#start, options);
    if (copy === null) return result;
    const directory = copyDirectory(this.#start.dataDir, options.shardUid, options.allocationId);
    const warn = (text: string): void => this.#log('warn', { shard }, text);
    this.#open.set(shard, {
      copy,
      options,
      directory,
      snapshots: new Snapshots(directory, copy.index, startedMs, warn),
      incoming: null,
      graphTurn: Promise.resolve(),
      parked: [],
      restUntilMs: 0,
    });
    if (rebuilt !== '') this.#log('info', { shard, points: copy.store.meta.points }, `index is built anew: ${rebuilt}`);
    const milliseconds = Math.round(performance.now() - startedMs);
    this.#log(
      'info',
      { shard, points: copy.store.meta.points, seqNo: copy.position.seqNo, milliseconds },
      'copy opened',
    );
    return result;
  }

  /** Removes the copy at once, so that nothing more is served, then writes its snapshot and closes its files. */
  async close(shard: string): Promise<void> {
    await this.#opening.get(shard)?.catch(() => undefined);
    const open = this.#open.get(shard);
    if (open === undefined) return;
    this.#open.delete(shard);
    forgetIncoming(open);
    await open.snapshots.final();
    open.copy.close();
  }

  async closeAll(): Promise<void> {
    await Promise.all([...new Set([...this.#open.keys(), ...this.#opening.keys()])].map((shard) => this.close(shard)));
  }

  /** Takes a copy out of service; a damaged one for good. */
  fail(shard: string, message: string, damaged: boolean): void {
    const open = this.#open.get(shard);
    if (open === undefined) return;
    this.#open.delete(shard);
    forgetIncoming(open);
    // The graph may be under a running snapshot: it goes when that has ended.
    void open.snapshots.settled().then(() => open.copy.close());
    if (!damaged) return;
    try {
      markFailed(this.#start.dataDir, open.options, message);
    } catch (error) {
      this.#log('error', { shard }, `the copy's failure could not be noted on disk: ${String(error)}`);
    }
  }

  stats(shard: string): ShardStats {
    const { copy, directory, options } = this.get(shard);
    const stats = copy.stats();
    // A copy that gets them starts where this one is; they are not to end there.
    const lends = copy.store.meta.nextLabel < LABEL_MAX / 2;
    let bytes = 0;
    for (const name of readdirSync(directory)) {
      bytes += statSync(join(directory, name), { throwIfNoEntry: false })?.size ?? 0;
    }
    return { ...stats, bytes, ...(lends && { labels: labelSpace(copy.store) ?? options.allocationId }) };
  }
}

function recovering(shard: string): AnnulusError {
  return new AnnulusError(
    'ANN_NOT_READY',
    `the copy of shard ${shard} on this node is being recovered; ask another copy`,
  );
}
