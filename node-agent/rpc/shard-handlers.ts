import { AnnulusError } from '#model/errors.ts';
import type { ShardAccess } from '../routing/shard-access.ts';
import { unpackIds } from './columns.ts';
import type { PeerHandlers } from './messages.ts';
import * as codec from './shard-codec.ts';

type ShardRequests = 'write' | 'search' | 'retrieve' | 'scroll' | 'count' | 'stats';

/** Answers other coordinators from this node's copies. */
export function shardHandlers(
  local: ShardAccess,
  standstill: { readonly recent: boolean },
): Pick<PeerHandlers, ShardRequests> {
  return {
    async write({ shard, writes }, timeoutMs) {
      // Its coordinator may have given it up long ago; one that still waits sends it again.
      if (standstill.recent) {
        throw new AnnulusError('ANN_NOT_READY', `shard ${shard.name}: its node stood still; the write was not done`);
      }
      const { seqNo, results } = await local.write(shard, writes.map(codec.decodeWrite), timeoutMs);
      return { seqNo, results: codec.encodeWriteResults(results) };
    },
    async search(message, timeoutMs) {
      return codec.encodeHits(await local.search(message.shard, codec.decodeSearch(message), timeoutMs));
    },
    async retrieve({ shard, ids, fields }, timeoutMs) {
      const points = await local.retrieve(shard, unpackIds(ids), codec.decodeFields(fields), timeoutMs);
      return { points: codec.encodePoints(points) };
    },
    async scroll(message, timeoutMs) {
      const { points, more } = await local.scroll(message.shard, codec.decodeScroll(message), timeoutMs);
      return { points: codec.encodePoints(points), more };
    },
    async count({ shard, filter }, timeoutMs) {
      return { count: await local.count(shard, filter || null, timeoutMs) };
    },
    async stats({ shard }, timeoutMs) {
      return local.stats(shard, timeoutMs);
    },
  };
}
