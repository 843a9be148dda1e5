import { join } from 'node:path';
import { AnnulusError } from '#model/errors.ts';

const SAFE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** Folder of a copy. Names come from the cluster map: one that could leave the data folder is refused. */
export function copyDirectory(dataDir: string, shardUid: string, allocationId: string): string {
  for (const name of [shardUid, allocationId]) {
    if (!SAFE_NAME.test(name))
      throw new AnnulusError('ANN_BAD_REQUEST', `${JSON.stringify(name)} is not a shard uid or allocation id`);
  }
  return join(dataDir, 'shards', shardUid, allocationId);
}

/** The database of a copy. */
export function databasePath(directory: string): string {
  return join(directory, 'points.sqlite');
}

/** Where a graph is put together that comes from another copy. */
export function incomingGraphPath(directory: string): string {
  return join(directory, 'incoming-graph.tmp');
}

/** Says why the copy was found damaged; as long as it is there, the copy is not opened. */
export function failedMarkPath(directory: string): string {
  return join(directory, 'failed.txt');
}
