import { inSyncCopies, isRouted, primaryOf, type MapCopy, type MapShard } from '#model/cluster-map.ts';
import { AnnulusError, type ErrorCode } from '#model/errors.ts';
import type { MemberState } from '../membership/member.ts';
import { PeerUnreachable } from '../rpc/peer-client.ts';
import type { Peers } from '../rpc/peers.ts';
import type { ShardRef } from '../rpc/messages.ts';
import { firstAnswer } from './first-answer.ts';
import { LatencyWindow } from './latency-window.ts';
import type { MapStore } from './map-store.ts';
import { onNode, remoteShards } from './remote-shards.ts';
import type { ReadOptions, RequestOptions } from './router.ts';
import type { ShardAccess, WriteOutcome } from './shard-access.ts';
import { TableChanged } from './table-changed.ts';
import type { Write } from '../shard/operations.ts';

/** Rounds over a shard's copies before a read is given up; between them the map is refreshed. */
const READ_ROUNDS = 4;
const ROUND_PAUSE_MS = 50;
/** Wait before a new primary is asked for: short at first, for one that takes over in an orderly way. A new map ends it. */
const PRIMARY_PAUSE_FIRST_MS = 20;
const PRIMARY_PAUSE_MAX_MS = 100;
/** A copy on this node is taken unless it has so many more requests under way than another. */
const LOCAL_ADVANTAGE = 8;
const HEDGE_MIN_MS = 10;
/** More than any number of requests under way: a copy in doubt comes after all others. */
const DOUBT = { Alive: 0, Suspect: 1e6, Dead: 2e6 } as const;

/** The copy, not the request, is at fault: another one, or the same one later, may answer. */
const TRY_ANOTHER: readonly ErrorCode[] = [
  'ANN_SHARD_UNAVAILABLE',
  'ANN_STALE_TERM',
  'ANN_NOT_READY',
  'ANN_OVERLOADED',
  'ANN_TIMEOUT',
];

export type Ask<T> = (access: ShardAccess, shard: ShardRef, timeoutMs: number) => Promise<T>;

/** Calls one shard through the copies that the map names, until one answers or the time is over. */
export class ShardCalls {
  #maps: MapStore;
  #peers: Peers;
  #self: string;
  #local: ShardAccess;
  #state: (node: string) => MemberState;
  #remotes = new Map<string, ShardAccess>();
  #outstanding = new Map<string, number>();
  #latencies = new LatencyWindow();
  #turn = 0;
  /** Wakes those who wait for a new map. */
  #waiting = new Set<() => void>();

  constructor(options: {
    maps: MapStore;
    peers: Peers;
    self: string;
    local: ShardAccess;
    /** What this node believes of another. */
    state: (node: string) => MemberState;
  }) {
    this.#maps = options.maps;
    this.#peers = options.peers;
    this.#self = options.self;
    this.#local = options.local;
    this.#state = options.state;
    this.#maps.subscribe(() => {
      for (const wake of [...this.#waiting]) wake();
    });
  }

  /** A read, by the consistency asked for. `deadline` is on the clock of performance.now(). */
  async read<T>(name: string, consistency: ReadOptions['consistency'], deadline: number, ask: Ask<T>): Promise<T> {
    let failure: unknown = null;
    // Nobody else can answer for a primary: one that is being replaced is worth all the time that there is.
    for (let round = 0; round < READ_ROUNDS || consistency === 'primary' || isStale(failure); round++) {
      if (round > 0) {
        const pauseMs = consistency === 'primary' ? pauseOf(round) : ROUND_PAUSE_MS * Math.min(round, READ_ROUNDS);
        if (performance.now() + pauseMs >= deadline) break;
        await this.#pause(pauseMs, deadline);
      }
      const shard = this.#shard(name);
      try {
        return await this.#readOnce(shard, consistency, deadline, ask);
      } catch (error) {
        if (!mayTryAnother(error)) throw error;
        failure = error;
      }
    }
    throw unavailable(name, failure);
  }

