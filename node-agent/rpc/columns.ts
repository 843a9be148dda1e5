import { pointIdFromKey, pointIdKey, type PointId } from '#model/point-id.ts';

const INTEGER_KEY_BYTES = 9;
const UUID_KEY_BYTES = 17;

/** Sort keys end to end: each tells its own length by its first byte. */
export function packIds(ids: readonly PointId[]): Uint8Array {
  const keys = ids.map(pointIdKey);
  return keys.length === 1 ? keys[0]! : Buffer.concat(keys);
}

/** Inverse of packIds; throws on bytes that are no keys. */
export function unpackIds(bytes: Uint8Array): PointId[] {
  const ids: PointId[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = bytes[at] === 1 ? INTEGER_KEY_BYTES : UUID_KEY_BYTES;
    ids.push(pointIdFromKey(bytes.subarray(at, at + length)));
    at += length;
  }
  return ids;
}

/** The bytes of a float array, not copied. Little-endian, as every machine that Node runs on. */
export function floatBytes(floats: Float32Array): Uint8Array {
  return new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength);
}

/** Floats of bytes; copied only when the bytes lie unaligned. */
export function bytesFloats(bytes: Uint8Array): Float32Array {
  if (bytes.byteLength % 4 !== 0) throw new RangeError(`${bytes.byteLength} bytes are no float32 values`);
  if (bytes.byteOffset % 4 === 0) return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  return new Float32Array(new Uint8Array(bytes).buffer);
}

export function bytesUint32(bytes: Uint8Array): Uint32Array {
  return new Uint32Array(new Uint8Array(bytes).buffer);
}

/** Vectors as rows; a missing one is a row that starts with NaN; no rows when all are missing. */
export function packVectors(vectors: readonly (Float32Array | null)[]): Uint8Array {
  const width = vectors.find((vector) => vector !== null)?.length ?? 0;
  if (width === 0) return new Uint8Array(0);
  const rows = new Float32Array(vectors.length * width);
  vectors.forEach((vector, row) => {
    if (vector === null) rows[row * width] = Number.NaN;
    else if (vector.length !== width) throw new RangeError('vectors of one message differ in length');
    else rows.set(vector, row * width);
  });
  return floatBytes(rows);
}

/** Inverse of packVectors. */
export function unpackVectors(bytes: Uint8Array, count: number): (Float32Array | null)[] {
  if (bytes.byteLength === 0 || count === 0) return new Array<null>(count).fill(null);
  const rows = bytesFloats(bytes);
  const width = rows.length / count;
  if (!Number.isInteger(width)) throw new RangeError(`${rows.length} numbers do not fill ${count} vectors`);
  return Array.from({ length: count }, (_, row) =>
    Number.isNaN(rows[row * width]) ? null : rows.subarray(row * width, (row + 1) * width),
  );
}
