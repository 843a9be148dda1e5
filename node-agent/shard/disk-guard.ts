import { statfsSync } from 'node:fs';
import { AnnulusError } from '#model/errors.ts';
import { diskReserve } from '#model/disk.ts';
import { DISK_CHECK_EVERY_MS, REPLICA_RESERVE_SHARE } from './limits.ts';

/** Keeps a reserve of free disk, so that deletes, logs and recovery still work when writes are refused. */
export class DiskGuard {
  readonly #path: string;
  readonly #node: string;
  readonly #reserveBytes: number | undefined;
  #checkedMs = -Infinity;
  #free = Infinity;
  #reserve = 0;

  constructor(path: string, node: string, reserveBytes: number | undefined) {
    this.#path = path;
    this.#node = node;
    this.#reserveBytes = reserveBytes;
  }

  /** Throws ANN_DISK_FULL while free disk is under the reserve. Asks the system now and then. */
  check(shard: string, nowMs: number): void {
    this.#check(shard, nowMs, 1);
  }

  /**
   * As check, for what a primary has on its disk already. A part of the reserve is there for it: with disks of one size the primary is to refuse a write
   * (507) before its replicas must, which costs the shard a copy. `harmless` is asked only when there is little: deletes always work.
   */
  checkReplica(shard: string, nowMs: number, harmless: () => boolean): void {
    try {
      this.#check(shard, nowMs, REPLICA_RESERVE_SHARE);
    } catch (error) {
      if (!harmless()) throw error;
    }
  }

  /** The system said that there is no room: what was asked of it last is out of date. */
  full(shard: string): AnnulusError {
    this.#checkedMs = -Infinity;
    return new AnnulusError('ANN_DISK_FULL', `${this.#where(shard)}: the disk is full; delete points or add disk`);
  }

  #check(shard: string, nowMs: number, share: number): void {
    if (nowMs - this.#checkedMs >= DISK_CHECK_EVERY_MS) {
      const { bavail, bsize, blocks } = statfsSync(this.#path);
      this.#free = bavail * bsize;
      this.#reserve = this.#reserveBytes ?? diskReserve(blocks * bsize);
      this.#checkedMs = nowMs;
    }
    if (this.#free >= this.#reserve * share) return;
    const message = `${this.#where(shard)}: ${mebibytes(this.#free)} MiB of disk are free, the reserve is ${mebibytes(this.#reserve)} MiB; delete points or add disk`;
    throw new AnnulusError('ANN_DISK_FULL', message);
  }

  #where(shard: string): string {
    return this.#node === '' ? `shard ${shard}` : `node ${this.#node}, shard ${shard}`;
  }
}

function mebibytes(bytes: number): string {
  return (bytes / 1_048_576).toFixed(bytes < 10_485_760 ? 1 : 0);
}
