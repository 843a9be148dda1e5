import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { buildRing, distanceTo, firstClockwise, ringPosition, type Ring } from './ring.ts';

/** The ring as DESIGN says it, slow and obvious: every token by exact hash, one linear scan. */
function dumbWalk(names: string[], virtualNodes: number, key: string): string[] {
  const hash = (text: string): bigint => BigInt(`0x${createHash('sha256').update(text).digest('hex').slice(0, 16)}`);
  const tokens = [...new Set(names)].flatMap((name) =>
    Array.from({ length: virtualNodes }, (_, index) => ({ name, at: hash(`${name}#${index}`) })),
  );
  tokens.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : a.name < b.name ? -1 : 1));
  const start = hash(key);
  const turned = [...tokens.filter(({ at }) => at >= start), ...tokens.filter(({ at }) => at < start)];
  return [...new Set(turned.map(({ name }) => name))];
}

function walk(ring: Ring, key: string): string[] {
  const seen = new Set<number>();
  for (;;) {
    const next = firstClockwise(ring, ringPosition(key), (node) => !seen.has(node));
    if (next < 0) return [...seen].map((node) => ring.names[node] ?? '');
    seen.add(next);
  }
}

const names = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,8}-\d{1,3}$/), { minLength: 0, maxLength: 8 });

describe('ring', () => {
  test('a position is the first 8 bytes of SHA-256, big-endian', () => {
    // sha256("abc") = ba7816bf 8f01cfea ...
    expect(ringPosition('abc')).toBe(Number(0xba7816bf8f01cfean));
  });

  test('walks the nodes as its dumb twin does', () => {
    fc.assert(
      fc.property(names, fc.integer({ min: 1, max: 20 }), fc.string(), (nodes, virtualNodes, key) => {
        expect(walk(buildRing(nodes, virtualNodes), key)).toEqual(dumbWalk(nodes, virtualNodes, key));
      }),
      { numRuns: 200 },
    );
  });

  test('the order of nodes and doubles among them change nothing', () => {
    fc.assert(
      fc.property(names, (nodes) => {
        expect(buildRing([...nodes].reverse().concat(nodes), 10)).toEqual(buildRing(nodes, 10));
      }),
      { numRuns: 50 },
    );
  });

  test('150 virtual nodes give each of ten nodes 8 to 12 % of the keys', () => {
    const ring = buildRing(
      Array.from({ length: 10 }, (_, index) => `demo-${index}`),
      150,
    );
    const count = new Array<number>(10).fill(0);
    for (let key = 0; key < 20_000; key++) {
      const owner = firstClockwise(ring, ringPosition(`key-${key}`), () => true);
      count[owner] = (count[owner] ?? 0) + 1;
    }
    expect(Math.min(...count)).toBeGreaterThan(1_500);
    expect(Math.max(...count)).toBeLessThan(2_500);
  });

  test('a node that leaves gives away only its own keys', () => {
    const nodes = Array.from({ length: 10 }, (_, index) => `demo-${index}`);
    const before = buildRing(nodes, 150);
    const after = buildRing(nodes.slice(0, 9), 150);
    const owner = (ring: Ring, key: string): string | undefined =>
      ring.names[firstClockwise(ring, ringPosition(key), () => true)];
    for (let key = 0; key < 2_000; key++) {
      const was = owner(before, `key-${key}`);
      if (was !== 'demo-9') expect(owner(after, `key-${key}`)).toBe(was);
    }
  });
});

describe('distance', () => {
  test('the first node clockwise is the nearest', () => {
    const ring = buildRing(['a', 'b', 'c', 'd'], 30);
    for (let key = 0; key < 500; key++) {
      const position = ringPosition(`key-${key}`);
      const distances = ring.names.map((_, node) => distanceTo(ring, position, node));
      expect(distances.indexOf(Math.min(...distances))).toBe(firstClockwise(ring, position, () => true));
    }
  });

  test('no node, no walk', () => {
    expect(firstClockwise(buildRing([], 150), 0, () => true)).toBe(-1);
  });
});
