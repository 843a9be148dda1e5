import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { AnnulusError } from '#model/errors.ts';
import { copyDirectory } from './copy-files.ts';
import type { ShardCopy } from './copy.ts';
import { markFailed, openCopy } from './open-copy.ts';
import type { Request } from './messages.ts';
import type { OpenCopy, OpenResult, ShardStats } from './shard-host.ts';
import { Snapshots } from './snapshots.ts';

type Log = (level: 'info' | 'warn' | 'error', fields: Record<string, string | number>, text: string) => void;

/** An open copy with what belongs to it in its worker. */
export interface Open {
  copy: ShardCopy;
  options: OpenCopy;
  directory: string;
  snapshots: Snapshots;
  /** Writes that wait until the index has caught up, in order. */
  parked: Request[];
}

/** The copies of one worker. */
export class OpenCopies {
  readonly #dataDir: string;
  readonly #log: Log;
  #open = new Map<string, Open>();
  #opening = new Map<string, Promise<OpenResult>>();

  constructor(dataDir: string, log: Log) {
    this.#dataDir = dataDir;
    this.#log = log;
  }

  [Symbol.iterator](): MapIterator<[string, Open]> {
    return this.#open.entries();
  }

  find(shard: string): Open | undefined {
    return this.#open.get(shard);
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
    const { copy, result, rebuilt } = await openCopy(this.#dataDir, options);
    if (copy === null) return result;
    const directory = copyDirectory(this.#dataDir, options.shardUid, options.allocationId);
    const warn = (text: string): void => this.#log('warn', { shard }, text);
    this.#open.set(shard, {
      copy,
      options,
      directory,
      snapshots: new Snapshots(directory, copy.index, startedMs, warn),
      parked: [],
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
    await open.snapshots.final();
    open.copy.store.close();
  }

  async closeAll(): Promise<void> {
    await Promise.all([...new Set([...this.#open.keys(), ...this.#opening.keys()])].map((shard) => this.close(shard)));
  }

  /** Takes a damaged copy out of service for good. */
  fail(shard: string, message: string): void {
    const open = this.#open.get(shard);
    if (open === undefined) return;
    this.#open.delete(shard);
    // The graph may be under a running snapshot: it goes when that has ended.
    void open.snapshots.settled().then(() => open.copy.store.close());
    markFailed(this.#dataDir, open.options, message);
  }

  stats(shard: string): ShardStats {
    const { copy, directory } = this.get(shard);
    const stats = copy.stats();
    let bytes = 0;
    for (const name of readdirSync(directory)) {
      bytes += statSync(join(directory, name), { throwIfNoEntry: false })?.size ?? 0;
    }
    return { ...stats, bytes };
  }
}
