import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readIfThere, writeDurably } from './durable-file.ts';

/** The volume belongs to another cluster or node: its data must not be served here. */
export class VolumeRefused extends Error {}

export interface VolumeOwner {
  /** Name of the VectorCluster. */
  cluster: string;
  namespace: string;
  clusterUID: string;
  node: string;
}

/** What the volume remembers of former owners. */
export interface ClaimedVolume {
  /**
   * uids of shards that were on the volume when a VectorCluster made again under the same name took it over. Those that are
   * still in the cluster map are served; the others are never deleted by the node alone.
   */
  formerShards: ReadonlySet<string>;
}

interface Stored {
  clusterUID: string;
  node: string;
  formerShards: string[];
}

/**
 * Writes cluster and node on the volume at the first start; afterwards refuses (VolumeRefused) a volume of another. A
 * cluster that was deleted and made again under its name in its namespace gets its volumes, and so its data, back:
 * what of it is served, the new cluster's map decides.
 */
export async function claimVolume(dataDir: string, owner: VolumeOwner): Promise<ClaimedVolume> {
  await mkdir(dataDir, { recursive: true });
  const path = join(dataDir, 'volume.json');
  const text = await readIfThere(path);
  const known = text === null ? null : parseStored(text, path);
  if (known !== null && known.node !== owner.node) throw refused(dataDir, 'node', known.node, owner.node);
  if (known?.clusterUID === owner.clusterUID) return { formerShards: new Set(known.formerShards) };
  const formerShards = known === null ? [] : await shardsOn(dataDir);
  if (known !== null && formerShards.length > 0 && !(await isSameName(dataDir, owner))) {
    throw refused(dataDir, 'clusterUID', known.clusterUID, owner.clusterUID);
  }
  const { clusterUID, node } = owner;
  await writeDurably(path, `${JSON.stringify({ clusterUID, node, formerShards } satisfies Stored)}\n`);
  return { formerShards: new Set(formerShards) };
}

function refused(dataDir: string, key: string, known: string, here: string): VolumeRefused {
  return new VolumeRefused(
    `the volume ${dataDir} belongs to ${key} "${known}", this is "${here}": mount its own volume, or an empty one`,
  );
}

async function shardsOn(dataDir: string): Promise<string[]> {
  try {
    return (await readdir(join(dataDir, 'shards'))).sort();
  } catch {
    return [];
  }
}

/** The map kept on the volume is of a cluster of this name: it was deleted and made again. */
async function isSameName(dataDir: string, { cluster, namespace }: VolumeOwner): Promise<boolean> {
  const text = await readIfThere(join(dataDir, 'cluster-map.json'));
  if (text === null) return false;
  try {
    const map: unknown = JSON.parse(text);
    if (typeof map !== 'object' || map === null || !('cluster' in map) || !('namespace' in map)) return false;
    return map.cluster === cluster && map.namespace === namespace;
  } catch {
    return false;
  }
}

function parseStored(text: string, path: string): Stored {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && 'clusterUID' in value && 'node' in value) {
      const former = 'formerShards' in value && Array.isArray(value.formerShards) ? value.formerShards : [];
      return { clusterUID: String(value.clusterUID), node: String(value.node), formerShards: former.map(String) };
    }
  } catch {
    // Told below.
  }
  throw new VolumeRefused(`${path} is damaged: it does not say whose volume this is`);
}
