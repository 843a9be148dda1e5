import { describe, expect, test } from '@jest/globals';
import type { NodeState } from '../../failover/health.ts';
import type { PlacementNode } from '../../placement/types.ts';
import { makeCluster, makeHealth, makeShard } from '../../testing/fixtures.ts';
import { DEAD_FOR_GOOD_MS, placementNodes } from './placement-nodes.ts';

const NODES = ['ring-0', 'ring-1', 'ring-2', 'ring-3'];

/** The node `ring-1`, believed so for this long, with a copy of a shard that has these in-sync copies. */
function seen(
  state: NodeState,
  forMs: number,
  inSync = ['ring-0', 'ring-1', 'ring-2'],
  connected = true,
): PlacementNode {
  const copies = inSync.map((node, i) => ({
    node,
    role: i === 0 ? ('Primary' as const) : ('Replica' as const),
    inSync: true,
    allocationId: node,
  }));
  const { nodes } = placementNodes({
    cluster: makeCluster({ nodes: 4 }),
    nodes: NODES.map((name) => ({ name, zone: '', connected: connected || name !== 'ring-1', since: 0 })),
    shards: [makeShard({ replicationFactor: 3, minInSync: 2 }, { primaryTerm: 1, configVersion: 1, copies })],
    health: makeHealth(NODES, { 'ring-1': state }),
    now: forMs,
  });
  return nodes.find((node) => node.name === 'ring-1')!;
}

describe('a dead node', () => {
  test('takes no new copies at once, though its stream may be open, and keeps its own for a while', () => {
    expect(seen('Dead', 0)).toMatchObject({ cordoned: true, away: true, dead: false });
    expect(seen('Dead', DEAD_FOR_GOOD_MS - 1)).toMatchObject({ dead: false });
    expect(seen('Dead', DEAD_FOR_GOOD_MS)).toMatchObject({ dead: true });
  });

  test('is given up at once when a shard takes no writes for want of copies', () => {
    expect(seen('Dead', 0, ['ring-0', 'ring-1'])).toMatchObject({ dead: true });
  });
});

test('a node that is only doubted, or away, is not dead however long that lasts', () => {
  for (const state of ['Suspect', 'Unknown', 'Alive'] as const) {
    expect(seen(state, 1e9, ['ring-0', 'ring-1'], false)).toMatchObject({ dead: false, cordoned: true });
  }
});
