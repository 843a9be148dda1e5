import type { LocalCopies } from '../copies/local-copies.ts';
import type { ShardRef } from '../rpc/messages.ts';
import type { ShardHost } from '../shard/shard-host.ts';
import type { ShardAccess } from './shard-access.ts';

/** Left to the caller when a confirmation is given up: it is to hear the reason. */
const ANSWER_MS = 50;

/** The copies on this node, without any serialisation. */
export function localShards(copies: LocalCopies, host: ShardHost): ShardAccess {
  // async: what readable() throws becomes a rejection.
  const readable = async (shard: ShardRef, timeoutMs: number): Promise<string> => {
    if (shard.primary) await copies.primary(shard).confirm(Math.max(1, timeoutMs - ANSWER_MS));
    return copies.readable(shard).shard;
  };
  return {
    write: async (shard, writes, timeoutMs) => copies.primary(shard).write(writes, timeoutMs),
    search: async (shard, search, timeoutMs) => host.search(await readable(shard, timeoutMs), search),
    retrieve: async (shard, ids, fields, timeoutMs) => host.retrieve(await readable(shard, timeoutMs), ids, fields),
    scroll: async (shard, scroll, timeoutMs) => host.scroll(await readable(shard, timeoutMs), scroll),
    count: async (shard, filter, timeoutMs) => host.count(await readable(shard, timeoutMs), filter),
    stats: async (shard, timeoutMs) => host.stats(await readable(shard, timeoutMs)),
  };
}
