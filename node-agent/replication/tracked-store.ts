import { join } from 'node:path';
import { readIfThere, writeDurably } from '../durable-file.ts';
import type { Tracked } from './messages.ts';

/**
 * Which copies acknowledgements wait for though the map does not yet call them in sync: the operator was, or was about to be, asked. Kept on
 * disk, because the operator may have said yes while this node was down; acknowledging without such a copy could lose a write.
 */
export class TrackedStore {
  #path: string;
  #tracked: Record<string, Tracked>;
  #writing: Promise<void> = Promise.resolve();

  private constructor(path: string, tracked: Record<string, Tracked>) {
    this.#path = path;
    this.#tracked = tracked;
  }

  static async open(dataDir: string): Promise<TrackedStore> {
    const path = join(dataDir, 'tracked-copies.json');
    const text = await readIfThere(path);
    return new TrackedStore(path, text === null ? {} : parse(text, path));
  }

  of(shardUid: string): Tracked {
    return this.#tracked[shardUid] ?? {};
  }

  /** Resolves when on disk. */
  save(shardUid: string, tracked: Tracked): Promise<void> {
    if (Object.keys(tracked).length > 0) this.#tracked[shardUid] = tracked;
    else delete this.#tracked[shardUid];
    this.#writing = this.#writing
      .catch(() => undefined)
      .then(() => writeDurably(this.#path, JSON.stringify(this.#tracked)));
    return this.#writing;
  }
}

function parse(text: string, path: string): Record<string, Tracked> {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null) throw new Error(`${path} is damaged`);
  const tracked: Record<string, Tracked> = {};
  for (const [shard, copies] of Object.entries(value)) {
    const entries: [string, unknown][] = Object.entries(copies ?? {});
    if (!entries.every((entry): entry is [string, number] => Number.isSafeInteger(entry[1]))) {
      throw new Error(`${path} is damaged`);
    }
    tracked[shard] = Object.fromEntries(entries);
  }
  return tracked;
}
