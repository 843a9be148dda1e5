import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readIfThere, writeDurably } from './durable-file.ts';

/** The volume belongs to another cluster or node: its data must not be served here. */
export class VolumeRefused extends Error {}

interface Owner {
  clusterUID: string;
  node: string;
}

/** Writes cluster and node on the volume at the first start; afterwards refuses (VolumeRefused) a volume of another. */
export async function claimVolume(dataDir: string, owner: Owner): Promise<void> {
  await mkdir(dataDir, { recursive: true });
  const path = join(dataDir, 'volume.json');
  const text = await readIfThere(path);
  if (text === null) {
    await writeDurably(path, `${JSON.stringify(owner)}\n`);
    return;
  }
  const known = parseOwner(text, path);
  for (const key of ['clusterUID', 'node'] as const) {
    if (known[key] === owner[key]) continue;
    throw new VolumeRefused(
      `the volume ${dataDir} belongs to ${key} "${known[key]}", this is "${owner[key]}": ` +
        'mount its own volume, or an empty one',
    );
  }
}

function parseOwner(text: string, path: string): Owner {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && 'clusterUID' in value && 'node' in value) {
      return { clusterUID: String(value.clusterUID), node: String(value.node) };
    }
  } catch {
    // Told below.
  }
  throw new VolumeRefused(`${path} is damaged: it does not say whose volume this is`);
}
