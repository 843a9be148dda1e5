import { crc32 } from 'node:zlib';
import { AnnulusError } from '#model/errors.ts';
import type { PointId } from '#model/point-id.ts';
import { ByteReader, ByteWriter } from './bytes.ts';
import { LOG_ENTRY_MAX_BYTES } from './limits.ts';
import type { LogEntry, LogOperation, PointInput } from './operations.ts';

/**
 * Log entries as bytes: frames one after the other, each
 *   u32 bytes of the body · u32 CRC32 of the body · body = u8 version · u8 operation · u64 seqNo · u64 term · operation
 * Frames are stored, sent and applied as they are.
 */
const VERSION = 1;
const HEADER_BYTES = 8;
/** A frame may be somewhat over the limit that upserts are cut at (one point's overhead), never more. */
const FRAME_MAX_BYTES = LOG_ENTRY_MAX_BYTES * 2;

const TYPES = [
  'upsert',
  'delete',
  'setPayload',
  'overwritePayload',
  'deletePayload',
  'clearPayload',
  'updateVectors',
  'deleteVectors',
] as const satisfies LogOperation['type'][];

/** An entry with the bytes that it came in. */
export interface Frame extends LogEntry {
  bytes: Uint8Array;
}

/** Appends the entry's frame to `out`; returns where the frame begins. */
export function writeFrame(out: ByteWriter, entry: LogEntry): number {
  const start = out.length;
  out.u32(0);
  out.u32(0);
  out.u8(VERSION);
  out.u8(TYPES.indexOf(entry.operation.type));
  out.u53(entry.seqNo);
  out.u53(entry.term);
  writeOperation(out, entry.operation);
  const body = out.view(start + HEADER_BYTES, out.length);
  const sum = crc32(body);
  out.u32At(start, body.length);
  out.u32At(start + 4, sum);
  return start;
}

export function encodeEntries(entries: LogEntry[]): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter();
  for (const entry of entries) writeFrame(out, entry);
  return out.finish();
}

/** All frames of a buffer. Throws ANN_BAD_REQUEST when a length, checksum or version is wrong. */
export function decodeEntries(bytes: Uint8Array): Frame[] {
  const frames: Frame[] = [];
  let at = 0;
  while (at < bytes.length) {
    const frame = decodeFrame(bytes, at);
    frames.push(frame);
    at += frame.bytes.length;
  }
  return frames;
}

/** Whether the bytes are one frame as it was written. */
export function isFrame(bytes: Uint8Array): boolean {
  if (bytes.length < HEADER_BYTES) return false;
  const head = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  const body = bytes.subarray(HEADER_BYTES);
  return head.getUint32(0, true) === body.length && head.getUint32(4, true) === crc32(body);
}

function decodeFrame(bytes: Uint8Array, at: number): Frame {
  const where = `log entry at byte ${at}`;
  if (bytes.length - at < HEADER_BYTES) throw broken(`${where} is cut off`);
  const head = new DataView(bytes.buffer, bytes.byteOffset + at, HEADER_BYTES);
  const length = head.getUint32(0, true);
  if (length > FRAME_MAX_BYTES || length > bytes.length - at - HEADER_BYTES) throw broken(`${where} is cut off`);
  const body = bytes.subarray(at + HEADER_BYTES, at + HEADER_BYTES + length);
  if (crc32(body) !== head.getUint32(4, true)) throw broken(`${where} has a wrong checksum`);
  try {
    const input = new ByteReader(body);
    const version = input.u8();
    if (version !== VERSION) throw broken(`${where} has version ${version}, this node reads version ${VERSION}`);
    const type = TYPES[input.u8()];
    if (type === undefined) throw broken(`${where} has an unknown operation`);
    const seqNo = input.u53();
    const term = input.u53();
    const operation = readOperation(input, type);
    if (input.left > 0) throw broken(`${where} has ${input.left} bytes too many`);
    return { seqNo, term, operation, bytes: bytes.subarray(at, at + HEADER_BYTES + length) };
  } catch (error) {
    if (error instanceof AnnulusError) throw error;
    throw broken(`${where} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function broken(message: string): AnnulusError {
  return new AnnulusError('ANN_BAD_REQUEST', `${message}; ask its sender again`);
}

function writeOperation(out: ByteWriter, operation: LogOperation): void {
  switch (operation.type) {
    case 'upsert':
      out.u32(operation.points.length);
      for (const point of operation.points) writePoint(out, point);
      return;
    case 'updateVectors':
      out.u32(operation.points.length);
      for (const point of operation.points) {
        out.id(point.id);
        out.floats(point.vector);
      }
      return;
    case 'setPayload':
      writeIds(out, operation.ids);
      out.text(operation.payload);
      out.text(operation.key ?? null);
      return;
    case 'overwritePayload':
      writeIds(out, operation.ids);
      out.text(operation.payload);
      return;
    case 'deletePayload':
      writeIds(out, operation.ids);
      out.u32(operation.keys.length);
      for (const key of operation.keys) out.text(key);
      return;
    case 'delete':
    case 'clearPayload':
    case 'deleteVectors':
      writeIds(out, operation.ids);
  }
}

function readOperation(input: ByteReader, type: LogOperation['type']): LogOperation {
  switch (type) {
    case 'upsert':
      return { type, points: list(input, () => readPoint(input)) };
    case 'updateVectors':
      return { type, points: list(input, () => ({ id: input.id(), vector: must(input.floats()) })) };
    case 'setPayload': {
      const ids = readIds(input);
      const payload = must(input.text());
      const key = input.text();
      return key === null ? { type, ids, payload } : { type, ids, payload, key };
    }
    case 'overwritePayload':
      return { type, ids: readIds(input), payload: must(input.text()) };
    case 'deletePayload':
      return { type, ids: readIds(input), keys: list(input, () => must(input.text())) };
    case 'delete':
    case 'clearPayload':
    case 'deleteVectors':
      return { type, ids: readIds(input) };
  }
}

/** A point: id, vector, payload. Also the row format of exports. */
export function writePoint(out: ByteWriter, point: PointInput): void {
  out.id(point.id);
  out.floats(point.vector);
  out.text(point.payload);
}

export function readPoint(input: ByteReader): PointInput {
  return { id: input.id(), vector: input.floats(), payload: input.text() };
}

function writeIds(out: ByteWriter, ids: PointId[]): void {
  out.u32(ids.length);
  for (const id of ids) out.id(id);
}

function readIds(input: ByteReader): PointId[] {
  return list(input, () => input.id());
}

function list<T>(input: ByteReader, read: () => T): T[] {
  const count = input.u32();
  // Every item takes at least 4 bytes, so a count that lies is caught before anything is allocated for it.
  if (count * 4 > input.left) throw new RangeError(`${count} items in ${input.left} bytes`);
  const items: T[] = [];
  for (let i = 0; i < count; i++) items.push(read());
  return items;
}

function must<T>(value: T | null): T {
  if (value === null) throw new RangeError('a value is missing');
  return value;
}
