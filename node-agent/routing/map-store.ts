import { join } from 'node:path';
import { DEFAULT_SETTINGS, type ClusterMap, type MapCollection, type MapShard } from '#model/cluster-map.ts';
import type { Logger } from 'pino';
import { readIfThere, writeDurably } from '../durable-file.ts';
import { parseClusterMap } from './parse-map.ts';

export interface MapIdentity {
  cluster: string;
  namespace: string;
  clusterUID: string;
}

/** A shard as the map has it, with its collection. */
export interface PlacedShard {
  shard: MapShard;
  collection: MapCollection;
}

/** The node's cluster map: only ever replaced by a newer one of the same cluster, on disk before anyone acts by it. */
export class MapStore {
  #map: ClusterMap;
  #byName = new Map<string, MapCollection>();
  #shards = new Map<string, PlacedShard>();
  #path: string;
  #logger: Logger;
  #listeners = new Set<(map: ClusterMap) => void>();
  #offered: ClusterMap | null = null;
  #saving: Promise<void> | null = null;
  /** A map came from the operator or a peer since this process started. */
  live = false;

  private constructor(map: ClusterMap, path: string, logger: Logger) {
    this.#map = map;
    this.#path = path;
    this.#logger = logger;
    this.#index();
  }

  /**
   * Opens the store with the map kept on disk; without one, an empty map of version 0. Throws if the kept map is unreadable.
   * A map of another cluster uid is of the one that had the volume before (claimVolume allowed that): it is not used.
   */
  static async open(dataDir: string, identity: MapIdentity, logger: Logger): Promise<MapStore> {
    const path = join(dataDir, 'cluster-map.json');
    const text = await readIfThere(path);
    const kept = text === null ? null : parseClusterMap(text);
    if (kept?.clusterUID === identity.clusterUID) return new MapStore(kept, path, logger);
    if (kept !== null)
      logger.warn({ formerUID: kept.clusterUID }, 'map of the former cluster of this name is not used');
    return new MapStore({ ...identity, version: 0, ...DEFAULT_SETTINGS, nodes: [], collections: [] }, path, logger);
  }

  get map(): ClusterMap {
    return this.#map;
  }

  collection(name: string): MapCollection | undefined {
    return this.#byName.get(name);
  }

  shard(name: string): PlacedShard | undefined {
    return this.#shards.get(name);
  }

  shards(): Iterable<PlacedShard> {
    return this.#shards.values();
  }

  /** Called after each change of the map; returns how to stop. */
  subscribe(listener: (map: ClusterMap) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Takes a map's JSON text if it is newer and of this cluster; logs why it is refused. Resolves when it is in force. */
  async offer(json: string, from: string): Promise<void> {
    let map: ClusterMap;
    try {
      map = parseClusterMap(json);
    } catch (error) {
      this.#logger.error(
        { from, error: error instanceof Error ? error.message : String(error) },
        'cluster map refused',
      );
      return;
    }
    if (map.clusterUID !== this.#map.clusterUID) {
      this.#logger.error({ from, uid: map.clusterUID }, 'cluster map of another cluster refused');
      return;
    }
    this.live = true;
    if (map.version <= (this.#offered ?? this.#map).version) return;
    this.#offered = map;
    this.#saving ??= this.#save();
    await this.#saving;
  }

  async #save(): Promise<void> {
    try {
      while (this.#offered !== null && this.#offered.version > this.#map.version) {
        const next = this.#offered;
        await writeDurably(this.#path, JSON.stringify(next));
        this.#map = next;
        this.#index();
        this.#logger.info({ version: next.version, nodes: next.nodes.length }, 'cluster map taken');
        for (const listener of this.#listeners) listener(next);
      }
    } catch (error) {
      this.#logger.error({ error: String(error) }, 'cluster map could not be kept on disk; the old one stays in force');
      this.#offered = null;
    } finally {
      this.#saving = null;
    }
  }

  #index(): void {
    this.#byName = new Map(this.#map.collections.map((collection) => [collection.name, collection]));
    this.#shards = new Map(
      this.#map.collections.flatMap((collection) =>
        collection.shards.map((shard) => [shard.name, { shard, collection }] as const),
      ),
    );
  }
}
