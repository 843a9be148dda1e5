import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { buildBoard } from './board.ts';
import { placeNewShards } from './new-shards.ts';
import { planMoves } from './planner.ts';
import { placeReplicas } from './replicas.ts';
import { ringPosition } from './ring.ts';
import {
  anyNewShards,
  anyNodes,
  healthyNodes,
  loads,
  newShards,
  nodeOf,
  nodesOf,
  placed,
  SETTINGS,
  shardOf,
} from './test-cluster.ts';
import type { PlacementNode, PlacementShard } from './types.ts';

const RUNS = { numRuns: 60 };
/** Few points on the ring, since the twin sorts them all for every shard. */
const COARSE = { ...SETTINGS, virtualNodes: 20 };
const takesCopies = (node: PlacementNode): boolean => !node.cordoned && !node.draining && !node.dead;

describe('placeNewShards', () => {
  test('two copies never share a node, and only nodes that take copies get any', () => {
    fc.assert(
      fc.property(anyNodes, anyNewShards, (nodes, shards) => {
        const open = new Set(nodes.filter(takesCopies).map((node) => node.name));
        for (const placement of placeNewShards(nodes, shards, SETTINGS)) {
          const wanted = shards.find((shard) => shard.name === placement.shard)?.replicationFactor ?? 0;
          expect(new Set(placement.nodes).size).toBe(placement.nodes.length);
          expect(placement.nodes.every((name) => open.has(name))).toBe(true);
          expect(placement.nodes).toHaveLength(Math.min(wanted, open.size));
          expect(placement.blocked).toBe(wanted > open.size ? 'NotEnoughNodes' : undefined);
        }
      }),
      RUNS,
    );
  });

  test('zones are distinct while there are zones left', () => {
    fc.assert(
      fc.property(anyNodes, anyNewShards, (nodes, shards) => {
        const open = nodes.filter(takesCopies);
        const zoneOf = new Map(open.map((node) => [node.name, node.zone]));
        const zones = new Set(zoneOf.values()).size;
        for (const placement of placeNewShards(nodes, shards, SETTINGS)) {
          const used = new Set(placement.nodes.map((name) => zoneOf.get(name)));
          expect(used.size).toBe(Math.min(placement.nodes.length, zones));
        }
      }),
      RUNS,
    );
  });

  test('every node has its fair share within 20 %, a whole copy of rounding aside', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 4 }),
        anyNewShards,
        (zones, size, shards) => {
          const nodes = nodesOf(zones * size, zones);
          const all = placed(nodes, shards);
          const board = buildBoard(nodes, all, [], SETTINGS);
          for (const node of board.open) {
            expect(node.shards.size).toBeGreaterThanOrEqual(node.low);
            expect(node.shards.size).toBeLessThanOrEqual(node.high);
          }
          const counts = [...loads(nodes, all).values()];
          const average = counts.reduce((a, b) => a + b, 0) / counts.length;
          expect(Math.max(...counts)).toBeLessThanOrEqual(Math.max(Math.ceil(average), average * 1.2 + 1e-9));
        },
      ),
      RUNS,
    );
  });

  test('primaries are spread as evenly as copies allow', () => {
    for (const [nodes, zones, shards, copies] of [
      [3, 3, 4, 2],
      [5, 1, 32, 3],
      [10, 3, 256, 2],
    ] as const) {
      const count = new Map(nodesOf(nodes, zones).map((node) => [node.name, 0]));
      for (const {
        nodes: [primary = ''],
      } of placeNewShards(nodesOf(nodes, zones), newShards(shards, copies), SETTINGS)) {
        count.set(primary, (count.get(primary) ?? 0) + 1);
      }
      expect(Math.max(...count.values()) - Math.min(...count.values())).toBeLessThanOrEqual(1);
    }
  });

  test('the planner has nothing to move afterwards, and the order of input changes nothing', () => {
    fc.assert(
      fc.property(healthyNodes, anyNewShards, (nodes, shards) => {
        const all = placed(nodes, shards);
        const wish = planMoves({ nodes, shards: all, settings: SETTINGS, running: [] }).wish;
        expect(wish.filter((move) => move.to !== undefined)).toEqual([]);
        const turned = placeNewShards([...nodes].reverse(), [...shards].reverse(), SETTINGS);
        expect(turned).toEqual(placeNewShards(nodes, shards, SETTINGS));
      }),
      RUNS,
    );
  });

  test('shards that have copies keep them and count as load', () => {
    const nodes = nodesOf(3, 1);
    const old = [shardOf('old-0', ['n-0']), shardOf('old-1', ['n-0']), shardOf('old-2', ['n-1'])];
    const placements = placeNewShards(nodes, [...old, ...newShards(3, 1)], SETTINGS);
    expect(placements.map(({ shard }) => shard)).toEqual(['s-0', 's-1', 's-2']);
    const onNode = (name: string): number => placements.filter((placement) => placement.nodes.includes(name)).length;
    expect([onNode('n-0'), onNode('n-1'), onNode('n-2')]).toEqual([0, 1, 2]);
  });

  test('shards of one key are told apart by name, not by order', () => {
    const shards = newShards(12, 2).map((shard) => ({ ...shard, key: 'same' }));
    const turned = placeNewShards(nodesOf(4, 2), [...shards].reverse(), SETTINGS);
    expect(turned).toEqual(placeNewShards(nodesOf(4, 2), shards, SETTINGS));
  });

  test('no node that takes copies: every shard says so', () => {
    const nodes = [nodeOf('n-0', 'a', { cordoned: true }), nodeOf('n-1', 'a', { dead: true })];
    expect(placeNewShards(nodes, newShards(1, 1), SETTINGS)).toEqual([
      { shard: 's-0', nodes: [], blocked: 'NotEnoughNodes' },
    ]);
  });
});

