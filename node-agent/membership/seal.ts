import { createPrivateKey, createPublicKey, hash, sign, verify, type KeyObject } from 'node:crypto';
import {
  decodeBody,
  encodeBody,
  MalformedDatagram,
  MAX_DATAGRAM_BYTES,
  PREFIX_BYTES,
  SIGNATURE_BYTES,
} from './codec.ts';
import type { GossipMessage } from './messages.ts';

/** First byte of every datagram. */
export const GOSSIP_VERSION = 1;
const PUBLIC_KEY_BYTES = 32;

/** Why a datagram was dropped. */
export type Refusal = 'malformed' | 'version' | 'cluster' | 'signature';

/** Reads the cluster's private key; throws an Error that says what is wrong with it. */
export function readGossipKey(pem: string): KeyObject {
  const key = createPrivateKey(pem);
  if (key.asymmetricKeyType !== 'ed25519') throw new Error(`it is a key of type ${key.asymmetricKeyType}, not Ed25519`);
  return key;
}

/** Makes datagrams of messages, signed with the cluster's key, and messages of datagrams, of this cluster only. */
export class Seal {
  #prefix: Buffer;
  #private: KeyObject;
  #own: KeyObject;
  /** The key that the cluster map names, when it is another one: keys are being changed. */
  #other: KeyObject | null = null;
  #otherText = '';

  constructor(clusterUID: string, privateKey: KeyObject) {
    this.#private = privateKey;
    this.#own = createPublicKey(privateKey);
    this.#prefix = Buffer.concat([
      Buffer.of(GOSSIP_VERSION),
      hash('sha256', clusterUID, 'buffer').subarray(0, PREFIX_BYTES - 1),
    ]);
  }

  /** Datagrams signed with this key are taken as well: base64 of its 32 bytes. One that is none is passed over. */
  accept(publicKey: string): void {
    if (publicKey === this.#otherText) return;
    this.#otherText = publicKey;
    this.#other = publicKeyOf(publicKey);
  }

  seal(message: GossipMessage): Buffer {
    const signed = Buffer.concat([this.#prefix, encodeBody(message)]);
    return Buffer.concat([signed, sign(null, signed, this.#private)]);
  }

  /** Never throws. */
  open(datagram: Uint8Array): GossipMessage | Refusal {
    const end = datagram.length - SIGNATURE_BYTES;
    if (end <= PREFIX_BYTES || datagram.length > MAX_DATAGRAM_BYTES) return 'malformed';
    if (datagram[0] !== GOSSIP_VERSION) return 'version';
    if (this.#prefix.compare(datagram, 0, PREFIX_BYTES) !== 0) return 'cluster';
    const signed = datagram.subarray(0, end);
    const signature = datagram.subarray(end);
    if (!verify(null, signed, this.#own, signature)) {
      if (this.#other === null || !verify(null, signed, this.#other, signature)) return 'signature';
    }
    try {
      return decodeBody(signed.subarray(PREFIX_BYTES));
    } catch (error) {
      if (error instanceof MalformedDatagram) return 'malformed';
      throw error;
    }
  }
}

function publicKeyOf(text: string): KeyObject | null {
  const raw = Buffer.from(text, 'base64');
  if (raw.length !== PUBLIC_KEY_BYTES) return null;
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: raw.toString('base64url') }, format: 'jwk' });
}
