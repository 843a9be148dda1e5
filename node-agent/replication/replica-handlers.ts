import { errorToWire } from '#model/errors.ts';
import type { LocalCopies, LocalCopy } from '../copies/local-copies.ts';
import type { PeerHandlers } from '../rpc/messages.ts';
import type { ShardHost } from '../shard/shard-host.ts';

type ReplicaRequests = 'replicate' | 'locate' | 'verify' | 'confirm' | 'audit';

/** The replica's side. Calls to the shard host are made before the first await: entries are applied in the order in which they came. */
export function replicaHandlers(copies: LocalCopies, host: ShardHost): Pick<PeerHandlers, ReplicaRequests> {
  const trimmed = new Map<string, number>();
  const trim = (copy: LocalCopy, below: number): void => {
    if (below <= (trimmed.get(copy.allocationId) ?? 0)) return;
    trimmed.set(copy.allocationId, below);
    // Only space is at stake, and the next message says it again.
    host.trimLog(copy.shard, below).catch(() => trimmed.delete(copy.allocationId));
  };
  return {
    async replicate({ copy: ref, entries, checkpoint, trimBelow }) {
      const copy = copies.inStream(ref);
      const applied = host.apply(copy.shard, ref.term, entries);
      copy.checkpoint = Math.max(copy.checkpoint, checkpoint);
      trim(copy, trimBelow);
      return applied;
    },
    async locate({ copy: ref }) {
      const copy = copies.beginStream(ref);
      const [stats, whole] = await Promise.all([host.stats(copy.shard), isWhole(host, copy.shard)]);
      const { seqNo, logFromSeqNo } = stats;
      const hasLastEntry = logFromSeqNo <= seqNo;
      const term = hasLastEntry ? ((await host.logTerm(copy.shard, seqNo)) ?? 0) : 0;
      return { seqNo, term, whole, hasLastEntry };
    },
    async verify({ copy: ref, ...expected }) {
      const copy = copies.inStream(ref);
      const own = await host.digest(copy.shard);
      const equal = own.seqNo === expected.seqNo && own.points === expected.points && own.digest === expected.digest;
      return { equal, ...own };
    },
    async audit({ copy: ref, buckets }) {
      return host.digestBuckets(copies.inStream(ref).shard, buckets);
    },
    async confirm({ copy: ref }) {
      // Refused when a newer term is known here.
      copies.fromPrimary(ref);
      return {};
    },
  };
}

/** False for a copy whose import has not finished: it answers no reads. */
async function isWhole(host: ShardHost, shard: string): Promise<boolean> {
  try {
    await host.count(shard, null);
    return true;
  } catch (error) {
    if (errorToWire(error).code === 'ANN_NOT_READY') return false;
    throw error;
  }
}