  /** A write, by the shard's primary: waits for a new primary while time is left, but never repeats what may have been written. */
  async write(
    name: string,
    writes: Write[],
    deadline: number,
    callerGone: RequestOptions['callerGone'] = undefined,
  ): Promise<WriteOutcome> {
    for (let round = 1; ; round++) {
      // Nobody would learn of it, and by now it may undo what its sender has written since.
      if (callerGone?.() === true)
        throw new AnnulusError('ANN_TIMEOUT', `shard ${name}: the client is gone, nothing was written`);
      let failure: unknown;
      const shard = this.#shard(name);
      const primary = primaryOf(shard);
      if (!primary || shard.primaryTerm === 0) {
        failure = new AnnulusError('ANN_SHARD_UNAVAILABLE', `shard ${name} has no primary now`);
      } else {
        try {
          return await this.#call(shard, primary, deadline, (access, ref, timeoutMs) =>
            access.write(ref, writes, timeoutMs),
          );
        } catch (error) {
          failure = error;
          if (!isUnwritten(error)) throw error;
        }
      }
      const pauseMs = pauseOf(round);
      if (performance.now() + pauseMs >= deadline) throw unavailable(name, failure);
      await this.#pause(pauseMs, deadline);
    }
  }

  /** The shard by the newest map; throws TableChanged when requests must not be sent to it any more. */
  #shard(name: string): MapShard {
    const placed = this.#maps.shard(name);
    if (placed && isRouted(placed.collection, placed.shard)) return placed.shard;
    throw new TableChanged(name);
  }

  async #readOnce<T>(
    shard: MapShard,
    consistency: ReadOptions['consistency'],
    deadline: number,
    ask: Ask<T>,
  ): Promise<T> {
    const copies = this.#inOrder(inSyncCopies(shard));
    const primary = primaryOf(shard);
    if (copies.length === 0 || !primary) {
      throw new AnnulusError('ANN_SHARD_UNAVAILABLE', `shard ${shard.name} has no copy in sync now`);
    }
    const call = (copy: MapCopy): Promise<T> => this.#call(shard, copy, deadline, ask);
    if (consistency === 'primary') {
      const { name, uid } = shard;
      return this.#call(shard, primary, deadline, (access, _, timeoutMs) =>
        ask(access, { name, uid, primary: true }, timeoutMs),
      );
    }
    if (consistency === 'one') {
      if (copies.length === 1) return call(copies[0]!);
      const startedAt = performance.now();
      const answer = await firstAnswer(copies, call, {
        hedgeMs: Math.max(HEDGE_MIN_MS, this.#latencies.p95),
        mayTryNext: mayTryAnother,
      });
      this.#latencies.add(performance.now() - startedAt);
      return answer;
    }
    const wanted = consistency === 'all' ? copies.length : Math.floor(copies.length / 2) + 1;
    return answersOf(copies, wanted, primary, call);
  }

  async #call<T>(shard: MapShard, copy: MapCopy, deadline: number, ask: Ask<T>): Promise<T> {
    const timeoutMs = Math.ceil(deadline - performance.now());
    if (timeoutMs <= 0) throw new AnnulusError('ANN_TIMEOUT', `no time is left to ask shard ${shard.name}`);
    const { node } = copy;
    this.#outstanding.set(node, (this.#outstanding.get(node) ?? 0) + 1);
    try {
      return await ask(this.#access(node), shard, timeoutMs);
    } catch (error) {
      if (node === this.#self || error instanceof PeerUnreachable) throw error;
      throw onNode(node, error);
    } finally {
      this.#outstanding.set(node, this.#outstanding.get(node)! - 1);
    }
  }

  #access(node: string): ShardAccess {
    if (node === this.#self) return this.#local;
    let access = this.#remotes.get(node);
    if (!access) this.#remotes.set(node, (access = remoteShards(this.#peers, node)));
    return access;
  }

  /** Least outstanding first; among equals in turn, so that load spreads. */
  #inOrder(copies: MapCopy[]): MapCopy[] {
    if (copies.length < 2) return copies;
    this.#turn = (this.#turn + 1) % copies.length;
    const turned = [...copies.slice(this.#turn), ...copies.slice(0, this.#turn)];
    return turned.sort((a, b) => this.#cost(a) - this.#cost(b));
  }

  #cost(copy: MapCopy): number {
    if (copy.node === this.#self) return this.#outstanding.get(copy.node) ?? 0;
    return (this.#outstanding.get(copy.node) ?? 0) + LOCAL_ADVANTAGE + DOUBT[this.#state(copy.node)];
  }

  /** Ends early when a new map comes: a node that refused and has one said its version with the refusal, so it is on its way. */
  async #pause(milliseconds: number, deadline: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, Math.max(0, Math.min(milliseconds, deadline - performance.now())));
    this.#waiting.add(resolve);
    await promise;
    this.#waiting.delete(resolve);
    clearTimeout(timer);
  }
}

/** Wait before the n-th repetition of what only a primary may do. */
function pauseOf(round: number): number {
  return Math.min(PRIMARY_PAUSE_MAX_MS, PRIMARY_PAUSE_FIRST_MS * 2 ** (round - 1));
}

/** Waits for `wanted` answers and gives the primary's if it is among them, else the first. */
async function answersOf<T>(
  copies: MapCopy[],
  wanted: number,
  primary: MapCopy,
  call: (copy: MapCopy) => Promise<T>,
): Promise<T> {
  const answers: { copy: MapCopy; answer: T }[] = [];
  await new Promise<void>((resolve, reject) => {
    let failed = 0;
    for (const copy of copies) {
      call(copy).then(
        (answer) => {
          answers.push({ copy, answer });
          if (answers.length === wanted) resolve();
        },
        (error: unknown) => {
          failed++;
          if (failed > copies.length - wanted) reject(error instanceof Error ? error : new Error(String(error)));
        },
      );
    }
  });
  return (answers.find(({ copy }) => copy === primary) ?? answers[0]!).answer;
}

function mayTryAnother(error: unknown): boolean {
  return error instanceof AnnulusError && TRY_ANOTHER.includes(error.code);
}

/** This node's map, or the other's, is behind: that passes. */
function isStale(error: unknown): boolean {
  return error instanceof AnnulusError && error.code === 'ANN_STALE_TERM';
}

/** Certainly nothing was written, so the write may be sent to another primary. */
function isUnwritten(error: unknown): boolean {
  if (error instanceof PeerUnreachable) return !error.sent;
  return isStale(error) || (error instanceof AnnulusError && error.code === 'ANN_NOT_READY');
}

function unavailable(shard: string, cause: unknown): AnnulusError {
  const reason = cause instanceof Error ? cause.message : 'no copy answered in time';
  return new AnnulusError('ANN_SHARD_UNAVAILABLE', `shard ${shard} cannot be served now: ${reason}`, { cause });
}
