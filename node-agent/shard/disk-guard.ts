import { statfsSync } from 'node:fs';
import { AnnulusError } from '#model/errors.ts';
import { diskReserve } from '#model/disk.ts';
import { DISK_CHECK_EVERY_MS } from './limits.ts';

/** Keeps a reserve of free disk, so that deletes, logs and recovery still work when writes are refused. */
export class DiskGuard {
  readonly #path: string;
  readonly #reserveBytes: number | undefined;
  #checkedMs = -Infinity;
  #free = Infinity;
  #reserve = 0;

  constructor(path: string, reserveBytes: number | undefined) {
    this.#path = path;
    this.#reserveBytes = reserveBytes;
  }

  /** Throws ANN_DISK_FULL while free disk is under the reserve. Asks the system at most once a second. */
  check(nowMs: number): void {
    if (nowMs - this.#checkedMs >= DISK_CHECK_EVERY_MS) {
      const { bavail, bsize, blocks } = statfsSync(this.#path);
      this.#free = bavail * bsize;
      this.#reserve = this.#reserveBytes ?? diskReserve(blocks * bsize);
      this.#checkedMs = nowMs;
    }
    if (this.#free >= this.#reserve) return;
    const message = `${mebibytes(this.#free)} MiB of disk are free, the reserve is ${mebibytes(this.#reserve)} MiB; delete points or add disk`;
    throw new AnnulusError('ANN_DISK_FULL', message);
  }
}

function mebibytes(bytes: number): number {
  return Math.floor(bytes / 1_048_576);
}
