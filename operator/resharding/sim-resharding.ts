import type { Collection, RoutingTable, Shard } from '#crds/v1alpha1/index.ts';
import { isRouted, type ClusterMap, type MapShard } from '#model/cluster-map.ts';
import { evenSlots, SLOTS } from '#model/slot.ts';
import type { CopyReport, FeedReport } from '#proto/control-messages.ts';
import { compileMap } from '../cluster-map/compile.ts';
import type { NodeSight } from '../control/sights.ts';
import { makeCluster, makeCollection, makeReport, makeShard, makeSight } from '../testing/fixtures.ts';
import { MapFacts } from './map-facts.ts';
import { planResharding } from './plan.ts';
import { isUnderWay, type ReshardingInput } from './types.ts';

/** A fault put in on purpose: the simulation must notice it. */
export interface ReshardingMutation {
  /** Old shards take writes again when the table is switched. */
  unsealed?: boolean;
  /** New shards are thought to have everything. */
  noWait?: boolean;
}

interface Write {
  slot: number;
  id: number;
}
interface Seen {
  collection: Collection;
  version: number;
  shards: Shard[];
}
interface SimNode {
  name: string;
  map: ClusterMap | null;
  /** Maps that are on their way, in order. */
  inbox: ClusterMap[];
  /** Feeds of new shards that have their primary here. */
  feeds: Map<string, FeedReport & { stalledUntil: number }>;
  /** Until then its reports do not come through. */
  mutedUntil: number;
}

const CLUSTER = makeCluster({ shards: 2 });
const STEP_MS = 40;
const PHASES = ['copying', 'syncing', 'verifying', 'ready'];

