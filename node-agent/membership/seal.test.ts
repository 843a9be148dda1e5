import { generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decodeBody, encodeBody, MAX_BODY_BYTES, MAX_DATAGRAM_BYTES, messageBytes, rumourBytes } from './codec.ts';
import { MAX_SUSPECTERS, type GossipMessage, type Rumour } from './messages.ts';
import { pack } from './news.ts';
import { readGossipKey, Seal } from './seal.ts';

const key = generateKeyPairSync('ed25519').privateKey;
const seal = new Seal('uid-1', key);

const text = (maxLength: number): fc.Arbitrary<string> =>
  fc.oneof(
    fc.string({ maxLength, unit: fc.constantFrom('a', 'b', '-', '0') }),
    fc.string({ maxLength: Math.floor(maxLength / 4), unit: 'grapheme' }),
  );
const name = text(63).filter((value) => value !== '' && Buffer.byteLength(value) <= 253);
const whole = fc.maxSafeNat();
const vitals = fc.record({
  shards: whole,
  cpuPercent: fc.nat(100),
  memoryMiB: whole,
  zone: text(63).filter((value) => Buffer.byteLength(value) <= 63),
  mapVersion: whole,
});
const rumour = fc.record({
  node: name,
  incarnation: whole,
  state: fc.constantFrom('Alive' as const, 'Suspect' as const, 'Dead' as const, 'Left' as const),
  by: fc.array(name, { maxLength: MAX_SUSPECTERS }),
  revision: whole,
  vitals,
});
const sender = rumour.map((own): Rumour => ({ ...own, state: own.state === 'Left' ? 'Left' : 'Alive', by: [] }));
const message = fc
  .record({
    kind: fc.constantFrom('ping' as const, 'ack' as const, 'pingRequest' as const, 'nack' as const, 'gossip' as const),
    seq: fc.nat(0xffff_ffff),
    to: name,
    about: fc.oneof(fc.constant(''), name),
    sender,
    candidates: fc.array(rumour, { maxLength: 40 }),
  })
  .map(({ candidates, ...rest }): GossipMessage => pack(rest, null, candidates));

describe('the codec', () => {
  test('gives back what went in, in the size that was foretold, and packs at most a datagram', () => {
    fc.assert(
      fc.property(message, (given) => {
        const bytes = encodeBody(given);
        expect(bytes.length).toBe(messageBytes(given) + given.rumours.reduce((sum, one) => sum + rumourBytes(one), 0));
        expect(bytes.length).toBeLessThanOrEqual(MAX_BODY_BYTES);
        expect(decodeBody(bytes)).toEqual(given);
      }),
      { numRuns: 300 },
    );
  });
});

describe('a sealed datagram', () => {
  test('is opened by the cluster, and is never bigger than a datagram', () => {
    fc.assert(
      fc.property(message, (given) => {
        const datagram = seal.seal(given);
        expect(datagram.length).toBeLessThanOrEqual(MAX_DATAGRAM_BYTES);
        expect(seal.open(datagram)).toEqual(given);
      }),
      { numRuns: 100 },
    );
  });

  test('is refused with any one bit changed', () => {
    fc.assert(
      fc.property(message, fc.nat(), fc.nat(7), (given, at, bit) => {
        const datagram = seal.seal(given);
        const place = at % datagram.length;
        datagram.writeUInt8(datagram.readUInt8(place) ^ (1 << bit), place);
        expect(typeof seal.open(datagram)).toBe('string');
      }),
      { numRuns: 300 },
    );
  });

  test('is refused when cut short or made longer', () => {
    fc.assert(
      fc.property(message, fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 20 }), (given, length, more) => {
        const datagram = seal.seal(given);
        expect(typeof seal.open(datagram.subarray(0, length % datagram.length))).toBe('string');
        expect(typeof seal.open(Buffer.concat([datagram, more]))).toBe('string');
      }),
      { numRuns: 200 },
    );
  });

  test('of another cluster, or of another key, is refused', () => {
    const [given] = fc.sample(message, 1);
    expect(new Seal('uid-2', key).open(seal.seal(given!))).toBe('cluster');
    const other = generateKeyPairSync('ed25519');
    expect(new Seal('uid-1', other.privateKey).open(seal.seal(given!))).toBe('signature');
  });

  test("is taken when signed with the key that the map names: the cluster's key can be changed", () => {
    const [given] = fc.sample(message, 1);
    const next = generateKeyPairSync('ed25519');
    const old = new Seal('uid-1', key);
    const datagram = new Seal('uid-1', next.privateKey).seal(given!);
    old.accept('not a key');
    expect(old.open(datagram)).toBe('signature');
    const der = next.publicKey.export({ type: 'spki', format: 'der' });
    old.accept(der.subarray(-32).toString('base64'));
    expect(old.open(datagram)).toEqual(given);
    expect(old.open(seal.seal(given!))).toEqual(given);
  });

  test('no bytes whatever make it throw, even signed ones', () => {
    const prefix = seal.seal(fc.sample(message, 1)[0]!).subarray(0, 9);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1_100 }), (bytes) => {
        seal.open(bytes);
        const signed = Buffer.concat([prefix, bytes]);
        const opened = seal.open(Buffer.concat([signed, sign(null, signed, key)]));
        // Random bytes may be a message by chance, but then one of the right shape.
        if (typeof opened !== 'string') expect(decodeBody(encodeBody(opened))).toEqual(opened);
      }),
      { numRuns: 1_000 },
    );
  });
});

test('a key of another kind is refused', () => {
  const rsa = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' });
  expect(() => readGossipKey(String(rsa))).toThrow('not Ed25519');
  expect(() => readGossipKey('rubbish')).toThrow();
});