describe('placeReplicas', () => {
  /** The rule of DESIGN section 4 word by word: walk all points clockwise, zones first, skip what is full. */
  function dumbReplicas(
    nodes: PlacementNode[],
    shards: PlacementShard[],
    caps: Map<string, number>,
  ): Map<string, string[]> {
    const points = nodes.flatMap((node) =>
      Array.from({ length: COARSE.virtualNodes }, (_, index) => ({
        node,
        at: ringPosition(`${node.name}#${index}`),
      })),
    );
    const load = new Map(nodes.map((node) => [node.name, 0]));
    const result = new Map<string, string[]>();
    const byPlace = [...shards].sort((a, b) => ringPosition(a.key) - ringPosition(b.key));
    for (const shard of byPlace) {
      const start = ringPosition(shard.key);
      const clockwise = [...points].sort((a, b) => Number(a.at < start) - Number(b.at < start) || a.at - b.at);
      const chosen: PlacementNode[] = [];
      while (chosen.length < Math.min(shard.replicationFactor, nodes.length)) {
        const free = clockwise.map(({ node }) => node).filter((node) => !chosen.includes(node));
        const fresh = free.filter((node) => chosen.every((other) => other.zone !== node.zone));
        const best = (fresh.length > 0 ? fresh : free).find(
          (node) => (load.get(node.name) ?? 0) < (caps.get(node.name) ?? 0),
        );
        if (best === undefined) return result;
        chosen.push(best);
        load.set(best.name, (load.get(best.name) ?? 0) + 1);
      }
      result.set(
        shard.name,
        chosen.map((node) => node.name),
      );
    }
    return result;
  }

  test('chooses as its dumb twin does, while there is room', () => {
    fc.assert(
      fc.property(anyNodes, anyNewShards, (nodes, shards) => {
        const board = buildBoard(nodes, shards, [], COARSE);
        const twin = dumbReplicas(
          nodes.filter(takesCopies),
          shards,
          new Map(board.open.map((node) => [node.name, node.cap])),
        );
        for (const shard of board.shards) placeReplicas(board, shard);
        for (const [name, chosen] of twin) {
          const found = board.shards.find((shard) => shard.input.name === name);
          expect(found?.nodes.map((node) => node.name)).toEqual(chosen);
        }
      }),
      { numRuns: 40 },
    );
  });
});
