import { generateKeyPairSync, randomInt, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { NodeConfig } from '../config.ts';
import { startNode, type AnnulusNode } from '../node.ts';
import { createShardHost } from '../shard/host.ts';
import type { ShardHost } from '../shard/shard-host.ts';
import { FakeOperator } from './fake-operator.ts';

export { until } from './until.ts';

const TOKEN = 'test-token';

/** Nodes with addresses of their own in 127/8, so that tests and other clusters on the machine do not meet. */
export class TestCluster {
  readonly folder: string;
  readonly operator: FakeOperator;
  readonly nodes = new Map<string, AnnulusNode>();
  /** The shard hosts, by node. */
  readonly hosts = new Map<string, ShardHost>();
  #configs = new Map<string, NodeConfig>();

  private constructor(folder: string, operator: FakeOperator, configs: NodeConfig[]) {
    this.folder = folder;
    this.operator = operator;
    for (const config of configs) this.#configs.set(config.node, config);
  }

  /** Prepares a cluster; start() its nodes, and stop() it in the end. */
  static async create(count: number): Promise<TestCluster> {
    const folder = await mkdtemp(join(tmpdir(), 'annulus-test-'));
    const clusterUID = randomUUID();
    const gossipKey = generateKeyPairSync('ed25519').privateKey;
    const net = `127.${randomInt(64, 250)}.${randomInt(0, 250)}`;
    const configs = Array.from({ length: count }, (_, i): NodeConfig => {
      const node = `ring-${i}`;
      const dataDir = join(folder, node);
      const bind = `${net}.${i + 1}`;
      const logLevel = process.env['ANNULUS_TEST_LOG'] === '1' ? 'info' : 'silent';
      return {
        cluster: 'ring',
        clusterUID,
        namespace: 'default',
        node,
        bind,
        dataDir,
        token: TOKEN,
        gossipKey,
        workers: 1,
        recoveryMibPerSecond: null,
        logLevel,
      };
    });
    const nodes = configs.map(({ node, bind }) => ({ name: node, address: bind }));
    return new TestCluster(folder, new FakeOperator({ clusterUID, token: TOKEN, nodes }), configs);
  }

  config(node: string): NodeConfig {
    return this.#configs.get(node)!;
  }

  async startAll(): Promise<void> {
    await Promise.all([...this.#configs.keys()].map((node) => this.start(node)));
  }

  /** `wrap` may put faults between the node and its shards. */
  async start(name: string, wrap = (host: ShardHost): ShardHost => host): Promise<AnnulusNode> {
    const config = this.config(name);
    const logger = pino({ level: config.logLevel, base: { node: name } });
    const host = wrap(await createShardHost({ dataDir: config.dataDir, workers: config.workers, logger }));
    const node = await startNode(config, host, logger);
    this.nodes.set(name, node);
    this.hosts.set(name, host);
    return node;
  }

  async stopNode(name: string): Promise<void> {
    const node = this.nodes.get(name);
    this.nodes.delete(name);
    await node?.stop();
  }

  node(name: string): AnnulusNode {
    const node = this.nodes.get(name);
    if (!node) throw new Error(`node ${name} is not started`);
    return node;
  }

  async stop(): Promise<void> {
    this.operator.stop();
    await Promise.all([...this.nodes.keys()].map((name) => this.stopNode(name)));
    await rm(this.folder, { recursive: true, force: true });
  }
}
