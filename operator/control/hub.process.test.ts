import { afterEach, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { FakeNode } from '../testing/fake-node.ts';
import { makeReport, until } from '../testing/fixtures.ts';
import { ControlHub } from './hub.ts';
import type { CopyRequest } from '#proto/control-messages.ts';
import type { NodeAddress } from './session.ts';

const KEY = 'test/ring';
const IP = '127.77.31.1';
const address: NodeAddress = { node: 'ring-0', ip: IP, cluster: 'ring', clusterUID: 'uid', token: 'secret' };
const cleanups: (() => void)[] = [];
afterEach(() => cleanups.splice(0).forEach((cleanup) => cleanup()));

interface Rig {
  hub: ControlHub;
  nodeChanges: () => number;
  shardChanges: string[];
}

function startHub(): Rig {
  let nodeChanges = 0;
  const shardChanges: string[] = [];
  const hub = new ControlHub(
    { operator: 'op-1', version: '0' },
    {
      onNodeChanged: () => (nodeChanges += 1),
      onHeard: () => undefined,
      onShardsChanged: (_key, shards) => shardChanges.push(...shards),
      onCollectionRequest: async (key, { requestId, name }) => ({
        requestId,
        ok: false,
        code: 'ANN_CONFLICT',
        message: `${key} ${name}`,
        field: '',
      }),
    },
    pino({ level: 'silent' }),
  );
  cleanups.push(() => hub.close());
  return { hub, nodeChanges: () => nodeChanges, shardChanges };
}

async function startNode(change: Partial<FakeNode['options']> = {}): Promise<FakeNode> {
  const node = new FakeNode({ node: 'ring-0', ip: IP, token: 'secret', clusterUID: 'uid', ...change });
  await node.start();
  cleanups.push(() => node.stop());
  return node;
}

const map = (version: number): { version: number; json: Buffer } => ({
  version,
  json: Buffer.from(JSON.stringify({ version, collections: [] })),
});
const request: CopyRequest = {
  requestId: 3,
  shard: 'words-0',
  term: 1,
  configVersion: 1,
  node: 'ring-1',
  allocationId: 'a',
  action: 'REMOVE_FROM_IN_SYNC',
  reason: 'slow',
};

describe('control streams', () => {
  test('a node gets the newest map when it connects, and each new one', async () => {
    const node = await startNode();
    const { hub, nodeChanges } = startHub();
    hub.publish(KEY, map(4));
    hub.setNodes(KEY, [address]);
    await until('map 4', () => node.map?.version === 4);
    expect(node.hellos).toEqual(['op-1']);
    expect(hub.sights(KEY).get('ring-0')).toMatchObject({ connected: true });
    expect(hub.connected).toBe(1);
    expect(nodeChanges()).toBe(1);
    hub.publish(KEY, map(5));
    await until('map 5', () => node.map?.version === 5);
  });

  test('a node that is away is dialled until it is there, and its reports count only while it is connected', async () => {
    const { hub, shardChanges } = startHub();
    hub.publish(KEY, map(1));
    hub.setNodes(KEY, [address]);
    const node = await startNode();
    await until('connected', () => node.map?.version === 1);
    node.report({ shard: 'words-0', allocationId: 'a', state: 'READY' });
    await until('report', () => shardChanges.length === 1);
    expect(hub.sights(KEY).get('ring-0')?.report?.copies).toEqual([
      makeReport({ allocationId: 'a', state: 'READY', term: 0 }),
    ]);
    // The same again is no change.
    node.report({ shard: 'words-0', allocationId: 'a', state: 'READY' });
    node.report({ shard: 'words-0', allocationId: 'a', state: 'FAILED' });
    await until('second report', () => shardChanges.length > 1);
    expect(shardChanges).toEqual(['words-0', 'words-0']);
    node.cut();
    await until('disconnected', () => hub.sights(KEY).get('ring-0')?.connected === false);
    expect(hub.sights(KEY).get('ring-0')?.report).toBeUndefined();
    expect(shardChanges).toHaveLength(3);
    await until('connected again', () => node.hellos.length === 2);
  });

  test("a primary's request waits for its answer and is forgotten with its stream", async () => {
    const node = await startNode();
    const { hub, shardChanges } = startHub();
    hub.setNodes(KEY, [address]);
    await until('connected', () => node.connected);
    node.requestCopy(request);
    await until('request', () => shardChanges.includes('words-0'));
    const [pending] = hub.requests(KEY, 'words-0');
    expect(pending).toMatchObject({ from: 'ring-0', request });
    hub.reply(KEY, pending!, { requestId: 3, ok: true, reason: '', configVersion: 2 });
    expect(hub.requests(KEY, 'words-0')).toEqual([]);
    await until('reply', () => node.copyReplies.length === 1);
    expect(node.copyReplies[0]).toEqual({ requestId: 3, ok: true, reason: '', configVersion: 2 });
    node.requestCopy(request);
    await until('request', () => hub.requests(KEY, 'words-0').length === 1);
    node.cut();
    await until('forgotten', () => hub.requests(KEY, 'words-0').length === 0);
  });

  test("a client's request is answered", async () => {
    const node = await startNode();
    const { hub } = startHub();
    hub.setNodes(KEY, [address]);
    await until('connected', () => node.connected);
    node.requestCollection(9, 'CREATE', 'words');
    await until('reply', () => node.collectionReplies.length === 1);
    expect(node.collectionReplies[0]).toMatchObject({ requestId: 9, code: 'ANN_CONFLICT', message: 'test/ring words' });
  });

  test.each([
    ['another token', { token: 'other' }, 'wrong token'],
    ['the volume of another cluster', { clusterUID: 'other-uid' }, 'this volume is of cluster uid other-uid'],
  ])('a node with %s says so', async (_name, options, words) => {
    await startNode(options);
    const { hub } = startHub();
    hub.setNodes(KEY, [address]);
    await until('refusal', () => hub.sights(KEY).get('ring-0')?.refused !== undefined);
    expect(hub.sights(KEY).get('ring-0')).toMatchObject({ connected: false, refused: words });
  });

  test('a pod that is gone is hung up on; one with a new address is dialled there', async () => {
    const node = await startNode();
    const other = await startNode({ ip: '127.77.31.2' });
    const { hub } = startHub();
    hub.setNodes(KEY, [address]);
    await until('connected', () => node.connected);
    hub.setNodes(KEY, [{ ...address, ip: '127.77.31.2' }]);
    await until('connected to the other', () => other.connected && hub.connected === 1);
    hub.setNodes(KEY, []);
    expect(hub.sights(KEY).size).toBe(0);
    expect(hub.connected).toBe(0);
  });
});
