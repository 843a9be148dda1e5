import { primaryOf, type ClusterMap, type MapCollection } from '#model/cluster-map.ts';
import { AnnulusError } from '#model/errors.ts';
import { pointIdText, type PointId } from '#model/point-id.ts';
import type { Write } from '../shard/operations.ts';
import type { Fields, ShardPoint } from '../shard/shard-host.ts';
import { groupByShard, idsThatMustExist } from './group-writes.ts';
import { groupQueries } from './group-queries.ts';
import type { MapStore } from './map-store.ts';
import { mergeHits, mergePages } from './merge.ts';
import type {
  CollectionStats,
  Hit,
  ReadOptions,
  RequestOptions,
  Router,
  ScrollRequest,
  SearchQuery,
} from './router.ts';
import { settleAll } from './settle-all.ts';
import type { Ask, ShardCalls } from './shard-calls.ts';
import { onOneTable, TableChanged } from './table-changed.ts';
import { partsOf, writePart } from './write-parts.ts';

const NO_FIELDS: Fields = { payload: false, vector: false };

/** What the router tells of its requests. */
export interface RouterMetrics {
  /** op: write, search, retrieve, scroll, count, stats. */
  request(op: string, seconds: number, shards: number, ok: boolean): void;
}

/** Coordinates requests: splits by shard, calls the shards' copies, merges. */
export class ClusterRouter implements Router {
  #maps: MapStore;
  #calls: ShardCalls;
  #metrics: RouterMetrics;

  constructor(maps: MapStore, calls: ShardCalls, metrics: RouterMetrics) {
    this.#maps = maps;
    this.#calls = calls;
    this.#metrics = metrics;
  }

  map(): ClusterMap {
    return this.#maps.map;
  }

  collection(name: string): MapCollection {
    const collection = this.#maps.collection(name);
    if (collection) return collection;
    // Without any map it cannot know: a client that was told "not there" would believe it.
    if (this.map().version === 0) {
      throw new AnnulusError('ANN_NOT_READY', 'this node has no cluster map yet; ask another node, or again soon');
    }
    throw new AnnulusError(
      'ANN_COLLECTION_NOT_FOUND',
      `there is no collection "${name}" in cluster ${this.map().cluster}`,
    );
  }

