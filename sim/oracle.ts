import { slotOf } from '#model/slot.ts';
import type { Collection, Shard, ShardCopy } from '#crds/v1alpha1/index.ts';
import type { KubeObject } from '#operator/kube/object.ts';
import type { CopyFile } from './copy-file.ts';
import { History, orderText, versionOf, type Appended } from './history.ts';
import { CLUSTER, type World } from './world.ts';

/** An invariant does not hold. */
export class Violation extends Error {
  readonly seedTime: number;
  /** Something did not come to its end; no promise was broken. */
  readonly liveness: boolean;
  constructor(message: string, at: number, liveness = false) {
    super(message);
    this.liveness = liveness;
    this.name = 'Violation';
    this.seedTime = at;
  }
}

const ACTIVE = new Set(['Preparing', 'Copying', 'Syncing', 'Verifying', 'Switching']);

/** Checks the promises at every step that could break them: appends, acknowledgements, answers, writes of the API's truth. */
export class Oracle {
  readonly history = new History();
  readonly world: World;
  /** Table version in which each shard came into force. */
  #epochs = new Map<string, number>();
  /** Damage put in on purpose: such copies are not held to anything, their nodes are to find out. */
  readonly damaged = new Set<CopyFile>();

  constructor(world: World) {
    this.world = world;
    world.appendListeners.push((node, shard, _uid, term, seqNo, operation) =>
      this.history.appended(node, shard, this.#epochOf(shard), term, seqNo, operation),
    );
    world.server.onChange.push((kind, before, after, writer) => this.#onObject(kind, before, after, writer));
  }

  fail(message: string): void {
    this.world.kernel.failure ??= new Violation(message, this.world.kernel.now);
  }

  /** A client heard that its write is safe. */
  acknowledged(id: number, version: number | null, seqNo: number): void {
    const entry = this.history.acknowledge(id, version, seqNo);
    if (typeof entry === 'string') return this.fail(entry);
    const shard = this.world.shard(entry.shard);
    if (shard === undefined) return;
    if (this.#isRouted(shard)) this.#checkPoint(shard, id, `at the acknowledgement of ${orderText(entry)}`);
  }

  /** A `primary` read that began when `floor` was acknowledged. */
  readPrimary(id: number, content: number | null, floor: Appended | null): void {
    const problem = this.history.judge(id, content, floor);
    if (problem !== null) this.fail(`a primary read missed an acknowledged write: ${problem}`);
  }

  /** The copy's file on its node's volume. */
  file(shard: Shard, copy: ShardCopy): CopyFile | undefined {
    return this.world.nodes.get(copy.node)?.disk.copies.get(`${shard.metadata.uid}/${copy.allocationId}`);
  }

  /** Content of every in-sync copy of every routed shard against the model. */
  checkAll(when: string): void {
    for (const shard of this.world.routed()) this.#checkShard(shard, when);
  }

  /** In-sync copies whose logs end at the same entry (seqNo and term: tails that nobody acknowledged may differ) hold the same points. */
  compareCopies(): void {
    for (const shard of this.world.shards()) {
      const seen = new Map<string, { node: string; content: string }>();
      for (const copy of shard.status?.copies ?? []) {
        const file = copy.inSync ? this.file(shard, copy) : undefined;
        if (!file || file.inTransaction || file.meta.importing || this.damaged.has(file)) continue;
        const rows = file.sorted().map((row) => `${String(row.id)}=${row.payload}`);
        const content = rows.join();
        const last = file.log.at(-1);
        if (last === undefined) continue;
        const end = `${last.seqNo} of term ${last.term}`;
        const other = seen.get(end);
        seen.set(end, { node: copy.node, content });
        if (other === undefined || other.content === content) continue;
        this.fail(
          `in-sync copies of ${shard.metadata.name} on ${other.node} and ${copy.node} differ at seqNo ${end}: ${other.content} | ${content}`,
        );
      }
    }
  }

  #checkShard(shard: Shard, when: string): void {
    for (const id of this.history.ids) if (owns(shard, id)) this.#checkPoint(shard, id, when);
  }

  #checkPoint(shard: Shard, id: number, when: string): void {
    const floor = this.history.acknowledgedOf(id);
    if (floor === null || !owns(shard, id)) return;
    for (const copy of shard.status?.copies ?? []) {
      if (!copy.inSync) continue;
      const file = this.file(shard, copy);
      if (file === undefined) {
        return this.fail(`${when}: in-sync copy of ${shard.metadata.name} on ${copy.node} has no data`);
      }
      if (file.failedMark !== '' || this.damaged.has(file)) continue;
      const problem = this.history.judge(id, versionOf(file.row(String(id))?.payload ?? null), floor);
      if (problem !== null) this.fail(`${when}: in-sync copy of ${shard.metadata.name} on ${copy.node}: ${problem}`);
    }
  }

  #epochOf(shard: string): number {
    // A shard that is being filled is not in force yet: what it takes over from the old ones is theirs.
    return this.#epochs.get(shard) ?? Number.MAX_SAFE_INTEGER;
  }

