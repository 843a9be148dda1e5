import { setTimeout as sleep } from 'node:timers/promises';
import type { Json } from '#local/kube-api/json.ts';
import { slotOf, type Slots } from '#model/slot.ts';
import type { Findings } from './findings.ts';
import { Tally } from './findings.ts';
import { History, type Op } from './history.ts';
import { NoAnswer } from './http.ts';
import { idsIn, pointOf, stateOf } from './points.ts';
import type { Targets } from './targets.ts';

/** Keys of one lane; lanes share none. */
const LANE_KEYS = 400;
const LANE_IDS = 100_000;
const PULSE_IDS = 1_000_000;
const PULSE_KEYS = 40;
/** How often a write whose outcome is unknown is given up instead of sent again. */
const GIVE_UP = 0.15;
/** The client waits a little longer than the server was told to. */
const CLIENT_EXTRA_MS = 500;
const RETRY_MS = 50;

/** A range of slots that is watched on its own. */
export interface WatchedShard {
  readonly name: string;
  readonly slots: Slots;
}

export interface WriterOptions {
  readonly collection: string;
  readonly shards: readonly WatchedShard[];
  /** Where batches go: every node, those that are cut off too. */
  readonly everywhere: Targets;
  /** Where the pulses go: nodes that are expected to serve. */
  readonly healthy: Targets;
  readonly lanes: number;
  readonly batch: number;
  readonly pauseMs: number;
}

/**
 * Continuous writers. A lane owns its keys, so each key has one writer at a time, and writes batches: upserts, deletes, payloads. A pulse owns
 * keys of one shard and upserts one after the other without a pause to speak of: it tells when the shard took writes.
 */
export class Writers {
  readonly history: History = new History();
  readonly tally: Tally = new Tally();
  readonly findings: Findings;
  /** When each shard acknowledged a write, performance.now(), in order. */
  readonly acks: Map<string, number[]> = new Map();
  /** Writes of single points that were acknowledged. */
  pointsAcked = 0;
  private readonly options: WriterOptions;
  private readonly notes = new Map<number, { version: number; note: number }>();
  private running: Promise<unknown> = Promise.resolve();
  private stopping = false;

  constructor(options: WriterOptions, findings: Findings) {
    this.options = options;
    this.findings = findings;
    for (const { name } of options.shards) this.acks.set(name, []);
  }

  start(): void {
    this.stopping = false;
    const { lanes, shards } = this.options;
    this.running = Promise.all([
      ...Array.from({ length: lanes }, (_, lane) => this.lane(lane)),
      ...shards.map((shard, i) => this.pulse(shard, i)),
    ]);
  }

  async stop(): Promise<void> {
    this.stopping = true;
    await this.running;
  }

  /** Longest time without an acknowledgement of that shard that overlaps from..to, in ms; up to now when there is none after. */
  gap(shard: string, from: number, to: number): number {
    const acks = this.acks.get(shard) ?? [];
    let longest = 0;
    let before = from;
    for (const at of acks) {
      if (at >= from) longest = Math.max(longest, at - before);
      before = at;
      if (at > to) return longest;
    }
    return Math.max(longest, performance.now() - Math.max(before, from));
  }

  private async lane(lane: number): Promise<void> {
    const { batch, pauseMs, everywhere } = this.options;
    while (!this.stopping) {
      const first = Math.floor(Math.random() * LANE_KEYS);
      const ids = Array.from({ length: batch }, (_, i) => lane * LANE_IDS + ((first + i) % LANE_KEYS));
      await this.write(ids, everywhere, 5, this.operation(ids));
      await sleep(pauseMs);
    }
  }

  private async pulse(shard: WatchedShard, place: number): Promise<void> {
    const ids = idsIn(shard.slots, PULSE_IDS + place * LANE_IDS, PULSE_KEYS);
    for (let turn = 0; !this.stopping; turn++) {
      await this.write([ids[turn % ids.length]!], this.options.healthy, 1, 'upsert');
      await sleep(this.options.pauseMs / 4);
    }
  }

  private operation(ids: readonly number[]): 'upsert' | 'delete' | 'payload' {
    const dice = Math.random();
    if (dice < 0.12) return 'delete';
    // Only points that are certainly there: the others would be refused.
    const there = ids.every((id) => (this.history.certain(id) ?? '') !== '');
    return dice < 0.3 && there ? 'payload' : 'upsert';
  }

  /** One write, sent again until it is acknowledged or given up. */
  private async write(
    ids: readonly number[],
    targets: Targets,
    timeoutS: number,
    operation: 'upsert' | 'delete' | 'payload',
  ): Promise<void> {
    const { method, path, body, ops } = this.begin(ids, operation);
    const url = `/collections/${this.options.collection}/points${path}?wait=true&timeout=${timeoutS}`;
    for (;;) {
      const began = performance.now();
      const failure = await this.send(targets, method, url, body, timeoutS * 1000 + CLIENT_EXTRA_MS);
      if (failure === '') {
        this.acked(ids, ops, began);
        return;
      }
      this.tally.fail(failure);
      for (const op of ops) op.doubtful = true;
      if (this.stopping || Math.random() < GIVE_UP) return;
      await sleep(RETRY_MS);
    }
  }

  /** '' when acknowledged, else why not. */
  private async send(targets: Targets, method: string, url: string, body: Json, timeoutMs: number): Promise<string> {
    try {
      const { status, error } = await targets.call(method, url, body, timeoutMs);
      if (status === 200) return '';
      if (status < 500 && status !== 429) this.findings.add('refused', `${method} ${url}: ${status} ${error}`);
      return `${status} ${error}`;
    } catch (error) {
      if (error instanceof NoAnswer) return error.message.slice(error.message.lastIndexOf(': ') + 2);
      throw error;
    }
  }

  private begin(
    ids: readonly number[],
    operation: 'upsert' | 'delete' | 'payload',
  ): { method: string; path: string; body: Json; ops: Op[] } {
    const now = performance.now();
    const value = (id: number): { version: number; note: number } => this.notes.get(id) ?? { version: 0, note: 0 };
    switch (operation) {
      case 'upsert': {
        const points = ids.map((id) => {
          const next = { version: value(id).version + 1, note: 0 };
          this.notes.set(id, next);
          return pointOf(id, next);
        });
        const ops = ids.map((id) => this.history.begin(id, stateOf(value(id)), now));
        return { method: 'PUT', path: '', body: { points }, ops };
      }
      case 'delete': {
        const ops = ids.map((id) => this.history.begin(id, '', now));
        return { method: 'POST', path: '/delete', body: { points: [...ids] }, ops };
      }
      case 'payload': {
        // One payload for all, so its number must be higher than every one before.
        const note = Math.max(...ids.map((id) => value(id).note)) + 1;
        const ops = ids.map((id) => {
          const next = { version: value(id).version, note };
          this.notes.set(id, next);
          return this.history.begin(id, stateOf(next), now);
        });
        return { method: 'POST', path: '/payload', body: { payload: { note }, points: [...ids] }, ops };
      }
    }
  }

  private acked(ids: readonly number[], ops: readonly Op[], began: number): void {
    const now = performance.now();
    this.tally.done((now - began) / 1000);
    for (const op of ops) op.ackedAt = now;
    this.pointsAcked += ids.length;
    const touched = new Set(ids.map((id) => this.shardOf(id)));
    for (const shard of touched) this.acks.get(shard)?.push(now);
  }

  private shardOf(id: number): string {
    const slot = slotOf(id);
    return this.options.shards.find(({ slots }) => slot >= slots.from && slot <= slots.to)?.name ?? '';
  }
}
