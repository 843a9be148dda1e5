import type { SimDisk } from '../disk.ts';
import { activeKernel, activeProcess } from './globals.ts';

/** In the place of node:fs/promises for the node-agent: `/sim/<node>/...` is that node's SimDisk. */
const disks = new Map<string, SimDisk>();

const GIB = 1024 ** 3;
const DISK_BYTES = 10 * GIB;

export function mount(node: string, disk: SimDisk): void {
  disks.set(node, disk);
}

export function diskOf(path: string): SimDisk {
  const node = /^\/sim\/([^/]+)/.exec(path)?.[1] ?? '';
  const disk = disks.get(node);
  if (disk === undefined) throw new Error(`no disk for ${path}`);
  return disk;
}

/** Free bytes of a disk: under the reserve while it is full. */
export function freeBytes(disk: SimDisk): number {
  return disk.full ? 1_000 : DISK_BYTES / 2;
}

function error(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}

/** Takes a moment of virtual time, then acts. */
function later<T>(path: string, milliseconds: number, act: (disk: SimDisk) => T): Promise<T> {
  const disk = diskOf(path);
  const owner = activeProcess();
  const wait = milliseconds * disk.slowness * owner.random.between(0.2, 2);
  return new Promise((resolve, reject) => {
    activeKernel().after(wait, owner, () => {
      try {
        resolve(act(disk));
      } catch (failure) {
        reject(failure instanceof Error ? failure : new Error(String(failure)));
      }
    });
  });
}

export interface FileHandle {
  writeFile(text: string): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

export async function open(path: string, flags: string): Promise<FileHandle> {
  const folder = flags === 'r';
  if (!folder) await later(path, 0.1, (disk) => disk.files.set(path, ''));
  return {
    writeFile: (text) =>
      later(path, 0.2, (disk) => {
        if (disk.full && text.length > 100_000) throw error('ENOSPC', path);
        disk.files.set(path, text);
      }),
    sync: () => later(path, 3, (disk) => (folder ? disk.syncFolder(path) : disk.sync(path))),
    close: () => Promise.resolve(),
  };
}

export function readFile(path: string): Promise<string> {
  return later(path, 0.2, (disk) => {
    const text = disk.files.get(path);
    if (text === undefined) throw error('ENOENT', path);
    return text;
  });
}

export function writeFile(path: string, text: string): Promise<void> {
  return later(path, 0.2, (disk) => void disk.files.set(path, text));
}

export function rename(from: string, to: string): Promise<void> {
  return later(from, 0.1, (disk) => {
    const text = disk.files.get(from);
    if (text === undefined) throw error('ENOENT', from);
    disk.files.delete(from);
    disk.files.set(to, text);
  });
}

export function rm(path: string): Promise<void> {
  return later(path, 0.1, (disk) => void disk.files.delete(path));
}

export const unlink = rm;

export function mkdir(path: string): Promise<void> {
  return later(path, 0.1, () => undefined);
}

/** Knows the folders that hold copies, and nothing else. */
export function readdir(path: string): Promise<string[]> {
  return later(path, 0.1, (disk) => {
    const inside = /^\/sim\/[^/]+\/shards(?:\/(.+))?$/.exec(path);
    if (inside === null) return [];
    const names = new Set<string>();
    for (const key of disk.copies.keys()) {
      const [uid = '', allocationId = ''] = key.split('/');
      if (inside[1] === undefined) names.add(uid);
      else if (inside[1] === uid) names.add(allocationId);
    }
    return [...names].sort();
  });
}

export function statfs(path: string): Promise<{ bavail: number; bsize: number; blocks: number }> {
  return later(path, 0.05, (disk) => ({ bavail: freeBytes(disk), bsize: 1, blocks: DISK_BYTES }));
}
