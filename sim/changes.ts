import type { JsonObject } from '#operator/kube/json.ts';
import type { Random } from './random.ts';
import { CLUSTER, COLLECTION, NAMESPACE, type World } from './world.ts';

/** Kinds of change that a run may make; a list of them is a run's plan. */
export type Change = 'scale' | 'reshard' | 'replicationFactor' | 'migrate' | 'cordon';

/** People (and autoscalers) who change what they want while everything goes on. */
export class Changes {
  readonly #world: World;
  readonly #random: Random;
  readonly #log: (what: string) => void;
  readonly #kinds: readonly Change[];
  #on = false;

  constructor(world: World, kinds: readonly Change[], log: (what: string) => void) {
    this.#world = world;
    this.#kinds = kinds;
    this.#log = log;
    this.#random = world.kernel.random.fork('changes');
  }

  start(everyMs: number): void {
    if (this.#kinds.length === 0) return;
    this.#on = true;
    const turn = (): void => {
      if (!this.#on) return;
      this.#world.kernel.after(this.#random.between(0.3, 2) * everyMs, null, turn);
      this.#do(this.#random.pick(this.#kinds));
    };
    this.#world.kernel.after(this.#random.between(500, everyMs), null, turn);
  }

  /** Moves by hand and cordons are taken back: the rest of the wishes stays. */
  stop(): void {
    this.#on = false;
    const none = { metadata: { annotations: null } };
    this.#patch('VectorCluster', CLUSTER, none);
    for (const shard of this.#world.shards()) this.#patch('Shard', shard.metadata.name, none);
    // Fewer nodes than copies of a shard is a wish that is refused, and stays so.
    const copies = this.#world.collection().spec.replicationFactor ?? 2;
    if ((this.#world.cluster().spec.nodes ?? 3) < copies) this.#cluster({ nodes: copies });
  }

  #do(change: Change): void {
    const random = this.#random;
    switch (change) {
      case 'scale': {
        const { nodes, replicationFactor } = this.#world.shape;
        return this.#cluster({ nodes: random.int(Math.max(replicationFactor, nodes - 1), nodes + 2) });
      }
      case 'reshard':
        return this.#collection({ sharding: { shards: random.pick([1, 2, 3, 4]) } });
      case 'replicationFactor':
        return this.#collection({ replicationFactor: random.int(1, Math.min(3, this.#world.shape.nodes)) });
      case 'migrate': {
        const shards = this.#world.routed();
        if (shards.length === 0) return;
        const shard = random.pick(shards);
        if (!shard.status?.copies?.length) return;
        const from = random.pick((shard.status?.copies ?? []).map((copy) => copy.node));
        const to = random.pick(this.#world.pods).name;
        const annotations = { 'annulus.dev/migrate': `${from}:${to}` };
        this.#log(`annotation: ${shard.metadata.name} from ${from} to ${to}`);
        return this.#patch('Shard', shard.metadata.name, { metadata: { annotations } });
      }
      case 'cordon': {
        const pods = this.#world.pods;
        if (pods.length === 0) return;
        const names = random.shuffled(pods.map((pod) => pod.name)).slice(0, random.int(0, 1));
        const annotation = random.pick(['annulus.dev/cordon', 'annulus.dev/drain']);
        this.#log(`${annotation}: ${names.join(',')}`);
        const annotations = { [annotation]: names.length === 0 ? null : names.join(',') };
        return this.#patch('VectorCluster', CLUSTER, { metadata: { annotations } });
      }
    }
  }

  #cluster(spec: JsonObject): void {
    this.#log(`${CLUSTER}: ${JSON.stringify(spec)}`);
    this.#patch('VectorCluster', CLUSTER, { spec });
  }

  #collection(spec: JsonObject): void {
    this.#log(`${COLLECTION}: ${JSON.stringify(spec)}`);
    this.#patch('Collection', COLLECTION, { spec });
  }

  #patch(kind: string, name: string, patch: JsonObject): void {
    this.#world.server.mergePatch(kind, NAMESPACE, name, patch, 'user');
  }
}
