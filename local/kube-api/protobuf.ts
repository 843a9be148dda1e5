import { readFileSync } from 'node:fs';
import type { Json, JsonObject } from './json.ts';
import { badRequest } from './status-errors.ts';

/**
 * Reads objects of built-in kinds in Kubernetes' protobuf encoding into JSON. Answers are always JSON, which every
 * client accepts too, so there is no writer.
 */

type Message = Record<string, [string, string]>;
const MESSAGES = (
  JSON.parse(readFileSync(new URL('./builtin/proto-fields.json', import.meta.url), 'utf8')) as {
    messages: Record<string, Message>;
  }
).messages;

export const PROTOBUF_TYPE = 'application/vnd.kubernetes.protobuf';
const MAGIC = Buffer.from([0x6b, 0x38, 0x73, 0x00]);
const META = 'k8s.io.apimachinery.pkg.apis.meta.v1';
/** Nesting beyond any real object. */
const MAX_DEPTH = 100;

const malformed = (why: string): Error => badRequest(`error decoding protobuf body: ${why}`);

class Reader {
  private readonly bytes: Buffer;
  private at = 0;
  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  get done(): boolean {
    return this.at >= this.bytes.length;
  }

  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.bytes[this.at];
      if (byte === undefined) break;
      this.at += 1;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, value);
    }
    throw malformed('a number is cut off');
  }

  chunk(): Buffer {
    const length = Number(this.varint());
    const end = this.at + length;
    if (length < 0 || end > this.bytes.length) throw malformed('a field is cut off');
    const chunk = this.bytes.subarray(this.at, end);
    this.at = end;
    return chunk;
  }

  fixed(size: 4 | 8): number {
    const start = this.at;
    this.at += size;
    if (this.at > this.bytes.length) throw malformed('a number is cut off');
    return size === 8 ? this.bytes.readDoubleLE(start) : this.bytes.readFloatLE(start);
  }
}

type Raw = bigint | number | Buffer;

function rawValue(reader: Reader, wireType: number): Raw {
  switch (wireType) {
    case 0:
      return reader.varint();
    case 1:
      return reader.fixed(8);
    case 2:
      return reader.chunk();
    case 5:
      return reader.fixed(4);
    default:
      throw malformed(`unknown wire type ${wireType}`);
  }
}

/** Number and raw value of each field, in order. */
function* fields(bytes: Buffer): Generator<[number, Raw]> {
  const reader = new Reader(bytes);
  while (!reader.done) {
    const tag = Number(reader.varint());
    yield [tag >> 3, rawValue(reader, tag & 7)];
  }
}

function numbers(bytes: Buffer): Map<number, Raw> {
  return new Map(fields(bytes));
}

function timestamp(bytes: Buffer, withMicros: boolean): Json {
  const parts = numbers(bytes);
  if (parts.size === 0) return null;
  const nanos = Number(parts.get(2) ?? 0n);
  const seconds = new Date(Number(parts.get(1) ?? 0n) * 1000).toISOString().slice(0, 19);
  return withMicros ? `${seconds}.${String(Math.floor(nanos / 1000)).padStart(6, '0')}Z` : `${seconds}Z`;
}

const text = (raw: Raw | undefined): string => (Buffer.isBuffer(raw) ? raw.toString('utf8') : '');

/** Types whose JSON is not an object of their fields. */
const SPECIAL: Readonly<Record<string, (bytes: Buffer) => Json>> = {
  [`${META}.Time`]: (bytes) => timestamp(bytes, false),
  [`${META}.MicroTime`]: (bytes) => timestamp(bytes, true),
  [`${META}.FieldsV1`]: (bytes) => JSON.parse(text(numbers(bytes).get(1)) || '{}') as Json,
  'k8s.io.apimachinery.pkg.runtime.RawExtension': (bytes) => JSON.parse(text(numbers(bytes).get(1)) || 'null') as Json,
  'k8s.io.apimachinery.pkg.api.resource.Quantity': (bytes) => text(numbers(bytes).get(1)),
  'k8s.io.apimachinery.pkg.util.intstr.IntOrString': (bytes) => {
    const parts = numbers(bytes);
    return Number(parts.get(1) ?? 0n) === 0 ? Number(parts.get(2) ?? 0n) : text(parts.get(3));
  },
};

function scalar(type: string, raw: Raw): Json {
  if (type === 'string') return text(raw);
  if (type === 'bytes') return Buffer.isBuffer(raw) ? raw.toString('base64') : '';
  if (type === 'bool') return raw !== 0n;
  return Number(raw);
}

function decodeValue(type: string, raw: Raw, depth: number): Json {
  if (!Buffer.isBuffer(raw) || type === 'string' || type === 'bytes') return scalar(type, raw);
  return SPECIAL[type]?.(raw) ?? (SPECIAL[type] === undefined ? decodeMessage(type, raw, depth + 1) : null);
}

/** Wire zeros of members that Go writes always; counts that a user sets to zero keep it. */
const isUnset = (name: string, value: Json): boolean =>
  value === null || value === '' || value === false || (value === 0 && name !== 'replicas');

function decodeMessage(type: string, bytes: Buffer, depth: number): JsonObject {
  const message = MESSAGES[type];
  if (message === undefined || depth > MAX_DEPTH) throw malformed(`no type ${type}`);
  const out: JsonObject = {};
  for (const [number, raw] of fields(bytes)) {
    const [name, kind] = message[String(number)] ?? [];
    if (name === undefined || kind === undefined) continue;
    if (kind.startsWith('{') && Buffer.isBuffer(raw)) {
      const entry = numbers(raw);
      const map = (out[name] ??= {}) as JsonObject;
      map[text(entry.get(1))] = decodeValue(kind.slice(1), entry.get(2) ?? Buffer.alloc(0), depth);
    } else if (kind.startsWith('*')) {
      const list = (out[name] ??= []) as Json[];
      list.push(decodeValue(kind.slice(1), raw, depth));
    } else {
      const value = decodeValue(kind, raw, depth);
      if (!isUnset(name, value)) out[name] = value;
    }
  }
  return out;
}

const typeOf = (apiVersion: string, kind: string): string => {
  const [first = '', second] = apiVersion.split('/');
  if (kind === 'DeleteOptions') return `${META}.DeleteOptions`;
  const group = second === undefined ? 'core' : (first.split('.')[0] ?? '');
  return `k8s.io.api.${group}.${second ?? first}.${kind}`;
};

/** A protobuf body as the JSON of the object in it. 400 when it is none, or of a kind without protobuf. */
export function decodeProtobuf(body: Buffer): JsonObject {
  if (!body.subarray(0, MAGIC.length).equals(MAGIC)) throw malformed('it does not start with k8s\\0');
  const unknown = decodeEnvelope(body.subarray(MAGIC.length));
  return {
    ...decodeMessage(typeOf(unknown.apiVersion, unknown.kind), unknown.raw, 0),
    apiVersion: unknown.apiVersion,
    kind: unknown.kind,
  };
}

function decodeEnvelope(bytes: Buffer): { apiVersion: string; kind: string; raw: Buffer } {
  const parts = numbers(bytes);
  const typeMeta = parts.get(1);
  const raw = parts.get(2);
  const named = Buffer.isBuffer(typeMeta) ? numbers(typeMeta) : new Map<number, Raw>();
  return {
    apiVersion: text(named.get(1)),
    kind: text(named.get(2)),
    raw: Buffer.isBuffer(raw) ? raw : Buffer.alloc(0),
  };
}
