import type { CopyFile } from './copy-file.ts';
import type { Random } from './random.ts';

/** A node's volume: small files and copies of shards. What is not synced may be gone after a crash. */
export class SimDisk {
  /** As the process sees them. */
  files = new Map<string, string>();
  /** As they are after the machine lost its power. */
  durable = new Map<string, string>();
  /** By `<shard uid>/<allocationId>`. */
  copies = new Map<string, CopyFile>();
  full = false;
  /** Every sync takes so many times longer. */
  slowness = 1;

  sync(path: string): void {
    const content = this.files.get(path);
    if (content !== undefined) this.durable.set(path, content);
  }

  /** A folder's sync makes renames in it durable. */
  syncFolder(folder: string): void {
    for (const path of new Set([...this.files.keys(), ...this.durable.keys()])) {
      if (!path.startsWith(`${folder}/`)) continue;
      const content = this.files.get(path);
      if (content === undefined) this.durable.delete(path);
      else this.durable.set(path, content);
    }
  }

  /** The process died; with the machine also what was not synced, some of it perhaps written, and the last write perhaps half. */
  crash(machine: boolean, random: Random): void {
    for (const copy of this.copies.values()) copy.crash(random);
    if (!machine) return;
    for (const path of new Set([...this.files.keys(), ...this.durable.keys()])) {
      const now = this.files.get(path);
      const safe = this.durable.get(path);
      if (now === safe || random.chance(0.5)) continue;
      if (safe !== undefined) this.files.set(path, safe);
      // Synced under the name that it had before a rename: whole, or not there.
      else if (now !== undefined && this.durable.get(`${path}.new`) === now) this.files.delete(path);
      // Written and never synced: nothing, or a part of it.
      else if (now !== undefined && random.chance(0.5)) this.files.set(path, now.slice(0, random.int(0, now.length)));
      else this.files.delete(path);
    }
    this.durable = new Map(this.files);
  }
}
