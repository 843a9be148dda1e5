import type { ImportFromMessage, ImportHalfMessage } from '../rpc/messages.ts';
import { AnnulusError } from '#model/errors.ts';
import type { GraphOffer, ImportFrom, ImportState } from '../shard/shard-host.ts';

// On the wire an empty key stands for none: keys of points have 9 or 17 bytes.

export function encodeKey(key: Uint8Array | null): Uint8Array {
  return key ?? new Uint8Array(0);
}

export function decodeKey(key: Uint8Array): Uint8Array | null {
  return key.length === 0 ? null : key;
}

export function encodeFrom({ seqNo, term, total, labels = '' }: ImportFrom): ImportFromMessage {
  return { seqNo, entryTerm: term, totalPoints: total, labels };
}

export function decodeFrom({ seqNo, entryTerm, totalPoints, labels }: ImportFromMessage): ImportFrom {
  return { seqNo, term: entryTerm, total: totalPoints, ...(labels !== '' && { labels }) };
}

export function encodeHalf(half: ImportState): ImportHalfMessage {
  const { sourceSeqNo, sourceTerm, points, complete } = half;
  return { from: encodeFrom(half), sourceSeqNo, sourceTerm, lastKey: encodeKey(half.lastKey), points, complete };
}

export function decodeHalf({ from, ...half }: ImportHalfMessage): ImportState {
  return { ...half, ...decodeFrom(from), lastKey: decodeKey(half.lastKey) };
}

export function decodeOffer(json: string): GraphOffer {
  const value = parse(json);
  if (isOffer(value)) return value;
  throw new AnnulusError('ANN_BAD_REQUEST', 'the offer of a graph is not one');
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return null;
  }
}

function isOffer(value: unknown): value is GraphOffer {
  if (typeof value !== 'object' || value === null) return false;
  const offer = value as Record<string, unknown>;
  const numbers = ['version', 'bytes', 'crc32', 'points', 'nextLabel', 'seqNo', 'term'];
  return (
    numbers.every((name) => Number.isSafeInteger(offer[name]) && Number(offer[name]) >= 0) &&
    typeof offer['file'] === 'string' &&
    typeof offer['shape'] === 'object'
  );
}
