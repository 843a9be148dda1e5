// A process that does nothing but gossip, for tests: node gossiper.ts '<JSON of GossiperSpec>'; each change of a member's state is a line of JSON.
import { readFileSync } from 'node:fs';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { DEFAULT_SETTINGS, type MapNode } from '#model/cluster-map.ts';
import { createGossipMetrics } from '../gossip-metrics.ts';
import { Gossip } from '../gossip.ts';
import { readGossipKey } from '../seal.ts';

export interface GossiperSpec {
  node: string;
  clusterUID: string;
  nodes: MapNode[];
  keyPath: string;
}

/** What the process says: `at` by the clock that all processes share. */
export interface GossiperLine {
  at: number;
  node: string;
  to: string;
}

const spec = JSON.parse(process.argv[2]!) as GossiperSpec;
const gossip: Gossip = await Gossip.start({
  node: spec.node,
  clusterUID: spec.clusterUID,
  bind: spec.nodes.find((node) => node.name === spec.node)!.address,
  key: readGossipKey(readFileSync(spec.keyPath, 'utf8')),
  map: {
    cluster: 'ring',
    namespace: 'default',
    clusterUID: spec.clusterUID,
    version: 1,
    ...DEFAULT_SETTINGS,
    nodes: spec.nodes,
    collections: [],
  },
  logger: pino({ level: 'silent' }),
  vitals: () => ({ shards: 0, cpuPercent: 0, memoryMiB: 0, mapVersion: 1 }),
  metrics: createGossipMetrics(new Registry(), {
    states: () => gossip.states(),
    localHealth: () => gossip.localHealth,
  }),
  onState: ({ node, to }) => say(node, to),
  onNewerMap: () => undefined,
});
say(spec.node, 'Started');
const known = new Set<string>();
setInterval(() => {
  for (const { node } of gossip.report()) {
    if (!known.has(node)) say(node, 'Known');
    known.add(node);
  }
}, 20);
process.once('SIGTERM', () => void gossip.close().then(() => process.exit(0)));

function say(node: string, to: string): void {
  const line: GossiperLine = { at: Date.now(), node, to };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
