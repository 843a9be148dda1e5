import type { PayloadIndex } from '#crds/v1alpha1/index.ts';
import { primaryOf, type MapCollection } from '#model/cluster-map.ts';
import { AnnulusError } from '#model/errors.ts';
import type { CollectionRequest } from '#proto/control-messages.ts';
import type { ControlServer } from '../rpc/control-server.ts';
import type { Peers } from '../rpc/peers.ts';
import type { MapStore } from './map-store.ts';
import type { CollectionAdmin } from './router.ts';
import type { ShardCalls } from './shard-calls.ts';

const READY_POLL_MS = 50;
/** Longest wait for the other nodes to have the map that shows a change: a client's next request may reach any of them. */
const ELSEWHERE_MS = 1_000;

/**
 * Collections as Kubernetes objects, by the operator's hand; each call resolves when this node's map shows the result, and those of the nodes
 * that answer within a moment.
 */
export function collectionAdmin(
  control: ControlServer,
  maps: MapStore,
  calls: ShardCalls,
  peers: Pick<Peers, 'caughtUp'>,
): CollectionAdmin {
  const elsewhere = (deadline: number): Promise<void> =>
    peers.caughtUp(maps.map.version, Math.min(ELSEWHERE_MS, Math.max(0, deadline - performance.now())));
  const request = async (
    action: CollectionRequest['action'],
    name: string,
    spec: object | null,
    deadline: number,
  ): Promise<void> => {
    const specJson = Buffer.from(spec === null ? '' : JSON.stringify(spec));
    await control.collection({ action, name, specJson }, Math.max(1, Math.ceil(deadline - performance.now())));
  };
  return {
    async create(name, spec, { timeoutMs }) {
      const deadline = performance.now() + timeoutMs;
      await request('CREATE', name, spec, deadline);
      await untilReady(maps, calls, name, deadline);
      await elsewhere(deadline);
    },
    async update(name, patch, { timeoutMs }) {
      const before = mustFind(maps, name);
      const deadline = performance.now() + timeoutMs;
      await request(
        'UPDATE',
        name,
        { ...patch, ...indexChanges(before.payloadIndexes, patch.payloadIndexes) },
        deadline,
      );
      // A patch that changes nothing brings no new map: a while is enough to see one that does.
      const seen = Math.min(deadline, performance.now() + 1_000);
      await untilMap(maps, seen, () => JSON.stringify(maps.collection(name)) !== JSON.stringify(before));
      await elsewhere(deadline);
    },
    async delete(name, { timeoutMs }) {
      const deadline = performance.now() + timeoutMs;
      await request('DELETE', name, null, deadline);
      if (await untilMap(maps, deadline, () => maps.collection(name) === undefined)) return elsewhere(deadline);
      throw new AnnulusError(
        'ANN_TIMEOUT',
        `collection ${name} is being deleted, but was still there after ${timeoutMs} ms`,
      );
    },
  };
}

/**
 * The wire's form of a change of payloadIndexes (proto/control.proto): only what changes, so that two nodes that add an index
 * each do not undo one another. A type of null removes the field's index.
 */
function indexChanges(
  before: PayloadIndex[],
  after: PayloadIndex[] | undefined,
): { payloadIndexes?: { field: string; type: string | null }[] } {
  if (after === undefined) return {};
  const had = (index: PayloadIndex): boolean =>
    before.some(({ field, type }) => field === index.field && type === index.type);
  const gone = before.filter(({ field }) => !after.some((index) => index.field === field));
  return {
    payloadIndexes: [...after.filter((index) => !had(index)), ...gone.map(({ field }) => ({ field, type: null }))],
  };
}

function mustFind(maps: MapStore, name: string): MapCollection {
  const collection = maps.collection(name);
  if (!collection) throw new AnnulusError('ANN_COLLECTION_NOT_FOUND', `there is no collection "${name}"`);
  return collection;
}

/** Waits until the map fits, or the deadline; true when it does. */
function untilMap(maps: MapStore, deadline: number, fits: () => boolean): Promise<boolean> {
  if (fits()) return Promise.resolve(true);
  return new Promise((resolve) => {
    const stop = maps.subscribe(() => {
      if (fits()) finish(true);
    });
    const timer = setTimeout(() => finish(false), Math.max(0, deadline - performance.now()));
    const finish = (result: boolean): void => {
      stop();
      clearTimeout(timer);
      resolve(result);
    };
  });
}

/** The map has the collection with its routing table, and every shard's primary answers. */
async function untilReady(maps: MapStore, calls: ShardCalls, name: string, deadline: number): Promise<void> {
  const placed = (): boolean => {
    const collection = maps.collection(name);
    if (!collection || collection.tableVersion === 0 || collection.routing.length === 0) return false;
    return collection.shards.every((shard) => shard.primaryTerm > 0 && primaryOf(shard) !== undefined);
  };
  if (!(await untilMap(maps, deadline, placed))) {
    throw new AnnulusError(
      'ANN_TIMEOUT',
      `collection ${name} is made, but ${whyNotPlaced(maps, name)}; it may come yet`,
    );
  }
  const shards = mustFind(maps, name).routing.map((entry) => entry.shard);
  await Promise.all(
    shards.map(async (shard) => {
      for (;;) {
        try {
          // An empty write asks the primary whether it takes writes.
          await calls.write(shard, [], deadline);
          return;
        } catch (error) {
          if (performance.now() + READY_POLL_MS >= deadline) throw error;
          await new Promise((resolve) => setTimeout(resolve, READY_POLL_MS));
        }
      }
    }),
  );
}

function whyNotPlaced(maps: MapStore, name: string): string {
  const collection = maps.collection(name);
  if (!collection) return 'is not in the cluster map';
  const without = collection.shards.filter((shard) => shard.primaryTerm === 0 || !primaryOf(shard));
  if (without.length > 0) return `shard ${without[0]!.name} has no primary yet`;
  return 'has no routing table yet';
}
