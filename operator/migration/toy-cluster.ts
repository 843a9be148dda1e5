import type { Shard, ShardCopy, ShardStatus } from '#crds/v1alpha1/index.ts';
import type { CopyReport, CopyRequest } from '#proto/control-messages.ts';
import type { StoredCluster } from '../build/common.ts';
import { wantedNodes } from '../collections.ts';
import { heldNodes } from '../controllers/cluster/drain-progress.ts';
import { advise, type ClusterAdvice } from '../controllers/shard/placement-advice.ts';
import type { ShardInput } from '../controllers/shard/shard-input.ts';
import { planShard } from '../controllers/shard/shard.plan.ts';
import { sameJson } from '../kube/json.ts';
import { stripCounters } from '../controllers/shard/shard-status.ts';
import type { ClusterHealth, NodeHealth } from '../failover/health.ts';
import { scaleDownRefusal } from '../placement/scale-down.ts';
import { makeCluster, makeReport, makeShard, makeSight } from '../testing/fixtures.ts';
import { isMoving } from './migration.ts';

/** Time between two steps of the world. */
export const TICK_MS = 1_000;
/** Ticks that a whole copy takes. */
const COPY_TICKS = 4;
const DEAD_AFTER_MS = 3_000;
const QUIET_MS = 700_000;
const MiB = 1024 * 1024;

interface ToyNode {
  up: boolean;
  since: number;
  /** By shard and allocationId: how far the copy is. */
  files: Map<string, { filled: number; seqNo: number }>;
}

/**
 * A cluster whose operator is the real planner and the real plans of shards, and whose nodes are the simplest that could be: a
 * primary fills Joining copies, asks for them to be added, has copies of dead nodes removed, and hands over when told.
 */
export class ToyCluster {
  now = 1_800_000_000_000;
  cluster: StoredCluster;
  shards: Shard[];
  readonly nodes = new Map<string, ToyNode>();
  /** Highest acknowledged seqNo by shard. */
  readonly acked = new Map<string, number>();
  /** What went wrong, in order; empty while every invariant holds. */
  readonly broken: string[] = [];
  /** Writes of statuses in the last tick, but for counters. */
  writes = 0;
  /** Moves and copies that were begun. */
  starts = 0;
  advice: ClusterAdvice | undefined;
  /** Steps that were written, in order. */
  readonly events: string[] = [];
  /** Primaries do not hear that they should hand over. */
  deaf = false;
  /** Nodes delete nothing. */
  keepsFiles = false;
  /** The operator dies before this write, or before the answers that follow it. */
  crash: () => 'before' | 'after' | undefined = () => undefined;
  #ids = 0;

  constructor(nodes: number, shards: number, replicationFactor: number, budget = 2) {
    this.cluster = makeCluster({ nodes, ring: { virtualNodes: 40 }, rebalance: { maxConcurrentMigrations: budget } });
    this.shards = Array.from({ length: shards }, (_, index) => makeShard({ index, replicationFactor }));
    for (const shard of this.shards) this.acked.set(shard.metadata.name, 0);
    this.#scaleNodes();
  }

