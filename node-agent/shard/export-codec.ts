import { crc32 } from 'node:zlib';
import { pointIdFromKey } from '#model/point-id.ts';
import { AnnulusError } from '#model/errors.ts';
import { ByteReader, ByteWriter } from './bytes.ts';
import { readPoint, writePoint } from './log-codec.ts';
import type { PointInput } from './operations.ts';
import type { ExportRow } from './rows.ts';

/** Export batch: u32 CRC32 of the rest · u8 version · u32 points · points, each with the seqNo that changed it last and its label before it. */
const VERSION = 2;
/** Smallest point: seqNo, label, id, and the lengths of vector and payload. */
const POINT_MIN_BYTES = 29;
const CRC_BYTES = 4;

export function encodeBatch(rows: ExportRow[]): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter();
  out.u32(0);
  out.u8(VERSION);
  out.u32(rows.length);
  for (const { key, seq, label, vector, payload } of rows) {
    out.u53(seq);
    out.u32(label);
    writePoint(out, { id: pointIdFromKey(key), vector, payload });
  }
  out.u32At(0, crc32(out.view(CRC_BYTES, out.length)));
  return out.finish();
}

/** A point of a batch; `seq`: log entry that changed it last, `label`: its vector's, both at the copy that it was read from. */
export interface BatchPoint extends PointInput {
  seq: number;
  label: number;
}

/** Throws ANN_BAD_REQUEST when the batch is not what was sent. */
export function decodeBatch(bytes: Uint8Array): BatchPoint[] {
  const problem = 'an export batch is damaged; ask for it again';
  const rest = bytes.subarray(CRC_BYTES);
  if (bytes.length < CRC_BYTES || crc32(rest) !== new ByteReader(bytes).u32())
    throw new AnnulusError('ANN_BAD_REQUEST', problem);
  try {
    const input = new ByteReader(rest);
    const version = input.u8();
    if (version !== VERSION)
      throw new AnnulusError('ANN_BAD_REQUEST', `an export batch has version ${version}, this node reads ${VERSION}`);
    const points: BatchPoint[] = [];
    const count = input.u32();
    // A count that lies is caught before anything is allocated for it.
    if (count * POINT_MIN_BYTES > input.left) throw new RangeError(`${count} points in ${input.left} bytes`);
    for (let i = 0; i < count; i++) points.push({ seq: input.u53(), label: input.u32(), ...readPoint(input) });
    if (input.left > 0) throw new RangeError('bytes are left over');
    return points;
  } catch (error) {
    if (error instanceof AnnulusError) throw error;
    throw new AnnulusError('ANN_BAD_REQUEST', problem, { cause: error });
  }
}
