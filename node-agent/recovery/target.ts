import type { LocalCopies } from '../copies/local-copies.ts';
import type { PeerHandlers } from '../rpc/messages.ts';
import type { ShardHost } from '../shard/shard-host.ts';
import { decodeFrom, decodeKey, decodeOffer, encodeHalf } from './messages.ts';

type ImportRequests = 'importBegin' | 'importBatch' | 'importGraph' | 'importFinish';

/**
 * The side of the copy that is filled. What it has, and how far that is, is on disk; batches of another session than the last begun are refused. Calls
 * to the shard host are made before the first await: batches are taken in the order in which they came.
 */
export function recoveryHandlers(
  copies: LocalCopies,
  host: ShardHost,
  onProgress: () => void,
): Pick<PeerHandlers, ImportRequests> {
  return {
    async importBegin({ copy: ref, session, from, labels }) {
      const copy = copies.beginStream(ref);
      copies.refuseIfInSync(copy);
      if (!from) {
        const half = await host.resumeImport(copy.shard, session, labels === '' ? undefined : labels);
        if (half) copy.importing = { points: half.points, total: half.total };
        onProgress();
        return half ? { half: encodeHalf(half) } : {};
      }
      copy.importing = { points: 0, total: from.totalPoints };
      await host.beginImport(copy.shard, session, decodeFrom(from));
      onProgress();
      return {};
    },
    async importBatch({ copy: ref, session, batch, seqNo, entryTerm, ...keys }) {
      const copy = copies.inStream(ref);
      const [afterKey, lastKey] = [decodeKey(keys.afterKey), decodeKey(keys.lastKey)];
      const part = { batch, afterKey, lastKey, seqNo, term: entryTerm };
      const { points } = await host.importBatch(copy.shard, session, part);
      if (copy.importing) copy.importing.points += points;
      return {};
    },
    async importGraph({ copy: ref, session, offer, ...part }) {
      const copy = copies.inStream(ref);
      return { refused: await host.importGraph(copy.shard, session, { ...part, offer: decodeOffer(offer) }) };
    },
    async importFinish({ copy: ref, session, seqNo, entryTerm }) {
      const copy = copies.inStream(ref);
      await host.finishImport(copy.shard, session, { seqNo, term: entryTerm });
      onProgress();
      return {};
    },
  };
}
