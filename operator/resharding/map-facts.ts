import type { MapContent } from '../cluster-map/compile.ts';

/**
 * Since which version every published map has said a thing. A node that reports that version or a later one has heard it, and has heard
 * nothing else since. Kept in memory: after a restart the first map published counts.
 */
export class MapFacts {
  readonly #clusters = new Map<string, Map<string, number>>();

  /** A map is about to be sent. */
  note(clusterKey: string, version: number, content: MapContent): void {
    const before = this.#clusters.get(clusterKey);
    const since = new Map<string, number>();
    for (const fact of factsOf(content)) since.set(fact, before?.get(fact) ?? version);
    this.#clusters.set(clusterKey, since);
  }

  /** Version since which the shard is sealed; undefined while it is not. */
  sealedSince(clusterKey: string, shard: string): number | undefined {
    return this.#clusters.get(clusterKey)?.get(sealedFact(shard));
  }

  /** Version since which a collection has this routing table. */
  tableSince(clusterKey: string, collection: string, tableVersion: number): number | undefined {
    return this.#clusters.get(clusterKey)?.get(tableFact(collection, tableVersion));
  }

  forget(clusterKey: string): void {
    this.#clusters.delete(clusterKey);
  }
}

function factsOf({ collections }: MapContent): string[] {
  return collections.flatMap(({ object, tableVersion, shards }) => [
    tableFact(object, tableVersion),
    ...shards.filter((shard) => shard.sealed).map((shard) => sealedFact(shard.name)),
  ]);
}

function sealedFact(shard: string): string {
  return `sealed ${shard}`;
}

function tableFact(collection: string, tableVersion: number): string {
  return `table ${collection} ${tableVersion}`;
}