  write(name: string, writes: Write[], options: RequestOptions): Promise<{ seqNo: number }> {
    const parts = partsOf(this.collection(name), writes);
    return this.#measured('write', parts.length, options, async (deadline) => {
      // A shard checks its own part; only a request of several parts could otherwise be done by half.
      const ids = writes.length > 1 || parts.length > 1 ? idsThatMustExist(writes) : [];
      if (ids.length > 0) {
        await onOneTable(() => this.#checkExist(this.collection(name), ids, deadline), deadline);
      }
      const collection = (): MapCollection => this.collection(name);
      const request = {
        collection,
        calls: this.#calls,
        operations: writes.length,
        deadline,
        callerGone: options.callerGone,
      };
      return { seqNo: Math.max(0, ...(await settleAll(parts.map((part) => writePart(request, part))))) };
    });
  }

  search(name: string, queries: SearchQuery[], options: ReadOptions): Promise<Hit[][]> {
    const shards = shardNames(this.collection(name)).length;
    return this.#read('search', shards, name, options, async (collection, deadline) => {
      const results = new Array<Hit[]>(queries.length);
      await Promise.all(
        groupQueries(queries).map(async ({ search, offset, limit, places }) => {
          const hits = await this.#all(collection, options.consistency, deadline, (access, shard, timeoutMs) =>
            access.search(shard, search, timeoutMs),
          );
          places.forEach((place, row) => {
            results[place] = mergeHits(collection.metric, hits, row, offset, limit);
          });
        }),
      );
      return results;
    });
  }

  retrieve(name: string, ids: PointId[], fields: Fields, options: ReadOptions): Promise<ShardPoint[]> {
    const shards = groupByShard(this.collection(name), ids, (id) => id).size;
    return this.#read('retrieve', shards, name, options, async (collection, deadline) => {
      const groups = groupByShard(collection, ids, (id) => id);
      const found = await this.#retrieveGroups(groups, fields, options.consistency, deadline);
      if (groups.size < 2) return found;
      // In the order asked for, as one shard would answer.
      const byId = new Map(found.map((point) => [pointIdText(point.id), point]));
      return ids.flatMap((id) => byId.get(pointIdText(id)) ?? []);
    });
  }

  scroll(
    name: string,
    request: ScrollRequest,
    options: ReadOptions,
  ): Promise<{ points: ShardPoint[]; next: PointId | null }> {
    const shards = shardNames(this.collection(name)).length;
    const { order, limit } = request;
    return this.#read('scroll', shards, name, options, async (collection, deadline) => {
      // One more than asked for tells where the next page begins.
      const scroll = { ...request, limit: order ? limit : limit + 1 };
      const pages = await this.#all(collection, options.consistency, deadline, (access, shard, timeoutMs) =>
        access.scroll(shard, scroll, timeoutMs),
      );
      const merged = mergePages(
        pages.map((page) => page.points),
        order ? order.direction : null,
      );
      const next = order ? null : (merged[limit]?.id ?? null);
      return { points: merged.slice(0, limit), next };
    });
  }

  count(name: string, filter: string | null, options: ReadOptions): Promise<number> {
    const shards = shardNames(this.collection(name)).length;
    return this.#read('count', shards, name, options, async (collection, deadline) => {
      const counts = await this.#all(collection, options.consistency, deadline, (access, shard, timeoutMs) =>
        access.count(shard, filter, timeoutMs),
      );
      return counts.reduce((sum, count) => sum + count, 0);
    });
  }

  stats(name: string, options: ReadOptions): Promise<CollectionStats> {
    const shards = shardNames(this.collection(name)).length;
    return this.#read('stats', shards, name, options, async (collection, deadline) => {
      const routed = new Set(shardNames(collection));
      const stats: CollectionStats = { points: 0, indexedPoints: 0, status: 'green', shards: [] };
      await Promise.all(
        collection.shards
          .filter((shard) => routed.has(shard.name))
          .map(async (shard) => {
            const entry = {
              name: shard.name,
              points: 0,
              primary: primaryOf(shard)?.node ?? null,
              inSync: shard.copies.filter((copy) => copy.inSync).length,
              copies: shard.copies.length,
            };
            stats.shards.push(entry);
            try {
              const own = await this.#calls.read(shard.name, options.consistency, deadline, (access, ref, timeoutMs) =>
                access.stats(ref, timeoutMs),
              );
              entry.points = own.points;
              stats.points += own.points;
              stats.indexedPoints += own.indexedPoints;
              if (entry.inSync < collection.replicationFactor && stats.status === 'green') stats.status = 'yellow';
            } catch (error) {
              if (error instanceof TableChanged) throw error;
              stats.status = 'red';
            }
          }),
      );
      stats.shards.sort((a, b) => (a.name < b.name ? -1 : 1));
      return stats;
    });
  }

  async #checkExist(collection: MapCollection, ids: PointId[], deadline: number): Promise<void> {
    const groups = groupByShard(collection, ids, (id) => id);
    const found = await this.#retrieveGroups(groups, NO_FIELDS, 'primary', deadline);
    if (found.length === ids.length) return;
    const known = new Set(found.map((point) => pointIdText(point.id)));
    const missing = ids.find((id) => !known.has(pointIdText(id)));
    if (missing !== undefined) {
      throw new AnnulusError(
        'ANN_POINT_NOT_FOUND',
        `collection ${collection.name} has no point ${pointIdText(missing)}; nothing was written`,
      );
    }
  }

  async #retrieveGroups(
    groups: Map<string, PointId[]>,
    fields: Fields,
    consistency: ReadOptions['consistency'],
    deadline: number,
  ): Promise<ShardPoint[]> {
    const parts = await Promise.all(
      [...groups].map(([name, ids]) =>
        this.#calls.read(name, consistency, deadline, (access, shard, timeoutMs) =>
          access.retrieve(shard, ids, fields, timeoutMs),
        ),
      ),
    );
    return parts.length === 1 ? parts[0]! : parts.flat();
  }

  #all<T>(
    collection: MapCollection,
    consistency: ReadOptions['consistency'],
    deadline: number,
    ask: Ask<T>,
  ): Promise<T[]> {
    return Promise.all(shardNames(collection).map((shard) => this.#calls.read(shard, consistency, deadline, ask)));
  }

  #read<T>(
    op: string,
    shards: number,
    name: string,
    options: ReadOptions,
    run: (collection: MapCollection, deadline: number) => Promise<T>,
  ): Promise<T> {
    return this.#measured(op, shards, options, (deadline) =>
      onOneTable(() => run(this.collection(name), deadline), deadline),
    );
  }

  /** Runs a request within its time, and tells the metrics of it. */
  async #measured<T>(
    op: string,
    shards: number,
    options: RequestOptions,
    run: (deadline: number) => Promise<T>,
  ): Promise<T> {
    const startedAt = performance.now();
    let ok = false;
    const { timeoutMs } = options;
    let timer: NodeJS.Timeout | undefined;
    const timedOut = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new AnnulusError('ANN_TIMEOUT', `the ${op} took longer than ${timeoutMs} ms`)),
        // The shards' own deadline passes first and says more.
        timeoutMs + 100,
      );
    });
    try {
      const result = await Promise.race([run(startedAt + timeoutMs), timedOut]);
      ok = true;
      return result;
    } finally {
      clearTimeout(timer);
      this.#metrics.request(op, (performance.now() - startedAt) / 1000, shards, ok);
    }
  }
}

function shardNames(collection: MapCollection): string[] {
  if (collection.tableVersion === 0 || collection.routing.length === 0) {
    throw new AnnulusError('ANN_NOT_READY', `collection ${collection.name} is still being created; try again soon`);
  }
  return collection.routing.map((entry) => entry.shard);
}
