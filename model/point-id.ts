/** A point's id: an unsigned 64-bit integer (bigint beyond 2^53 - 1) or a UUID in canonical lower-case form. */
export type PointId = number | bigint | string;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const UUID_LOOSE =
  /^(?:urn:uuid:)?\{?([0-9a-fA-F]{8})-?([0-9a-fA-F]{4})-?([0-9a-fA-F]{4})-?([0-9a-fA-F]{4})-?([0-9a-fA-F]{12})\}?$/;
const MAX_U64 = 18_446_744_073_709_551_615n;

/** Parses an id from JSON or text; null when it is neither an unsigned 64-bit integer nor a UUID. */
export function parsePointId(value: unknown): PointId | null {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value : null;
  if (typeof value === 'bigint') {
    if (value < 0n || value > MAX_U64) return null;
    return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
  }
  if (typeof value !== 'string') return null;
  if (UUID.test(value)) return value;
  const parts = UUID_LOOSE.exec(value);
  return parts ? parts.slice(1).join('-').toLowerCase() : null;
}

/** Canonical text: decimal digits, or the UUID. */
export function pointIdText(id: PointId): string {
  return typeof id === 'string' ? id : id.toString();
}

/** Parses canonical text; throws on anything else. */
export function pointIdFromText(text: string): PointId {
  const id = parsePointId(/^\d{1,20}$/.test(text) ? BigInt(text) : text);
  if (id === null) throw new Error(`not a point id: ${text}`);
  return id;
}

/** Sort key: integers before UUIDs, each in its own order under memcmp. 9 bytes (tag 1) or 17 bytes (tag 2). */
export function pointIdKey(id: PointId): Uint8Array {
  if (typeof id === 'string') {
    const key = Buffer.alloc(17, 2);
    key.write(id.replaceAll('-', ''), 1, 'hex');
    return key;
  }
  const key = Buffer.alloc(9, 1);
  key.writeBigUInt64BE(BigInt(id), 1);
  return key;
}

/** Inverse of pointIdKey. */
export function pointIdFromKey(key: Uint8Array): PointId {
  const bytes = Buffer.from(key.buffer, key.byteOffset, key.byteLength);
  if (bytes[0] === 1 && bytes.length === 9) {
    const high = bytes.readUInt32BE(1);
    return high < 0x200000 ? high * 4294967296 + bytes.readUInt32BE(5) : bytes.readBigUInt64BE(1);
  }
  if (bytes[0] !== 2 || bytes.length !== 17) throw new Error(`not a point id key: ${bytes.toString('hex')}`);
  const hex = bytes.toString('hex', 1);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Order of ids: integers ascending, then UUIDs ascending. */
export function comparePointIds(a: PointId, b: PointId): number {
  if (typeof a === 'string') return typeof b === 'string' ? (a < b ? -1 : a > b ? 1 : 0) : 1;
  if (typeof b === 'string') return -1;
  return a < b ? -1 : a > b ? 1 : 0;
}
