import type { ImportFromMessage, ImportHalfMessage } from '../rpc/messages.ts';
import type { ImportFrom, ImportState } from '../shard/shard-host.ts';

// On the wire an empty key stands for none: keys of points have 9 or 17 bytes.

export function encodeKey(key: Uint8Array | null): Uint8Array {
  return key ?? new Uint8Array(0);
}

export function decodeKey(key: Uint8Array): Uint8Array | null {
  return key.length === 0 ? null : key;
}

export function encodeFrom({ seqNo, term, total }: ImportFrom): ImportFromMessage {
  return { seqNo, entryTerm: term, totalPoints: total };
}

export function decodeFrom({ seqNo, entryTerm, totalPoints }: ImportFromMessage): ImportFrom {
  return { seqNo, term: entryTerm, total: totalPoints };
}

export function encodeHalf(half: ImportState): ImportHalfMessage {
  const { sourceSeqNo, sourceTerm, points, complete } = half;
  return { from: encodeFrom(half), sourceSeqNo, sourceTerm, lastKey: encodeKey(half.lastKey), points, complete };
}

export function decodeHalf({ from, ...half }: ImportHalfMessage): ImportState {
  return { ...half, ...decodeFrom(from), lastKey: decodeKey(half.lastKey) };
}
