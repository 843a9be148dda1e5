import { setTimeout as sleep } from 'node:timers/promises';
import type { Shard } from '#crds/v1alpha1/index.ts';
import type { PointId } from '#model/point-id.ts';
import { PORTS } from '#model/ports.ts';
import { PeerClient } from '#node-agent/rpc/peer-client.ts';
import { decodePoints, encodeScroll } from '#node-agent/rpc/shard-codec.ts';
import type { Found } from './points.ts';
import type { Rig } from './rig.ts';

const PAGE = 2_000;
const CALL_TIMEOUT_MS = 10_000;
const RECONNECT_MS = 200;
const CONNECT_TRIES = 25;

/** What one copy holds. */
export interface CopyContent {
  readonly shard: string;
  readonly node: string;
  readonly points: readonly Found[];
}

/** Reads every in-sync copy of the shards whole, each from its own node, as a peer would. */
export async function readCopies(rig: Rig, shards: readonly Shard[]): Promise<CopyContent[]> {
  const { token, uid } = await rig.keys();
  const clients = new Map(rig.nodes.map((node) => [node, connectTo(rig, node, token, uid)]));
  try {
    const contents: CopyContent[] = [];
    for (const shard of shards) {
      for (const { node, inSync } of shard.status?.copies ?? []) {
        const client = clients.get(node);
        if (!inSync || client === undefined) continue;
        const ref = { name: shard.metadata.name, uid: shard.metadata.uid ?? '' };
        try {
          contents.push({ shard: ref.name, node, points: await readCopy(client, ref) });
        } catch (error) {
          // Copies made during a fault go again when they are too many: then it is no copy any more.
          if (isInSync(rig.shards.get(ref.name), node)) throw error;
        }
      }
    }
    return contents;
  } finally {
    for (const client of clients.values()) client.close();
  }
}

function isInSync(shard: Shard | undefined, node: string): boolean {
  return shard?.status?.copies?.some((copy) => copy.node === node && copy.inSync) ?? false;
}

function connectTo(rig: Rig, node: string, token: string, clusterUID: string): PeerClient {
  return new PeerClient({
    node,
    target: `${rig.ipOf(node)}:${PORTS.node}`,
    self: 'chaos',
    clusterUID,
    token,
    mapVersion: () => 0,
    onMapVersion: () => undefined,
    now: () => performance.now(),
  });
}

async function readCopy(client: PeerClient, shard: { name: string; uid: string }): Promise<Found[]> {
  const points: Found[] = [];
  let from: PointId | null = null;
  for (;;) {
    const scroll = { from, limit: PAGE, filter: null, fields: { payload: true, vector: true } } as const;
    const page = await again(() => client.call('scroll', encodeScroll(shard, scroll), CALL_TIMEOUT_MS));
    const found = decodePoints(page.points);
    // A page begins with `from`, which the page before had.
    for (const point of found.slice(from === null ? 0 : 1)) {
      points.push({
        id: Number(point.id),
        payload: point.payload === null ? {} : (JSON.parse(String(point.payload)) as Record<string, unknown>),
        vector: point.vector === null ? undefined : [...point.vector],
      });
    }
    const last = found.at(-1);
    if (!page.more || last === undefined) return points;
    from = last.id;
  }
}

/** A client that was just made connects first. */
async function again<T>(ask: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await ask();
    } catch (error) {
      if (tries === CONNECT_TRIES) throw error;
      await sleep(RECONNECT_MS);
    }
  }
}
