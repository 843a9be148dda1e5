import { setTimeout as sleep } from 'node:timers/promises';
import { Http } from '../http.ts';
import { untilBelieved } from '../members.ts';
import type { Stage } from '../stage.ts';

/** How long the cluster may take to be whole again before the next fault. */
const WHOLE_TIMEOUT_MS = 120_000;
/** Acknowledgements after a fault's end still belong to its gaps. */
const TAIL_MS = 500;

/** What one fault did. Times in seconds; Infinity: never. */
export interface Measured {
  readonly what: string;
  /** Until every other node believed it. */
  readonly detection?: number;
  /** Of each shard whose primary was hit: until Shard.status had another one. */
  readonly promotions: readonly number[];
  /** Of each shard whose primary was hit: longest time without an acknowledged write. */
  readonly primaryGaps: readonly number[];
  /** Of the other shards. */
  readonly otherGaps: readonly number[];
  /** From the fault's end until all nodes believe all others alive. */
  readonly agreement?: number;
  /** From the fault's end until every shard has all copies in sync. */
  readonly whole: number;
  /** For the log. */
  readonly note: string;
}

export const http: Http = new Http();

export const pick = <T>(from: readonly T[]): T => from[Math.floor(Math.random() * from.length)]!;

export const between = (low: number, high: number): number => low + Math.random() * (high - low);

/** Begins with a whole cluster; throws when it does not become whole. */
export async function beWhole(stage: Stage): Promise<void> {
  if ((await stage.whole(WHOLE_TIMEOUT_MS)) === Infinity) {
    stage.keep('not-whole');
    throw new Error(`a shard is not whole ${WHOLE_TIMEOUT_MS / 1000} s after the last fault: ${describe(stage)}`);
  }
}

/** Every shard's copies, in short. */
export function describe(stage: Stage): string {
  return stage.rig.shards
    .all()
    .map(({ metadata, status }) => {
      const copies = (status?.copies ?? []).map(
        ({ node, role, inSync }) => `${node}:${role[0]}${inSync ? '' : '(out)'}`,
      );
      return `${metadata.name} term ${status?.primaryTerm ?? 0} ${copies.join(' ')}`;
    })
    .join('; ');
}

export interface FaultPlan {
  readonly what: string;
  /** Nodes that are hit. */
  readonly nodes: readonly string[];
  readonly durationMs: number;
  begin(): Promise<void>;
  end(): Promise<void>;
}

/** Does one fault under load and measures what comes of it. */
export async function doFault(stage: Stage, plan: FaultPlan): Promise<Measured> {
  const { rig, writers } = stage;
  await beWhole(stage);
  const hit = new Set(plan.nodes.flatMap((node) => rig.shards.withPrimaryOn(node)));
  const rest = rig.nodes.filter((node) => !plan.nodes.includes(node));
  const termsBefore = new Map(rig.shards.all().map((shard) => [shard.metadata.name, shard.status?.primaryTerm ?? 0]));
  stage.healthy = rest;
  const began = performance.now();
  await plan.begin();
  // A node that comes back at once need not be believed dead by anyone.
  const brief = plan.durationMs < 3_000;
  const believed = brief ? undefined : untilBelieved(rig, http, rest, 'dead', plan.nodes.length, plan.durationMs - 200);
  await sleep(plan.durationMs);
  const detection = await believed;
  await plan.end();
  const ended = performance.now();
  stage.healthy = undefined;
  const agreement = await untilBelieved(rig, http, rig.nodes, 'alive', rig.nodes.length - 1, 30_000);
  const whole = await stage.whole(WHOLE_TIMEOUT_MS);
  const promotions = rig.shards.promotions.filter(
    ({ shard, at, term }) => hit.has(shard) && at >= began && term === (termsBefore.get(shard) ?? 0) + 1,
  );
  const gaps = (shards: Iterable<string>): number[] =>
    [...shards].map((shard) => writers.gap(shard, began, ended + TAIL_MS) / 1000);
  const others = [...termsBefore.keys()].filter((shard) => !hit.has(shard));
  const result: Measured = {
    what: plan.what,
    ...(detection === undefined ? {} : { detection }),
    promotions: promotions.map(({ at }) => (at - began) / 1000),
    primaryGaps: gaps(hit),
    otherGaps: gaps(others),
    agreement,
    whole,
    note: `${plan.nodes.join(', ')}; primaries of ${[...hit].join(', ') || 'none'}; ${new Date(Date.now() - (performance.now() - began)).toISOString()}`,
  };
  say(result);
  return result;
}

function say({ what, note, detection, promotions, primaryGaps, otherGaps, agreement, whole }: Measured): void {
  const list = (values: readonly number[]): string => values.map((value) => value.toFixed(1)).join('/') || '-';
  const one = (value: number | undefined): string => (value === undefined ? '-' : value.toFixed(1));
  process.stdout.write(
    `  ${what} (${note}): known dead ${one(detection)} s, promoted ${list(promotions)}, gap ${list(primaryGaps)}, ` +
      `other gaps ${list(otherGaps)}, agreed ${one(agreement)}, whole ${one(whole)}\n`,
  );
}
