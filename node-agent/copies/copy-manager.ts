import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { OpenResult, ShardHost } from '../shard/shard-host.ts';
import type { MapStore, PlacedShard } from '../routing/map-store.ts';
import { planCopy, wantedCopy, type CopyAction, type LocalState, type WantedCopy } from './copy-plan.ts';
import type { LocalCopies, LocalCopy } from './local-copies.ts';

const FAILED_RETRY_MS = 10_000;
const SWEEP_MS = 2_000;

export interface CopyManagerOptions {
  dataDir: string;
  /** uids of shards that the sweep leaves alone: data of a cluster that had this volume before. */
  formerShards?: ReadonlySet<string>;
  node: string;
  host: ShardHost;
  maps: MapStore;
  copies: LocalCopies;
  logger: Logger;
  /** Called when an open copy may have become, or ceased to be, a primary. */
  onCopy(copy: LocalCopy): Promise<void>;
  /** Called before a copy's files go. */
  onGone(copy: LocalCopy): void;
  /** Called when a report would say something new. */
  onState(): void;
}

/** Makes the copies on this node what the map says: one job a shard, level-triggered, so that a lost or doubled trigger does no harm. */
export class CopyManager {
  #options: CopyManagerOptions;
  #jobs = new Map<string, { again: boolean }>();
  #timer: NodeJS.Timeout;
  #sweeping = false;
  #stopped = false;
  #ready = false;

