import { AnnulusError } from '#model/errors.ts';
import type { LocalCopies } from '../copies/local-copies.ts';
import type { Replicator } from '../replication/replicator.ts';
import type { PeerHandlers, RangeSourceMessage } from '../rpc/messages.ts';
import { decodeEntries } from '../shard/log-codec.ts';
import type { ShardHost } from '../shard/shard-host.ts';
import { HOLD_MS } from './limits.ts';

export type RangeRequests = 'rangeRead' | 'rangeLog' | 'rangeDigest';

const NONE = new Uint8Array(0);

export interface RangeSourceDeps {
  copies: LocalCopies;
  host: ShardHost;
  /** Resolves when so many bytes may be sent. */
  pace(bytes: number): Promise<void>;
}

/** The side of the old shard: its primary lets the new shards' primaries read slots of it, sealed or not. */
export function rangeHandlers({ copies, host, pace }: RangeSourceDeps): Pick<PeerHandlers, RangeRequests> {
  const primary = ({ shard, term, reader, needFrom }: RangeSourceMessage): Replicator => {
    const replicator = copies.primary(shard);
    if (replicator.term !== term) {
      const message = `shard ${shard.name} has a primary of term ${replicator.term}, not ${term}`;
      throw new AnnulusError('ANN_STALE_TERM', message);
    }
    replicator.hold(reader, needFrom === 0 ? replicator.machine.checkpoint + 1 : needFrom, HOLD_MS);
    return replicator;
  };
  return {
    async rangeRead({ source, after, limit }) {
      primary(source);
      const { name } = source.shard;
      const [{ batch, lastKey, done, seqNo }, { points }] = await Promise.all([
        host.readRange(name, slotsOf(source), after.byteLength === 0 ? null : after, limit),
        host.stats(name),
      ]);
      await pace(batch.byteLength);
      return { batch, lastKey: lastKey ?? NONE, done, seqNo, points };
    },
    async rangeLog({ source, from, upTo, maxBytes }) {
      const { checkpoint } = primary(source).machine;
      const last = upTo === 0 ? checkpoint : Math.min(upTo, checkpoint);
      const none = { entries: NONE, nextSeqNo: from, checkpoint, missing: false };
      if (from > last) return none;
      const read = await host.readLog(source.shard.name, from, maxBytes);
      if (read === null) return { ...none, missing: true };
      const entries = read.nextSeqNo - 1 <= last ? read.entries : through(read.entries, last);
      await pace(entries.byteLength);
      return { ...none, entries, nextSeqNo: Math.min(read.nextSeqNo, last + 1) };
    },
    async rangeDigest({ source }) {
      primary(source);
      return host.digest(source.shard.name, slotsOf(source));
    },
  };
}

function slotsOf({ fromSlot, toSlot }: RangeSourceMessage): { from: number; to: number } {
  return { from: fromSlot, to: toSlot };
}

/** The entries up to a seqNo. */
function through(entries: Uint8Array, seqNo: number): Uint8Array {
  let bytes = 0;
  for (const frame of decodeEntries(entries)) {
    if (frame.seqNo > seqNo) break;
    bytes += frame.bytes.byteLength;
  }
  return entries.subarray(0, bytes);
}
