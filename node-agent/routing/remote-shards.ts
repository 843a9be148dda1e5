import { AnnulusError, errorFromWire, errorToWire } from '#model/errors.ts';
import { packIds } from '../rpc/columns.ts';
import type { Peers } from '../rpc/peers.ts';
import * as codec from '../rpc/shard-codec.ts';
import type { ShardAccess } from './shard-access.ts';

/** The copies on another node, over its stream. */
export function remoteShards(peers: Peers, node: string): ShardAccess {
  return {
    async write(shard, writes, timeoutMs) {
      const body = { shard, writes: writes.map(codec.encodeWrite) };
      const { seqNo, results } = await peers.get(node).call('write', body, timeoutMs);
      return {
        seqNo,
        results: results.map(({ points, error }) =>
          error ? { ok: false, error: errorToWire(errorFromWire(error)) } : { ok: true, points },
        ),
      };
    },
    async search(shard, search, timeoutMs) {
      return codec.decodeHits(await peers.get(node).call('search', codec.encodeSearch(shard, search), timeoutMs));
    },
    async retrieve(shard, ids, fields, timeoutMs) {
      const body = { shard, ids: packIds(ids), fields: codec.encodeFields(fields) };
      return codec.decodePoints((await peers.get(node).call('retrieve', body, timeoutMs)).points);
    },
    async scroll(shard, scroll, timeoutMs) {
      const page = await peers.get(node).call('scroll', codec.encodeScroll(shard, scroll), timeoutMs);
      return { points: codec.decodePoints(page.points), more: page.more };
    },
    async count(shard, filter, timeoutMs) {
      return (await peers.get(node).call('count', { shard, filter: filter ?? '' }, timeoutMs)).count;
    },
    async stats(shard, timeoutMs) {
      return peers.get(node).call('stats', { shard }, timeoutMs);
    },
  };
}

/** The error with its node, so that a person knows where to look. */
export function onNode(node: string, error: unknown): AnnulusError {
  const { code, message } = errorToWire(error);
  return new AnnulusError(code, message.includes(node) ? message : `${message} (node ${node})`);
}
