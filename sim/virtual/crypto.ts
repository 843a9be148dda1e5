import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { activeKernel } from './globals.ts';

/** In the place of node:crypto: the same, but what is random follows from the seed, and signatures are cheap. */
export * from 'node:crypto';

function byte(): number {
  const kernel = activeKernel();
  return Math.floor((kernel.current?.random ?? kernel.random).next() * 256);
}

export function randomBytes(size: number): Buffer {
  return Buffer.from(Array.from({ length: size }, byte));
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

const SIGNATURE_BYTES = 64;

/** Forgery is not what is simulated: a checksum stands for the signature, so that damage on the way is found. */
function checksum(data: Uint8Array): Buffer {
  let sum = 0x811c9dc5;
  for (const value of data) sum = Math.imul(sum ^ value, 0x01000193) >>> 0;
  const signature = Buffer.alloc(SIGNATURE_BYTES);
  signature.writeUInt32BE(sum, 0);
  return signature;
}

export function sign(_algorithm: unknown, data: Uint8Array): Buffer {
  return checksum(data);
}

export function verify(_algorithm: unknown, data: Uint8Array, _key: unknown, signature: Uint8Array): boolean {
  return checksum(data).equals(signature);
}
