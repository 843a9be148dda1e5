import { Buffer } from 'node:buffer';
import {
  MAX_RUMOURS,
  MAX_SUSPECTERS,
  type ClaimState,
  type GossipMessage,
  type MessageKind,
  type Rumour,
} from './messages.ts';

/** A datagram never has more bytes: it passes every path without being split. */
export const MAX_DATAGRAM_BYTES = 1_024;
/** Of the Ed25519 signature that follows the body. */
export const SIGNATURE_BYTES = 64;
/** Version byte and hash of the cluster's uid, before the body. */
export const PREFIX_BYTES = 9;
export const MAX_BODY_BYTES = MAX_DATAGRAM_BYTES - SIGNATURE_BYTES - PREFIX_BYTES;

const KINDS: readonly MessageKind[] = ['ping', 'ack', 'pingRequest', 'nack', 'gossip'];
const STATES: readonly ClaimState[] = ['Alive', 'Suspect', 'Dead', 'Left'];
const MAX_TEXT_BYTES = 253;
const MAX_ZONE_BYTES = 63;
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** The bytes are no message of this version. */
export class MalformedDatagram extends Error {}

/** Bytes of a message's body. Throws RangeError when it would exceed MAX_BODY_BYTES: messageBytes and rumourBytes say before. */
export function encodeBody(message: GossipMessage): Buffer {
  const writer = new Writer();
  writer.byte(KINDS.indexOf(message.kind));
  writer.uint32(message.seq);
  writer.text(message.to);
  writer.text(message.about);
  writeRumour(writer, message.sender);
  writer.byte(message.rumours.length);
  for (const rumour of message.rumours) writeRumour(writer, rumour);
  return writer.bytes();
}

/** Throws MalformedDatagram. */
export function decodeBody(bytes: Uint8Array): GossipMessage {
  const reader = new Reader(bytes);
  const kind = KINDS[reader.byte()];
  if (kind === undefined) throw new MalformedDatagram('unknown kind');
  const seq = reader.uint32();
  const to = reader.text();
  const about = reader.text();
  const sender = readRumour(reader);
  if (sender.state !== 'Alive' && sender.state !== 'Left') throw new MalformedDatagram('a sender that is not alive');
  const rumours = Array.from({ length: reader.count(MAX_RUMOURS) }, () => readRumour(reader));
  reader.end();
  return { kind, seq, to, about, sender, rumours };
}

/** Size of a message's body without rumours. */
export function messageBytes(message: Omit<GossipMessage, 'rumours'>): number {
  return 1 + 4 + textBytes(message.to) + textBytes(message.about) + rumourBytes(message.sender) + 1;
}

export function rumourBytes({ node, incarnation, revision, vitals, by }: Rumour): number {
  const { shards, memoryMiB, mapVersion, zone } = vitals;
  // State, processor time, number of suspecters; then what has no fixed size.
  let bytes = 3 + textBytes(node) + textBytes(clip(zone)) + varintBytes(incarnation) + varintBytes(revision);
  bytes += varintBytes(shards) + varintBytes(memoryMiB) + varintBytes(mapVersion);
  for (const name of by.slice(0, MAX_SUSPECTERS)) bytes += textBytes(name);
  return bytes;
}

function writeRumour(writer: Writer, { node, state, incarnation, revision, vitals, by }: Rumour): void {
  writer.text(node);
  writer.byte(STATES.indexOf(state));
  writer.varint(incarnation);
  writer.varint(revision);
  writer.varint(vitals.shards);
  writer.byte(Math.max(0, Math.min(100, Math.round(vitals.cpuPercent))));
  writer.varint(vitals.memoryMiB);
  writer.varint(vitals.mapVersion);
  writer.text(clip(vitals.zone));
  const suspecters = by.slice(0, MAX_SUSPECTERS);
  writer.byte(suspecters.length);
  for (const name of suspecters) writer.text(name);
}

function readRumour(reader: Reader): Rumour {
  const node = reader.text();
  const state = STATES[reader.byte()];
  if (state === undefined || node === '') throw new MalformedDatagram('unknown state, or no node');
  const incarnation = reader.varint();
  const revision = reader.varint();
  const shards = reader.varint();
  const cpuPercent = reader.byte();
  const memoryMiB = reader.varint();
  const mapVersion = reader.varint();
  const zone = reader.text();
  const by = Array.from({ length: reader.count(MAX_SUSPECTERS) }, () => reader.text());
  return { node, state, incarnation, by, revision, vitals: { shards, cpuPercent, memoryMiB, zone, mapVersion } };
}

/** A zone longer than Kubernetes allows is of no use to anyone. */
function clip(zone: string): string {
  return Buffer.byteLength(zone) <= MAX_ZONE_BYTES ? zone : '';
}

function textBytes(text: string): number {
  return 1 + Buffer.byteLength(text);
}

function varintBytes(value: number): number {
  let bytes = 1;
  // A half more, as the writer rounds.
  for (let rest = value + 0.5; rest >= 128; rest /= 128) bytes++;
  return bytes;
}

function whole(value: number): number {
  return Math.max(0, Math.min(Number.MAX_SAFE_INTEGER, Math.round(value)));
}

class Writer {
  #bytes = Buffer.allocUnsafe(MAX_BODY_BYTES);
  #at = 0;

  byte(value: number): void {
    this.#at = this.#bytes.writeUInt8(value, this.#at);
  }

  uint32(value: number): void {
    this.#at = this.#bytes.writeUInt32BE(value, this.#at);
  }

  varint(value: number): void {
    let rest = whole(value);
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.byte((rest % 128) | 0x80);
    this.byte(rest);
  }

  text(text: string): void {
    const length = Buffer.byteLength(text);
    if (length > MAX_TEXT_BYTES || this.#at + 1 + length > MAX_BODY_BYTES) throw new RangeError('datagram is too big');
    this.byte(length);
    this.#at += this.#bytes.write(text, this.#at, 'utf8');
  }

  bytes(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }
}

class Reader {
  #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  byte(): number {
    const value = this.#bytes[this.#at++];
    if (value === undefined) throw new MalformedDatagram('it ends too early');
    return value;
  }

  uint32(): number {
    return ((this.byte() << 24) | (this.byte() << 16) | (this.byte() << 8) | this.byte()) >>> 0;
  }

  count(max: number): number {
    const value = this.byte();
    if (value > max) throw new MalformedDatagram(`a list of ${value}, over ${max}`);
    return value;
  }

  varint(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (!Number.isSafeInteger(value)) throw new MalformedDatagram('a number is too big');
      if (byte < 128) return value;
    }
  }

  text(): string {
    const length = this.byte();
    const part = this.#bytes.subarray(this.#at, this.#at + length);
    if (part.length < length) throw new MalformedDatagram('it ends too early');
    this.#at += length;
    try {
      return utf8.decode(part);
    } catch {
      throw new MalformedDatagram('text that is not UTF-8');
    }
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw new MalformedDatagram('bytes are left over');
  }
}