  constructor(options: CopyManagerOptions) {
    this.#options = options;
    options.maps.subscribe(() => this.reconcileAll());
    options.host.onExit((shards, error) => this.#lost(shards, error));
    this.#timer = setInterval(() => this.reconcileAll(), SWEEP_MS);
    this.#timer.unref();
  }

  /**
   * Every copy that the map placed here at the start is open, or is said to be missing or failed: the operator deals with these, the others
   * are to be served. Once so it stays so: a copy that comes later does not take the node out of service.
   */
  get ready(): boolean {
    if (this.#ready) return true;
    for (const { wanted } of this.#wanted()) {
      const state = this.#options.copies.get(wanted.shard)?.state.kind;
      if (state === undefined || state === 'opening') return false;
    }
    this.#ready = true;
    return true;
  }

  reconcileAll(): void {
    if (this.#stopped) return;
    const shards = new Set(this.#options.copies.all().map((copy) => copy.shard));
    for (const { wanted } of this.#wanted()) shards.add(wanted.shard);
    for (const shard of shards) this.#trigger(shard);
    if (this.#options.maps.live) void this.#sweepFolders();
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
  }

  *#wanted(): Generator<{ placed: PlacedShard; wanted: WantedCopy }> {
    for (const placed of this.#options.maps.shards()) {
      const copy = placed.shard.copies.find((candidate) => candidate.node === this.#options.node);
      if (copy) yield { placed, wanted: wantedCopy(placed.collection, placed.shard, copy) };
    }
  }

  #wantedOf(shard: string): WantedCopy | null {
    const placed = this.#options.maps.shard(shard);
    const copy = placed?.shard.copies.find((candidate) => candidate.node === this.#options.node);
    return placed && copy ? wantedCopy(placed.collection, placed.shard, copy) : null;
  }

  #trigger(shard: string): void {
    const running = this.#jobs.get(shard);
    if (running) {
      running.again = true;
      return;
    }
    const job = { again: true };
    this.#jobs.set(shard, job);
    void this.#run(shard, job).finally(() => this.#jobs.delete(shard));
  }

  async #run(shard: string, job: { again: boolean }): Promise<void> {
    while (job.again && !this.#stopped) {
      job.again = false;
      try {
        const wanted = this.#wantedOf(shard);
        const known = this.#options.copies.get(shard) ?? null;
        const action = planCopy(wanted, known, this.#options.maps.live, Date.now());
        if (action.type !== 'none') {
          job.again = true;
          await this.#act(shard, action, wanted, known);
          this.#options.onState();
        }
        const copy = this.#options.copies.get(shard);
        if (copy?.state.kind === 'open') await this.#options.onCopy(copy);
      } catch (error) {
        this.#options.logger.error({ shard, error: String(error) }, 'copy could not be brought to what the map says');
        return;
      }
    }
  }

  async #act(shard: string, action: CopyAction, wanted: WantedCopy | null, known: LocalCopy | null): Promise<void> {
    switch (action.type) {
      case 'open':
        if (wanted) await this.#open(wanted, action.create);
        return;
      case 'destroy':
        if (known) await this.#destroy(known);
        return;
      case 'configure':
        await this.#options.host.configure(shard, action.settings);
        if (known) known.settings = { ...known.settings, ...action.settings };
        return;
      case 'none':
        return;
    }
  }

  async #open(wanted: WantedCopy, create: boolean): Promise<void> {
    const { shard, uid, allocationId, settings } = wanted;
    const copy: LocalCopy = {
      shard,
      uid,
      allocationId,
      settings,
      state: { kind: 'opening' },
      highestTerm: this.#options.maps.shard(shard)?.shard.primaryTerm ?? 0,
      stream: null,
      checkpoint: 0,
      replicator: null,
      importing: null,
    };
    this.#options.copies.set(copy);
    this.#options.onState();
    try {
      // One that failed while it was open is still known to its worker's host.
      await this.#options.host.close(shard).catch(() => undefined);
      const result = await this.#options.host.open({ shard, shardUid: uid, allocationId, settings, create });
      copy.state = stateOf(result);
    } catch (error) {
      copy.state = failed(error instanceof Error ? error.message : String(error));
    }
    const { state } = copy;
    if (state.kind === 'open') {
      copy.highestTerm = Math.max(copy.highestTerm, state.term);
      this.#options.logger.info({ shard, seqNo: state.seqNo, created: state.created }, 'copy open');
    } else if (state.kind === 'failed') {
      this.#options.logger.error({ shard, error: state.message }, 'copy cannot be served');
    } else {
      this.#options.logger.error({ shard, allocationId }, 'the data of an in-sync copy is missing');
    }
  }

  async #destroy(copy: LocalCopy): Promise<void> {
    this.#options.onGone(copy);
    await this.#options.host.destroy(copy.uid, copy.allocationId);
    this.#options.copies.delete(copy.shard);
    this.#options.logger.info({ shard: copy.shard, allocationId: copy.allocationId }, 'copy destroyed: not in the map');
  }

  #lost(shards: string[], error: Error): void {
    for (const shard of shards) {
      const copy = this.#options.copies.get(shard);
      if (!copy) continue;
      this.#options.onGone(copy);
      copy.state = failed(error.message, 0);
      this.#trigger(shard);
    }
    this.#options.onState();
  }

  /** Destroys copies on disk that a map of this process's life does not place here. */
  async #sweepFolders(): Promise<void> {
    if (this.#sweeping) return;
    this.#sweeping = true;
    try {
      const root = join(this.#options.dataDir, 'shards');
      for (const uid of await readdir(root).catch(() => [])) {
        if (this.#options.formerShards?.has(uid)) continue;
        for (const allocationId of await readdir(join(root, uid)).catch(() => [])) {
          if (this.#inUse(uid, allocationId)) continue;
          await this.#options.host.destroy(uid, allocationId);
          this.#options.logger.info({ uid, allocationId }, 'left-over copy destroyed: not in the map');
        }
      }
    } catch (error) {
      this.#options.logger.warn({ error: String(error) }, 'left-over copies could not be destroyed');
    } finally {
      this.#sweeping = false;
    }
  }

  #inUse(uid: string, allocationId: string): boolean {
    const same = (copy: { uid: string; allocationId: string }): boolean =>
      copy.uid === uid && copy.allocationId === allocationId;
    if (this.#options.copies.all().some(same)) return true;
    for (const { wanted } of this.#wanted()) if (same(wanted)) return true;
    return false;
  }
}

function stateOf(result: OpenResult): LocalState {
  if (result.state === 'open') {
    return { kind: 'open', created: result.created, seqNo: result.seqNo, term: result.term };
  }
  return result.state === 'missing' ? { kind: 'missing' } : failed(result.message);
}

function failed(message: string, retryMs = FAILED_RETRY_MS): LocalState {
  return { kind: 'failed', message, retryAt: Date.now() + retryMs };
}
