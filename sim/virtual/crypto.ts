import { createPrivateKey, createPublicKey as readPublicKey, hash as digest, type KeyObject } from 'node:crypto';
import { activeKernel } from './globals.ts';

/** In the place of node:crypto: the same, but what is random follows from the seed, and signatures are cheap. */
export * from 'node:crypto';

function byte(): number {
  const kernel = activeKernel();
  return Math.floor((kernel.current?.random ?? kernel.random).next() * 256);
}

export function randomBytes(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let i = 0; i < size; i++) bytes[i] = byte();
  return bytes;
}

export function randomUUID(): string {
  const hex = randomBytes(16).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
}

/** PKCS8 of an Ed25519 key is this and 32 bytes of secret. */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

export function generateKeyPairSync(): { privateKey: KeyObject; publicKey: KeyObject } {
  const privateKey = createPrivateKey({
    key: Buffer.concat([PKCS8, Buffer.alloc(32, 7)]),
    format: 'der',
    type: 'pkcs8',
  });
  return { privateKey, publicKey: createPublicKey(privateKey) };
}

type PublicKeyInput = Parameters<typeof readPublicKey>[0];

/** By PEM: the operator reads its key at every look. */
const publicKeys = new Map<string, KeyObject>();

export function createPublicKey(input: PublicKeyInput): KeyObject {
  if (typeof input !== 'string') return readPublicKey(input);
  const known = publicKeys.get(input);
  if (known !== undefined) return known;
  const key = readPublicKey(input);
  publicKeys.set(input, key);
  return key;
}

/** Of texts: slots, ring and fingerprints are of the same few over and over. */
const digests = new Map<string, string | Buffer>();
const MAX_DIGESTS = 50_000;

export function hash(algorithm: string, text: string, encoding: 'hex' | 'buffer'): string | Buffer {
  const key = `${algorithm} ${encoding} ${text}`;
  const known = digests.get(key);
  if (known !== undefined) return known;
  const made = encoding === 'hex' ? digest(algorithm, text, 'hex') : digest(algorithm, text, 'buffer');
  if (digests.size >= MAX_DIGESTS) digests.clear();
  digests.set(key, made);
  return made;
}

const SIGNATURE_BYTES = 64;

/** Forgery is not what is simulated: a checksum stands for the signature, so that damage on the way is found. */
function checksum(data: Uint8Array): number {
  let sum = 0x811c9dc5;
  for (let i = 0; i < data.length; i++) sum = Math.imul(sum ^ data[i]!, 0x01000193);
  return sum >>> 0;
}

function signatureOf(data: Uint8Array): Buffer {
  const signature = Buffer.alloc(SIGNATURE_BYTES);
  signature.writeUInt32BE(checksum(data), 0);
  return signature;
}

export function sign(_algorithm: unknown, data: Uint8Array): Buffer {
  return signatureOf(data);
}

export function verify(_algorithm: unknown, data: Uint8Array, _key: unknown, signature: Uint8Array): boolean {
  return signatureOf(data).equals(signature);
}
