import { rm, statfs } from 'node:fs/promises';
import { saveGraph } from '../index/graph-snapshot.ts';
import type { VectorIndex } from '../index/vector-index.ts';
import { LENT_CHANGED_SHARE, LENT_KEEP_MS, SNAPSHOT_CHANGED_SHARE } from './limits.ts';

/** Writes a copy's index snapshots, one at a time. A snapshot only saves time at the next start: failing to write one loses nothing. */
export class Snapshots {
  readonly #directory: string;
  readonly #index: VectorIndex;
  readonly #warn: (text: string) => void;
  #running: Promise<void> | null = null;
  #lastMs: number;
  /** A recovery reads the last one: until then there is none after it. */
  #lentUntilMs = -Infinity;
  #stopped = 0;

  constructor(directory: string, index: VectorIndex, nowMs: number, warn: (text: string) => void) {
    this.#directory = directory;
    this.#index = index;
    this.#lastMs = nowMs;
    this.#warn = warn;
  }

  /** Starts one when enough has changed since the last. */
  startIfDue(nowMs: number): void {
    const { graph, changes, tuning } = this.#index;
    if (graph === null || this.#running || nowMs - this.#lastMs < tuning.snapshotEveryMs) return;
    if (this.#stopped > 0 || nowMs < this.#lentUntilMs) return;
    if (changes < Math.max(tuning.snapshotMinChanges, graph.size * SNAPSHOT_CHANGED_SHARE)) return;
    this.#lastMs = nowMs;
    void this.#save();
  }

  /** Sees to it that the last one is not old and stays for a while; false when the copy has too few points for a graph. */
  async lend(): Promise<boolean> {
    while (this.#running) await this.#running;
    const { graph, changes, size, tuning } = this.#index;
    if (size < tuning.graphMinPoints || this.#stopped > 0) return false;
    const lent = performance.now() < this.#lentUntilMs;
    this.keep();
    if (!lent && graph !== null && changes > graph.size * LENT_CHANGED_SHARE) await this.#save();
    return true;
  }

  keep(): void {
    this.#lentUntilMs = performance.now() + LENT_KEEP_MS;
  }

  /** Resolves when none is being written, and none begins before resume(): the files change hands. */
  async stopped(): Promise<void> {
    this.#stopped++;
    while (this.#running) await this.#running;
  }

  resume(): void {
    this.#stopped--;
  }

  /** Resolves when none is being written: only then may files and graph go away. */
  async settled(): Promise<void> {
    await this.#running;
  }

  /** The last one before the copy is closed. */
  async final(): Promise<void> {
    await this.#running;
    if (this.#index.graph !== null && this.#index.changes > 0) await this.#save();
  }

  #save(): Promise<void> {
    this.#running = this.#write().finally(() => (this.#running = null));
    return this.#running;
  }

  async #write(): Promise<void> {
    const { graph, changes } = this.#index;
    if (graph === null) return;
    try {
      const disk = await statfs(this.#directory);
      // hnswlib does not say when a write failed: the room must be there before.
      if (disk.bavail * disk.bsize < graph.bytes * 1.25) throw new Error('too little free disk');
      await saveGraph(this.#directory, graph);
      this.#index.snapshotTaken(changes);
    } catch (error) {
      this.#warn(`index snapshot not written: ${error instanceof Error ? error.message : String(error)}`);
      await rm(`${this.#directory}/graph.json.tmp`, { force: true });
    }
  }
}