  #isRouted(shard: Shard): boolean {
    return (
      this.world.collection().status?.routing?.entries.some((entry) => entry.shard === shard.metadata.name) ?? false
    );
  }

  #onObject(kind: string, before: KubeObject | undefined, after: KubeObject | undefined, writer: string): void {
    if (after === undefined) return;
    if (kind === 'Shard') this.#onShard(before as never, after as unknown as Shard, writer);
    if (kind === 'Collection') this.#onCollection(before as never, after as unknown as Collection, writer);
  }

  #onShard(before: Shard | undefined, after: Shard, writer: string): void {
    const name = after.metadata.name;
    const old = before?.status;
    const now = after.status;
    if (now === undefined) return;
    if ((now.primaryTerm ?? 0) < (old?.primaryTerm ?? 0)) this.fail(`${writer} lowered the term of ${name}`);
    if ((now.configVersion ?? 0) < (old?.configVersion ?? 0)) this.fail(`${writer} lowered configVersion of ${name}`);
    const copies = now.copies ?? [];
    const primaries = copies.filter((copy) => copy.role === 'Primary');
    if (primaries.length > 1) this.fail(`${name} has ${primaries.length} primaries`);
    const had = old?.copies?.some((copy) => copy.inSync) ?? false;
    if (had && !copies.some((copy) => copy.inSync)) this.fail(`${writer} left ${name} without an in-sync copy`);
    if (changedCopies(old?.copies, copies)) {
      if ((now.configVersion ?? 0) <= (old?.configVersion ?? 0)) {
        this.fail(`${writer} changed the copies of ${name} without a new configVersion`);
      }
      if (this.#isRouted(after)) this.#checkShard(after, `after ${writer} changed the copies of ${name}`);
    }
    this.#checkBudget();
  }

  #checkBudget(): void {
    const max = this.world.cluster().spec.rebalance?.maxConcurrentMigrations ?? 2;
    const moving = this.world.shards().filter(({ status }) => status?.migration && ACTIVE.has(status.migration.phase));
    if (moving.length > max) {
      this.fail(
        `${moving.length} migrations run at once, ${max} may: ${moving.map((s) => s.metadata.name).join(', ')}`,
      );
    }
  }

  #onCollection(before: Collection | undefined, after: Collection, writer: string): void {
    const old = before?.status?.routing;
    const now = after.status?.routing;
    if (now === undefined) {
      if (old !== undefined) this.fail(`${writer} took the routing table of ${after.metadata.name} away`);
      return;
    }
    if (now.version === old?.version) return;
    if (now.version < (old?.version ?? 0)) this.fail(`${writer} lowered the table version of ${after.metadata.name}`);
    const entries = [...now.entries].sort((a, b) => a.slots.from - b.slots.from);
    let next = 0;
    for (const { slots } of entries) {
      if (slots.from !== next) this.fail(`the table of ${after.metadata.name} has a gap or overlap at slot ${next}`);
      next = slots.to + 1;
    }
    if (next !== 16_384) this.fail(`the table of ${after.metadata.name} ends at slot ${next}`);
    for (const { shard } of entries) if (!this.#epochs.has(shard)) this.#epochs.set(shard, now.version);
    this.checkAll(`after ${writer} switched the table of ${CLUSTER}/${after.metadata.name} to version ${now.version}`);
  }
}

export function owns(shard: Shard, id: number): boolean {
  const slot = slotOf(id);
  return slot >= shard.spec.slots.from && slot <= shard.spec.slots.to;
}

function changedCopies(before: ShardCopy[] | undefined, after: ShardCopy[]): boolean {
  const identity = (copies: ShardCopy[]): string =>
    JSON.stringify(copies.map(({ node, role, inSync, allocationId }) => [node, role, inSync, allocationId]));
  return identity(before ?? []) !== identity(after);
}
