import { setTimeout as sleep } from 'node:timers/promises';
import { AnnulusError } from '#model/errors.ts';

const AGAIN_MS = 2;

/** The newest routing table does not lead to the shard that was to be asked; it has not been asked, or has refused. The request is to be split anew. */
export class TableChanged extends AnnulusError {
  constructor(shard: string) {
    super('ANN_SHARD_UNAVAILABLE', `shard ${shard} is no longer in its collection's routing table`);
    this.name = 'TableChanged';
  }
}

/** Runs a whole read, again when the routing table has changed under it: answers of two tables are never mixed. */
export async function onOneTable<T>(run: () => Promise<T>, deadline: number): Promise<T> {
  for (;;) {
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof TableChanged) || performance.now() >= deadline) throw error;
    }
    await sleep(AGAIN_MS);
  }
}
