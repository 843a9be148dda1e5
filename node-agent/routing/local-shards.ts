import { isRouted } from '#model/cluster-map.ts';
import { AnnulusError } from '#model/errors.ts';
import type { LocalCopies } from '../copies/local-copies.ts';
import type { ShardRef } from '../rpc/messages.ts';
import type { ShardHost } from '../shard/shard-host.ts';
import type { MapStore } from './map-store.ts';
import type { ShardAccess } from './shard-access.ts';

/** Left to the caller when a confirmation is given up: it is to hear the reason. */
const ANSWER_MS = 50;

/** The copies on this node, without any serialisation. */
export function localShards(copies: LocalCopies, host: ShardHost, maps: MapStore): ShardAccess {
  /** A shard that is still filled has not all its points, and one that was split or merged has not the newest. */
  const refuseUnrouted = ({ name }: ShardRef): void => {
    const placed = maps.shard(name);
    if (placed === undefined || isRouted(placed.collection, placed.shard)) return;
    const message = `shard ${name} is not in the routing table of collection ${placed.collection.name} by map ${maps.map.version}`;
    throw new AnnulusError('ANN_STALE_TERM', `${message} of node ${copies.node}`);
  };
  // async: what readable() throws becomes a rejection.
  const readable = async (shard: ShardRef, timeoutMs: number): Promise<string> => {
    if (shard.primary) await copies.primary(shard).confirm(Math.max(1, timeoutMs - ANSWER_MS));
    refuseUnrouted(shard);
    return copies.readable(shard).shard;
  };
  return {
    write: async (shard, writes, timeoutMs) => {
      refuseUnrouted(shard);
      return copies.primary(shard).write(writes, timeoutMs);
    },
    search: async (shard, search, timeoutMs) => host.search(await readable(shard, timeoutMs), search),
    retrieve: async (shard, ids, fields, timeoutMs) => host.retrieve(await readable(shard, timeoutMs), ids, fields),
    scroll: async (shard, scroll, timeoutMs) => host.scroll(await readable(shard, timeoutMs), scroll),
    count: async (shard, filter, timeoutMs) => host.count(await readable(shard, timeoutMs), filter),
    stats: async (shard, timeoutMs) => host.stats(await readable(shard, timeoutMs)),
  };
}
