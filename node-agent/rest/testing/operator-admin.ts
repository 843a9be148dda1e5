import { AnnulusError } from '#model/errors.ts';
import type { CollectionAdmin } from '../../routing/router.ts';
import type { TestCluster } from '../../testing/test-cluster.ts';
import { until } from '../../testing/test-cluster.ts';

/** Collections of a test cluster, written straight into its stand-in operator's map; every node has the result when a call resolves. */
export function operatorAdmin({ operator, nodes }: TestCluster): CollectionAdmin {
  const everywhere = (): Promise<void> =>
    until('the map is everywhere', () =>
      [...nodes.values()].every(
        ({ maps }) =>
          maps.map.version === operator.map.version && maps.map.collections.every((one) => one.tableVersion > 0),
      ),
    );
  const find = (name: string): (typeof operator.map.collections)[number] => {
    const found = operator.map.collections.find((one) => one.name === name);
    if (found === undefined) throw new AnnulusError('ANN_COLLECTION_NOT_FOUND', `no collection ${name}`);
    return found;
  };
  return {
    async create(name, spec) {
      if (operator.map.collections.some((one) => one.name === name))
        throw new AnnulusError('ANN_COLLECTION_EXISTS', name);
      operator.addCollection({
        name,
        shards: spec.sharding?.shards ?? 2,
        copies: spec.replicationFactor ?? Math.min(2, nodes.size),
        dimension: spec.dimension ?? 0,
        metric: spec.metric ?? 'Cosine',
      });
      Object.assign(find(name).hnsw, spec.hnsw);
      operator.push();
      await until('the collection is ready', () =>
        [...nodes.values()].every(({ maps }) => maps.collection(name)?.tableVersion === 1),
      );
      await everywhere();
    },
    async update(name, patch) {
      const collection = find(name);
      Object.assign(collection.hnsw, patch.hnsw);
      if (patch.payloadIndexes) collection.payloadIndexes = patch.payloadIndexes;
      operator.push();
      await everywhere();
    },
    async delete(name) {
      find(name);
      operator.map.collections = operator.map.collections.filter((one) => one.name !== name);
      operator.push();
      await everywhere();
    },
  };
}
