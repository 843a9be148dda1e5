import type { LocalCopies } from '../copies/local-copies.ts';
import type { ShardHost } from '../shard/shard-host.ts';
import type { ShardAccess } from './shard-access.ts';

/** The copies on this node, without any serialisation. */
export function localShards(copies: LocalCopies, host: ShardHost): ShardAccess {
  // async: what readable() throws becomes a rejection.
  return {
    write: async (shard, writes, timeoutMs) => copies.primary(shard).write(writes, timeoutMs),
    search: async (shard, search) => host.search(copies.readable(shard).shard, search),
    retrieve: async (shard, ids, fields) => host.retrieve(copies.readable(shard).shard, ids, fields),
    scroll: async (shard, scroll) => host.scroll(copies.readable(shard).shard, scroll),
    count: async (shard, filter) => host.count(copies.readable(shard).shard, filter),
    stats: async (shard) => host.stats(copies.readable(shard).shard),
  };
}