  /** One look of everyone at everything. */
  tick(ms = TICK_MS): void {
    this.now += ms;
    this.#scaleNodes();
    this.#workOfNodes();
    this.writes = 0;
    this.advice = advise({
      cluster: this.cluster,
      nodes: [...this.nodes].map(([name, { up, since }]) => ({ name, zone: '', connected: up, since })),
      health: this.#health(),
      shards: this.shards,
      now: this.now,
    });
    this.shards = this.shards.map((shard) => this.#operate(shard));
    for (const shard of this.shards) this.#checkPrimary(shard);
  }

  /** Ticks until nothing has been written for so long that no pause or patience can be under way; false when that takes too long. */
  settle(maxTicks = 2_000): boolean {
    for (let quietMs = 0, ticks = 0; ticks < maxTicks; ticks++) {
      const stepMs = quietMs > 5 * TICK_MS ? 20 * TICK_MS : TICK_MS;
      this.tick(stepMs);
      quietMs = this.writes === 0 ? quietMs + stepMs : 0;
      if (quietMs >= QUIET_MS) return true;
    }
    return false;
  }

  setUp(name: string, up: boolean): void {
    const node = this.nodes.get(name);
    if (node === undefined || node.up === up) return;
    node.up = up;
    node.since = this.now;
  }

  scale(nodes: number): void {
    this.cluster = { ...this.cluster, spec: { ...this.cluster.spec, nodes } };
  }

  annotateCluster(annotations: Record<string, string>): void {
    this.cluster = { ...this.cluster, metadata: { ...this.cluster.metadata, annotations } };
  }

  change(index: number, how: (shard: Shard) => Shard): void {
    this.shards = this.shards.map((shard, i) => (i === index % this.shards.length ? how(shard) : shard));
  }

  annotate(index: number, annotations: Record<string, string>): void {
    this.change(index, (shard) => ({ ...shard, metadata: { ...shard.metadata, annotations } }));
  }

  replicate(index: number, replicationFactor: number): void {
    this.change(index, (shard) => ({ ...shard, spec: { ...shard.spec, replicationFactor } }));
  }

  /** Copies on a node. */
  load(name: string): number {
    return this.shards.filter((shard) => copiesOf(shard).some((copy) => copy.node === name)).length;
  }

  get moving(): number {
    return this.shards.filter((shard) => isMoving(shard.status?.migration)).length;
  }

  #operate(shard: Shard): Shard {
    const input = this.#input(shard);
    const plan = planShard(input, 0);
    const write = plan.actions.find((action) => action.type === 'writeStatus');
    if (write === undefined) return shard;
    if (!sameJson(stripCounters({ ...shard.status }), stripCounters({ ...write.status }))) this.writes += 1;
    const crash = this.crash();
    if (crash === 'before') return shard;
    this.#checkWrite(
      shard,
      write.status,
      write.steps.map((step) => step.reason),
    );
    const after = { ...shard, status: write.status };
    this.#followMap(after);
    return after;
  }

  #input(shard: Shard): ShardInput {
    const reports = new Map([...this.nodes].map(([name]) => [name, this.#report(shard, name)]));
    return {
      shard,
      cluster: this.cluster,
      nodes: new Map(
        [...this.nodes].map(([name, { up, since }]) => {
          const report = reports.get(name);
          const sight = makeSight(name, ...(report === undefined ? [] : [report]));
          return [name, up ? { ...sight, since } : { node: name, connected: false, since, podReady: false }];
        }),
      ),
      health: this.#health(),
      placement: this.advice!.byShard.get(shard.metadata.name)!,
      requests: this.#requests(shard).map((request) => ({
        from: primaryOf(shard)!.node,
        request,
        since: this.now,
        at: this.now,
      })),
      newIds: Array.from({ length: 16 }, () => `id-${this.#ids++}`),
      recoveries: new Map(),
      now: this.now,
    };
  }

  /** What the primary's node asks for now. */
  #requests(shard: Shard): CopyRequest[] {
    const primary = primaryOf(shard);
    if (primary === undefined || !this.#isUp(primary.node) || (shard.status?.primaryTerm ?? 0) === 0) return [];
    const ask = (copy: ShardCopy, action: CopyRequest['action']): CopyRequest => ({
      requestId: 1,
      shard: shard.metadata.name,
      term: shard.status?.primaryTerm ?? 0,
      configVersion: shard.status?.configVersion ?? 0,
      node: copy.node,
      allocationId: copy.allocationId,
      action,
      reason: '',
    });
    const { handoverTo } = shard.status ?? {};
    const inSync = copiesOf(shard).filter((copy) => copy.inSync);
    return copiesOf(shard).flatMap((copy): CopyRequest[] => {
      if (copy === primary) return [];
      if (copy.inSync && !this.#isUp(copy.node)) return [ask(copy, 'REMOVE_FROM_IN_SYNC')];
      if (!copy.inSync && this.#isUp(copy.node) && this.#file(shard, copy)?.filled === COPY_TICKS)
        return [ask(copy, 'ADD_TO_IN_SYNC')];
      const drained = !this.deaf && handoverTo === copy.node && inSync.every((each) => this.#isUp(each.node));
      return drained ? [ask(copy, 'HAND_OVER')] : [];
    });
  }

  #workOfNodes(): void {
    for (const shard of this.shards) {
      const primary = primaryOf(shard);
      if (primary === undefined || !this.#isUp(primary.node) || (shard.status?.primaryTerm ?? 0) === 0) continue;
      const source = this.#file(shard, primary);
      if (source === undefined) continue;
      const copies = copiesOf(shard);
      const sealed = shard.status?.handoverTo !== undefined;
      if (!sealed) source.seqNo += 1;
      for (const copy of copies) {
        const file = this.#file(shard, copy);
        if (copy === primary || file === undefined || !this.#isUp(copy.node)) continue;
        // What has been in sync before catches up by the log at once.
        if (!copy.inSync && file.filled < COPY_TICKS) file.filled += 1;
        if (file.filled === COPY_TICKS) file.seqNo = source.seqNo;
      }
      const inSync = copies.filter((copy) => copy.inSync && copy !== primary);
      const reached = inSync.filter((copy) => this.#isUp(copy.node));
      if (!sealed && reached.length === inSync.length) this.acked.set(shard.metadata.name, source.seqNo);
    }
  }

  /** Nodes make and delete files as the map says; those that are down do it when they are back. */
  #followMap(shard: Shard): void {
    for (const [name, node] of this.nodes) {
      if (!node.up) continue;
      const mine = copiesOf(shard).find((copy) => copy.node === name);
      for (const key of node.files.keys()) {
        const superfluous = key.startsWith(`${shard.metadata.name}/`) && key !== keyOf(shard, mine);
        if (superfluous && !this.keepsFiles) node.files.delete(key);
      }
      const key = keyOf(shard, mine);
      if (key === undefined || node.files.has(key)) continue;
      if ((shard.status?.primaryTerm ?? 0) === 0) node.files.set(key, { filled: COPY_TICKS, seqNo: 0 });
      else if (mine?.inSync === false) node.files.set(key, { filled: 0, seqNo: 0 });
    }
  }

  #report(shard: Shard, name: string): CopyReport | undefined {
    this.#followMap(shard);
    const copy = copiesOf(shard).find((each) => each.node === name);
    const stray = [...(this.nodes.get(name)?.files.keys() ?? [])].find((key) =>
      key.startsWith(`${shard.metadata.name}/`),
    );
    if (copy === undefined && stray === undefined) return undefined;
    const file = copy && this.#file(shard, copy);
    const filled = file?.filled ?? 0;
    const streams = copiesOf(shard).flatMap((other) => {
      const phase = (this.#file(shard, other)?.filled ?? 0) < COPY_TICKS ? 'recovering' : 'streaming';
      if (copy?.role !== 'Primary' || other === copy) return [];
      return [{ node: other.node, allocationId: other.allocationId, phase, seqNo: 0, failure: '' }];
    });
    return makeReport({
      shard: shard.metadata.name,
      allocationId: copy?.allocationId ?? 'leaving',
      state: file === undefined ? 'MISSING' : copy?.inSync === true ? 'READY' : this.#fillingState(shard, filled),
      seqNo: file?.seqNo ?? 0,
      bytes: filled * MiB,
      copiedPoints: filled < COPY_TICKS ? filled * 100 : 0,
      totalPoints: filled < COPY_TICKS ? COPY_TICKS * 100 : 0,
      streams,
    });
  }

  #fillingState(shard: Shard, filled: number): CopyReport['state'] {
    return (shard.status?.primaryTerm ?? 0) === 0 || filled === 0 ? 'CREATED' : 'RECOVERING';
  }

  #health(): ClusterHealth {
    const up = [...this.nodes.values()].filter((node) => node.up).length;
    const majority = up > wantedNodes(this.cluster) / 2;
    const nodes = [...this.nodes].map(([name, node]): [string, NodeHealth] => {
      const gone = !node.up && this.now - node.since >= DEAD_AFTER_MS;
      const state = node.up ? 'Alive' : gone ? 'Dead' : 'Suspect';
      return [name, { state, since: node.since + (gone ? DEAD_AFTER_MS : 0), why: 'toy' }];
    });
    return { majority, nodes: new Map(nodes) };
  }

  /** The StatefulSet, as the cluster's plan sizes it. */
  #scaleNodes(): void {
    const held = heldNodes(this.cluster, this.shards);
    const present = Math.max(wantedNodes(this.cluster), this.nodes.size, held);
    const refused = scaleDownRefusal(this.cluster, present, this.shards) !== undefined;
    const count = refused ? present : Math.max(wantedNodes(this.cluster), held);
    for (let i = 0; i < count; i++) {
      const name = `ring-${i}`;
      if (!this.nodes.has(name)) this.nodes.set(name, { up: true, since: this.now, files: new Map() });
    }
    for (const name of this.nodes.keys()) if (Number(name.slice('ring-'.length)) >= count) this.nodes.delete(name);
  }

  #checkWrite(shard: Shard, status: ShardStatus, steps: string[]): void {
    const living = (copies: ShardCopy[]): number =>
      copies.filter((copy) => copy.inSync && this.#isUp(copy.node)).length;
    const before = living(copiesOf(shard));
    const least = Math.min(shard.spec.replicationFactor, before);
    if (living(status.copies ?? []) < least)
      this.#break(shard, `fewer than ${least} living in-sync copies after ${steps.join(', ')}`);
    this.events.push(...steps);
    const begun = steps.filter((step) => step === 'MigrationStarted' || step === 'CopyAdded').length;
    this.starts += begun;
    const running = this.shards.filter(
      (other) => other !== shard && (isMoving(other.status?.migration) || this.#joins(copiesOf(other))),
    ).length;
    const { maxConcurrentMigrations: budget = 2 } = this.cluster.spec.rebalance ?? {};
    if (begun > 0 && running + begun > budget)
      this.#break(shard, `${running + begun} copies on the move, ${budget} allowed`);
    if (new Set(status.copies?.map((copy) => copy.node)).size !== status.copies?.length)
      this.#break(shard, 'two copies on one node');
    if (status.copies?.filter((copy) => copy.role === 'Primary').length !== 1 && (status.primaryTerm ?? 0) > 0)
      this.#break(shard, 'not one primary');
  }

  #joins(copies: ShardCopy[]): boolean {
    const primary = copies.find((copy) => copy.role === 'Primary');
    return copies.some((copy) => copy.role === 'Joining' && this.#isUp(copy.node)) && this.#isUp(primary?.node ?? '');
  }

  #checkPrimary(shard: Shard): void {
    const primary = primaryOf(shard);
    const file = primary && this.#file(shard, primary);
    const acked = this.acked.get(shard.metadata.name) ?? 0;
    if (acked > 0 && (file?.seqNo ?? 0) < acked)
      this.#break(shard, `the primary has seqNo ${file?.seqNo}, ${acked} was acknowledged`);
  }

  #break(shard: Shard, what: string): void {
    this.broken.push(`${shard.metadata.name}: ${what}`);
  }

  #isUp(name: string): boolean {
    return this.nodes.get(name)?.up === true;
  }

  #file(shard: Shard, copy: ShardCopy): { filled: number; seqNo: number } | undefined {
    return this.nodes.get(copy.node)?.files.get(keyOf(shard, copy) ?? '');
  }
}

export function copiesOf(shard: Shard): ShardCopy[] {
  return shard.status?.copies ?? [];
}

function primaryOf(shard: Shard): ShardCopy | undefined {
  return copiesOf(shard).find((copy) => copy.role === 'Primary');
}

function keyOf(shard: Shard, copy: ShardCopy | undefined): string | undefined {
  return copy && `${shard.metadata.name}/${copy.allocationId}`;
}
