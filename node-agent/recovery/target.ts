import { AnnulusError } from '#model/errors.ts';
import type { LocalCopies, LocalCopy } from '../copies/local-copies.ts';
import type { PeerHandlers } from '../rpc/messages.ts';
import type { ShardHost } from '../shard/shard-host.ts';

type ImportRequests = 'importBegin' | 'importBatch' | 'importFinish';

/** The side of the copy that is filled. A session begins with an empty copy; a batch of another session is refused. */
export function recoveryHandlers(
  copies: LocalCopies,
  host: ShardHost,
  onProgress: () => void,
): Pick<PeerHandlers, ImportRequests> {
  const inSession = (copy: LocalCopy, session: string): NonNullable<LocalCopy['importing']> => {
    if (copy.importing?.session === session) return copy.importing;
    throw new AnnulusError('ANN_CONFLICT', `shard ${copy.shard}: import session ${session} is over, begin a new one`);
  };
  return {
    async importBegin({ copy: ref, session, totalPoints }) {
      const copy = copies.beginStream(ref);
      copies.refuseIfInSync(copy);
      copy.importing = { session, points: 0, total: totalPoints };
      await host.beginImport(copy.shard);
      onProgress();
      return {};
    },
    async importBatch({ copy: ref, session, batch }) {
      const copy = copies.inStream(ref);
      const importing = inSession(copy, session);
      const { points } = await host.importBatch(copy.shard, batch);
      importing.points += points;
      return {};
    },
    async importFinish({ copy: ref, session, seqNo, entryTerm, points, digest }) {
      const copy = copies.inStream(ref);
      inSession(copy, session);
      await host.finishImport(copy.shard, { seqNo, term: entryTerm, points, digest });
      copy.importing = null;
      onProgress();
      return {};
    },
  };
}
