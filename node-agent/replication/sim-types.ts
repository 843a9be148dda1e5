import type { Step, Tracked } from './messages.ts';
import type { Primary } from './primary.ts';
import type { SimDisk, SimEntry } from './sim-disk.ts';

/** Faults put into the code on purpose, to see that the simulation notices. */
export interface Mutation {
  /** Replicas take entries of an old term. */
  noTermCheck?: boolean;
  /** The primary hears "applied" when it sends. */
  ackBeforeReplica?: boolean;
  /** A joining copy is not noted on disk before the operator is asked. */
  forgetTracked?: boolean;
  /** Primary reads are served without a copy's word. */
  readUnconfirmed?: boolean;
}

/** A node of the simulation. */
export interface SimNode {
  disk: SimDisk;
  up: boolean;
  /** Machine while it believes to be primary. */
  primary: Primary | null;
  /** Grows at each crash: what was under way before it is lost. */
  life: number;
  map: SimMap | null;
  tracked: Tracked;
  awaited: Map<number, SimEntry>;
  /** Reads that wait, with the number of writes acknowledged anywhere before each began. */
  reads: Map<number, number>;
}

export type SimCopy = { node: string; inSync: boolean; primary: boolean };
export type SimMap = { term: number; configVersion: number; copies: SimCopy[]; handoverTo: string | null };

export function newNode(disk: SimDisk): SimNode {
  const waiting = { awaited: new Map<number, SimEntry>(), reads: new Map<number, number>() };
  return { disk, up: true, primary: null, life: 0, map: null, tracked: {}, ...waiting };
}

/** What waits there was asked of a primary that is no more. */
export function forget(node: SimNode): void {
  node.awaited.clear();
  node.reads.clear();
}

/** A copy's answer without what names the copy and the session. */
export type StepBody = Step extends infer S
  ? S extends { copy: string; session: number }
    ? Omit<S, 'copy' | 'session'>
    : never
  : never;

export const LOST = { type: 'refused', code: 'ANN_SHARD_UNAVAILABLE', message: 'link', diverged: false } as const;
