import type { PackedPoints, PackedWrite } from './messages.ts';
import type { PointInput, Write } from './operations.ts';

/** Makes writes cheap to send to a thread; `transfer` gets the buffers that may be handed over. */
export function packWrites(writes: Write[], transfer: ArrayBuffer[]): PackedWrite[] {
  return writes.map((write) => {
    switch (write.type) {
      case 'upsert':
        return { type: write.type, points: packPoints(write.points, transfer) };
      case 'updateVectors':
        return {
          type: write.type,
          points: packPoints(
            write.points.map((point) => ({ ...point, payload: null })),
            transfer,
          ),
        };
      default:
        return write;
    }
  });
}

function packPoints(points: PointInput[], transfer: ArrayBuffer[]): PackedPoints {
  const lengths = new Int32Array(points.length);
  let total = 0;
  points.forEach((point, i) => {
    lengths[i] = point.vector?.length ?? -1;
    total += point.vector?.length ?? 0;
  });
  const vectors = new Float32Array(total);
  let at = 0;
  for (const { vector } of points) {
    if (vector === null) continue;
    vectors.set(vector, at);
    at += vector.length;
  }
  transfer.push(vectors.buffer);
  return { ids: points.map((point) => point.id), payloads: points.map((point) => point.payload), lengths, vectors };
}

/** The other side: vectors are views of the one buffer. */
export function unpackPoints(packed: PackedPoints): PointInput[] {
  let at = 0;
  return packed.ids.map((id, i) => {
    const length = packed.lengths[i]!;
    const vector = length < 0 ? null : packed.vectors.subarray(at, at + length);
    at += Math.max(0, length);
    return { id, vector, payload: packed.payloads[i]! };
  });
}

export function unpackWrite(write: PackedWrite): Write {
  switch (write.type) {
    case 'upsert':
      return { type: 'upsert', points: unpackPoints(write.points) };
    case 'updateVectors':
      return {
        type: 'updateVectors',
        points: unpackPoints(write.points).map(({ id, vector }) => ({ id, vector: vector ?? new Float32Array(0) })),
      };
    default:
      return write;
  }
}

/** A view of exactly its own buffer: structured clone copies the whole buffer behind a view. */
export function ownBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = bytes.byteLength === bytes.buffer.byteLength && bytes.buffer instanceof ArrayBuffer;
  return whole ? (bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(bytes);
}

export function ownFloats(floats: Float32Array): Float32Array<ArrayBuffer> {
  const whole = floats.byteLength === floats.buffer.byteLength && floats.buffer instanceof ArrayBuffer;
  return whole ? (floats as Float32Array<ArrayBuffer>) : new Float32Array(floats);
}
