import { slotOf } from '#model/slot.ts';
import type { Collection, Shard, VectorCluster } from '#crds/v1alpha1/index.ts';
import type { LogOperation } from '#node-agent/shard/operations.ts';
import type { KubeObject } from '#operator/kube/object.ts';
import { Kernel } from './kernel.ts';
import { KubeServer } from './kube-server.ts';
import { Kubelet } from './kubelet.ts';
import { Network } from './network.ts';
import { SimNode } from './sim-node.ts';
import { SimOperator } from './sim-operator.ts';

export const CLUSTER = 'ring';
export const NAMESPACE = 'default';
export const COLLECTION = 'words';

/** What a seed's world is like at its start. */
export interface Shape {
  nodes: number;
  shards: number;
  replicationFactor: number;
  operators: number;
}

export type AppendListener = (
  node: string,
  shard: string,
  uid: string,
  term: number,
  seqNo: number,
  operation: LogOperation,
) => void;

/** Everything that there is: the API's truth, machines with volumes, the network between them, one clock. */
export class World {
  readonly kernel: Kernel;
  readonly network: Network;
  readonly server: KubeServer;
  readonly kubelet: Kubelet;
  readonly nodes = new Map<string, SimNode>();
  readonly operators: SimOperator[];
  readonly shape: Shape;
  readonly appendListeners: AppendListener[] = [];

  constructor(seed: number, shape: Shape) {
    this.shape = shape;
    this.kernel = new Kernel(seed);
    this.network = new Network(this.kernel);
    this.server = new KubeServer(this.kernel);
    this.kubelet = new Kubelet(this.server, CLUSTER, {
      podAdded: (name) => this.#node(name).add(),
      podRemoved: (name, gone) => this.#node(name).remove(gone),
    });
    this.operators = Array.from(
      { length: shape.operators },
      (_, i) => new SimOperator(this.kernel, this.server, `operator-${i}`, `10.9.0.${i + 1}`),
    );
  }

  /** Applies the first objects and starts the operators. */
  begin(): void {
    const { nodes, shards, replicationFactor } = this.shape;
    const of = (kind: string, name: string, spec: object): KubeObject => ({
      apiVersion: 'annulus.dev/v1alpha1',
      kind,
      metadata: { name, namespace: NAMESPACE },
      spec,
    });
    const cluster = { type: 'Sharded', nodes, replicationFactor, shards, ring: { virtualNodes: 8, maxLoad: '1.2' } };
    this.server.create('VectorCluster', of('VectorCluster', CLUSTER, cluster), 'user');
    const collection = {
      cluster: CLUSTER,
      dimension: 1,
      metric: 'Dot',
      replicationFactor,
      sharding: { strategy: 'Hash', shards },
    };
    this.server.create('Collection', of('Collection', COLLECTION, collection), 'user');
    for (const operator of this.operators) operator.start();
  }

  cluster(): VectorCluster {
    return this.server.get('VectorCluster', NAMESPACE, CLUSTER) as unknown as VectorCluster;
  }

  collection(): Collection {
    return this.server.get('Collection', NAMESPACE, COLLECTION) as unknown as Collection;
  }

  /** By the API's truth, by index. */
  shards(): Shard[] {
    return (this.server.list('Shard') as unknown as Shard[]).sort((a, b) => a.spec.index - b.spec.index);
  }

  shard(name: string): Shard | undefined {
    return this.server.get('Shard', NAMESPACE, name) as unknown as Shard | undefined;
  }

  /** Shards that the routing table names. */
  routed(): Shard[] {
    const names = new Set(this.collection().status?.routing?.entries.map((entry) => entry.shard));
    return this.shards().filter((shard) => names.has(shard.metadata.name));
  }

  shardOfId(id: number): Shard | undefined {
    const slot = slotOf(id);
    return this.routed().find(({ spec }) => slot >= spec.slots.from && slot <= spec.slots.to);
  }

  get pods(): SimNode[] {
    return [...this.nodes.values()].filter((node) => node.wanted);
  }

  #node(name: string): SimNode {
    const known = this.nodes.get(name);
    if (known !== undefined) return known;
    const ip = `10.1.0.${Number(name.slice(CLUSTER.length + 1)) + 1}`;
    const node = new SimNode(
      {
        kernel: this.kernel,
        server: this.server,
        cluster: CLUSTER,
        kubelet: () => this.kubelet,
        onAppended: (...args) => {
          for (const listener of this.appendListeners) listener(...args);
        },
      },
      name,
      ip,
    );
    this.nodes.set(name, node);
    return node;
  }
}