/** One collection whose number of shards changes under writes: API, operator with crashes and a late cache, maps and reports that travel. */
export class ReshardingWorld {
  readonly phases = new Set<string>();
  switches = 0;
  #seed: number;
  #mutation: ReshardingMutation;
  #now = Date.parse('2026-01-01T00:00:00Z');
  #wanted = 2;
  // The API.
  #collection: Collection;
  #version = 1;
  #shards = new Map<string, Shard>();
  // The operator.
  #cache: Seen;
  #facts = new MapFacts();
  #published: ClusterMap | null = null;
  #sights = new Map<string, NodeSight>();
  // The nodes: a shard's points in the order of its log.
  #nodes: SimNode[] = ['ring-0', 'ring-1'].map((name) => ({
    name,
    map: null,
    inbox: [],
    feeds: new Map(),
    mutedUntil: 0,
  }));
  #logs = new Map<string, Write[]>();
  #acknowledged: Write[] = [];

  constructor(seed: number, mutation: ReshardingMutation = {}) {
    this.#seed = seed;
    this.#mutation = mutation;
    const entries = evenSlots(2).map((slots, index) => ({ shard: `words-${index}`, slots }));
    this.#collection = { ...makeCollection(), status: { routing: { version: 1, entries } } };
    entries.forEach(({ slots }, index) => this.#create({ index, slots }));
    this.#cache = this.#look();
  }

  get writes(): number {
    return this.#acknowledged.length;
  }

  /** Changes the wanted number now and then, then waits for peace. Throws with what is wrong. */
  run(busyMs: number, quietMs: number): void {
    const start = this.#now;
    while (this.#now < start + busyMs) {
      if (this.#chance(0.002)) this.#wanted = 1 + this.#below(4);
      this.#step(true);
    }
    while (this.#now < start + busyMs + quietMs && !this.#settled()) this.#step(false);
    if (!this.#settled()) throw new Error(`it does not end: ${JSON.stringify(this.#collection.status?.resharding)}`);
    this.#check();
  }

  #settled(): boolean {
    const { resharding, routing } = this.#collection.status ?? {};
    return !isUnderWay(resharding) && routing?.entries.length === this.#wanted && this.#shards.size === this.#wanted;
  }

  /** Every acknowledged write is in the shard that owns its slot. */
  #check(): void {
    const { entries } = this.#routing();
    for (const { shard, slots } of entries) {
      const there = new Set(this.#logs.get(shard)?.map(({ id }) => id));
      const lost = this.#acknowledged.find(({ slot, id }) => slot >= slots.from && slot <= slots.to && !there.has(id));
      if (lost !== undefined) throw new Error(`write ${lost.id} of slot ${lost.slot} is not in ${shard}`);
    }
  }

  #routing(): RoutingTable {
    const { routing } = this.#collection.status ?? {};
    let next = 0;
    for (const { shard, slots } of routing?.entries ?? []) {
      if (slots.from !== next) throw new Error(`slot ${next} has no owner`);
      if (!this.#shards.has(shard)) throw new Error(`shard ${shard} is in the table and is gone`);
      next = slots.to + 1;
    }
    if (routing === undefined || next !== SLOTS) throw new Error('the table does not cover all slots');
    return routing;
  }

  #step(faults: boolean): void {
    this.#now += 1 + this.#below(STEP_MS);
    if (this.#chance(0.5)) this.#cache = this.#look();
    this.#activate();
    if (this.#chance(0.5)) this.#operate(faults);
    if (this.#chance(0.5)) this.#publish();
    if (faults && this.#chance(0.003)) this.#restart();
    for (const node of this.#nodes) {
      if (this.#chance(0.5)) this.#take(node);
      this.#feed(node, faults);
      if (faults && this.#chance(0.002)) node.mutedUntil = this.#now + 20_000;
      if (this.#now >= node.mutedUntil && this.#chance(0.4)) this.#report(node);
      this.#write(node);
    }
  }

  #look(): Seen {
    return { collection: this.#collection, version: this.#version, shards: [...this.#shards.values()] };
  }

  /** The shard controller and the nodes make first copies. */
  #activate(): void {
    for (const [name, shard] of this.#shards) {
      if ((shard.status?.primaryTerm ?? 0) > 0 || !this.#chance(0.1)) continue;
      const node = this.#nodes[shard.spec.index % this.#nodes.length]!.name;
      const copies = [{ node, role: 'Primary' as const, inSync: true, allocationId: `${name}-a` }];
      this.#shards.set(name, { ...shard, status: { primaryTerm: 1, configVersion: 1, copies } });
      this.#logs.set(name, []);
    }
  }

  #create(spec: Partial<Shard['spec']>): void {
    const shard = makeShard({ replicationFactor: 1, ...spec });
    const { name } = shard.metadata;
    if (!this.#shards.has(name)) this.#shards.set(name, shard);
  }

  #operate(faults: boolean): void {
    const { collection, version, shards } = this.#cache;
    const input: ReshardingInput = {
      collection,
      shards,
      wanted: this.#wanted,
      template: { cluster: 'ring', collection: 'words', replicationFactor: 1, minInSync: 1 },
      nodes: this.#mutation.noWait ? eager(this.#sights) : this.#sights,
      sealedSince: (shard) => this.#facts.sealedSince('ring', shard),
      tableSince: (table) => this.#facts.tableSince('ring', 'words', table),
      now: this.#now,
    };
    const plan = planResharding(input);
    const crash = (): boolean => faults && this.#chance(0.01);
    for (const spec of plan.create) {
      if (crash()) return this.#restart();
      this.#create(spec);
    }
    for (const shard of plan.remove) {
      if (crash()) return this.#restart();
      if (this.#routing().entries.some((entry) => entry.shard === shard.metadata.name))
        throw new Error('routed, removed');
      this.#shards.delete(shard.metadata.name);
    }
    if (crash()) return this.#restart();
    // Refused by the API when the object has changed since.
    if (version !== this.#version || plan.resharding === undefined) return;
    const routing = plan.routing ?? collection.status?.routing;
    if (plan.routing !== undefined) this.switches++;
    this.phases.add(plan.resharding.phase);
    this.#collection = {
      ...collection,
      status: { ...collection.status, ...(routing === undefined ? {} : { routing }), resharding: plan.resharding },
    };
    this.#version++;
    this.#routing();
  }

  #restart(): void {
    this.#facts = new MapFacts();
    this.#cache = this.#look();
    this.#sights = new Map();
  }

  #publish(): void {
    const { collection, shards } = this.#cache;
    const content = compileMap({ cluster: CLUSTER, nodes: [], shards, collections: [collection], hosted: [] });
    const version = (this.#published?.version ?? 0) + 1;
    if (
      this.#published !== null &&
      JSON.stringify({ ...content, version: version - 1 }) === JSON.stringify(this.#published)
    ) {
      this.#facts.note('ring', version - 1, content);
      return;
    }
    this.#published = { ...content, version };
    this.#facts.note('ring', version, content);
    for (const node of this.#nodes) node.inbox.push(this.#published);
  }

  #take(node: SimNode): void {
    const map = node.inbox.shift();
    if (map === undefined) return;
    node.map = map;
    for (const key of node.feeds.keys()) {
      const [target = '', source = ''] = key.split(' ');
      if (
        !shardsOf(map).some(({ name, sources }) => name === target && sources?.some(({ shard }) => shard === source))
      ) {
        node.feeds.delete(key);
      }
    }
  }

  /** Pulls what the sources have, entry by entry. */
  #feed(node: SimNode, faults: boolean): void {
    for (const shard of shardsOf(node.map)) {
      if (shard.copies[0]?.node !== node.name) continue;
      for (const { shard: source, slots } of shard.sources ?? []) {
        const key = `${shard.name} ${source}`;
        const fresh = {
          source,
          phase: 'copying',
          seqNo: 0,
          term: 1,
          copiedPoints: 0,
          totalPoints: 0,
          failure: '',
          stalledUntil: 0,
        };
        const feed = node.feeds.get(key) ?? fresh;
        node.feeds.set(key, feed);
        if (this.#now < feed.stalledUntil) continue;
        if (faults && this.#chance(0.002)) feed.stalledUntil = this.#now + 15_000;
        const log = this.#logs.get(source) ?? [];
        const entries = log.slice(feed.seqNo, feed.seqNo + 1 + this.#below(20));
        this.#logs.get(shard.name)!.push(...entries.filter(({ slot }) => slot >= slots.from && slot <= slots.to));
        feed.seqNo += entries.length;
        if (this.#chance(0.1)) feed.phase = PHASES[Math.min(3, PHASES.indexOf(feed.phase) + 1)]!;
      }
    }
  }

  #report(node: SimNode): void {
    const copies = shardsOf(node.map)
      .filter((shard) => shard.copies[0]?.node === node.name)
      .map((shard): CopyReport => {
        const feeds = [...node.feeds]
          .filter(([key]) => key.startsWith(`${shard.name} `))
          .map(([, feed]) => ({ ...feed }));
        const seqNo = this.#logs.get(shard.name)?.length ?? 0;
        const { allocationId } = shard.copies[0]!;
        const drained = shard.sealed === true;
        return makeReport({
          shard: shard.name,
          allocationId,
          state: 'READY',
          seqNo,
          checkpoint: seqNo,
          feeds,
          drained,
        });
      });
    const sight = makeSight(node.name, ...copies);
    sight.report!.mapVersion = node.map?.version ?? 0;
    this.#sights.set(node.name, sight);
  }

  /** A client's write through this node: by its map, and taken if the primary's node agrees. */
  #write(node: SimNode): void {
    const collection = node.map?.collections[0];
    if (collection === undefined || !this.#chance(0.3)) return;
    const slot = this.#below(SLOTS);
    const name = collection.routing.find(({ slots }) => slot >= slots.from && slot <= slots.to)?.shard;
    const owner = shardsOf(node.map).find((shard) => shard.name === name)?.copies[0]?.node;
    const primary = this.#nodes.find((other) => other.name === owner);
    const there = primary?.map?.collections[0];
    const shard = there?.shards.find((candidate) => candidate.name === name);
    if (there === undefined || shard === undefined) return;
    if (this.#mutation.unsealed ? shard.sealed && isRouted(there, shard) : shard.sealed || !isRouted(there, shard))
      return;
    const write = { slot, id: this.#acknowledged.length };
    this.#logs.get(shard.name)!.push(write);
    this.#acknowledged.push(write);
  }

  #chance(of: number): boolean {
    return this.#below(10_000) < of * 10_000;
  }

  #below(count: number): number {
    this.#seed = (this.#seed * 48_271 + 11) % 2_147_483_647;
    return Math.floor((this.#seed / 2_147_483_647) * count);
  }
}

function shardsOf(map: ClusterMap | null): MapShard[] {
  return map?.collections[0]?.shards ?? [];
}

/** The reports as they would be if every feed were done. */
function eager(sights: Map<string, NodeSight>): Map<string, NodeSight> {
  return new Map(
    [...sights].map(([name, sight]) => {
      const copies = (sight.report?.copies ?? []).map((copy) => ({
        ...copy,
        feeds: copy.feeds.map((feed) => ({ ...feed, phase: 'ready', seqNo: Number.MAX_SAFE_INTEGER })),
      }));
      return [name, { ...sight, ...(sight.report === undefined ? {} : { report: { ...sight.report, copies } }) }];
    }),
  );
}
