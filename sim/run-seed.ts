import { Changes } from './changes.ts';
import { checkContent, hopeless, unsettled } from './converged.ts';
import { describe } from './describe.ts';
import { Faults } from './faults.ts';
import { Oracle, Violation } from './oracle.ts';
import { Random } from './random.ts';
import { scenarioOf, type Scenario } from './scenario.ts';
import { inVirtualTime } from './virtual/globals.ts';
import { useNetwork } from './virtual/grpc.ts';
import { onLogLine } from './virtual/pino.ts';
import { Workload } from './workload.ts';
import { World } from './world.ts';

/** What became of one seed. */
export interface Outcome {
  seed: number;
  ok: boolean;
  /** It did not converge, or was not silent; no promise was broken. */
  liveness: boolean;
  /** What does not hold, with the time; empty when all does. */
  problem: string;
  /** The world at that moment. */
  state: string;
  virtualMs: number;
  events: number;
  acknowledgements: number;
  outcomes: Record<string, number>;
}

/** Time for the cluster to be made and the fixed points to be loaded. */
const BIRTH_MS = 60_000;
/** After the faults: everything is as wanted within this time, the quiet included. */
const CONVERGE_MS = 240_000;
/** Counters are written every 15 s at most, and primaries are evened out after a minute: a window without a write comes in the end. */
const SILENT_MS = 16_000;
const SILENT_WINDOWS = 10;
const STEP_MS = 250;
const COMPARE_MS = 500;

export type Trace = (line: string) => void;

/** Runs one seed from birth to silence. Must not be called from within a promise's reaction: the kernel runs those itself. */
export function runSeed(seed: number, trace: Trace | null): Outcome {
  const scenario = scenarioOf(new Random(seed * 7 + 1));
  const world = new World(seed, scenario.shape);
  const oracle = new Oracle(world);
  const workload = new Workload(world, oracle);
  const note = (what: string): void => trace?.(`${stamp(world.kernel.now)} world: ${what}`);
  if (trace) {
    onLogLine((level, from, fields, message) => {
      if (level === 'debug') return;
      const text = typeof fields === 'string' ? fields : `${message} ${JSON.stringify(fields)}`;
      trace(`${stamp(world.kernel.now)} ${from}: ${level === 'info' ? '' : `${level}: `}${text.slice(0, 400)}`);
    });
  }
  note(JSON.stringify(scenario));
  let problem = '';
  let liveness = false;
  let state = '';
  const failing = (error: unknown): void => {
    liveness = error instanceof Violation && error.liveness;
    const lost = liveness ? hopeless(world, oracle) : null;
    if (lost !== null) return note(`every in-sync copy of ${lost} was damaged: no promise covers that`);
    if (error instanceof Violation) problem = `at ${stamp(error.seedTime)}: ${error.message}`;
    else
      problem = `at ${stamp(world.kernel.now)}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
  };
  const onRejection = (error: unknown): void => {
    const process = world.kernel.current?.name ?? 'world';
    world.kernel.failure ??= new Error(
      `${process}: unhandled rejection: ${error instanceof Error ? error.stack : String(error)}`,
    );
  };
  process.on('unhandledRejection', onRejection);
  inVirtualTime(world.kernel, () => {
    useNetwork(world.network);
    try {
      play(world, oracle, workload, scenario, note);
    } catch (error) {
      failing(error);
    }
    if (problem !== '') state = describe(world, oracle);
    useNetwork(null);
  });
  process.off('unhandledRejection', onRejection);
  onLogLine(null);
  return {
    seed,
    ok: problem === '',
    liveness,
    problem,
    state,
    virtualMs: world.kernel.now,
    events: world.kernel.events,
    acknowledgements: oracle.history.acknowledgements,
    outcomes: Object.fromEntries(workload.outcomes),
  };
}

function play(world: World, oracle: Oracle, workload: Workload, scenario: Scenario, note: Trace): void {
  const { kernel } = world;
  world.begin();
  until(world, BIRTH_MS, () => world.collection().status?.routing !== undefined, 'the collection is not made');
  workload.load();
  until(world, BIRTH_MS, () => workload.loaded, 'the first points are not loaded');
  workload.start(scenario.writeEveryMs);
  const compare = (): void => {
    oracle.compareCopies();
    kernel.after(COMPARE_MS, null, compare);
  };
  compare();
  const faults = new Faults(world, oracle, note);
  const changes = new Changes(world, scenario.changes, note);
  if (scenario.faults) faults.start();
  changes.start(scenario.changeEveryMs);
  kernel.runUntil(kernel.now + scenario.faultyMs);
  changes.stop();
  faults.stop();
  const end = kernel.now + CONVERGE_MS;
  kernel.runUntil(kernel.now + 10_000);
  workload.stop();
  note('clients are done');
  for (;;) {
    const left = unsettled(world, oracle);
    if (left.length === 0 && workload.underWay === 0) break;
    if (kernel.now >= end)
      throw new Violation(
        `not converged ${CONVERGE_MS / 1000} s after the faults: ${left.join('; ')}`,
        kernel.now,
        true,
      );
    kernel.runUntil(kernel.now + STEP_MS);
  }
  note('converged');
  checkContent(world, oracle, workload);
  if (kernel.failure) throw kernel.failure;
  beSilent(world);
  const left = unsettled(world, oracle);
  if (left.length > 0) throw new Violation(`did not stay converged: ${left.join('; ')}`, kernel.now, true);
  checkContent(world, oracle, workload);
  if (kernel.failure) throw kernel.failure;
}

/** A converged cluster writes nothing: what it still has to say (counters, primaries to even out) comes to an end. */
function beSilent({ kernel, server }: World): void {
  let loud: typeof server.writes = [];
  for (let window = 0; window < SILENT_WINDOWS; window++) {
    const before = server.writes.length;
    kernel.runUntil(kernel.now + SILENT_MS);
    loud = server.writes.slice(before).filter(({ kind }) => kind !== 'Lease');
    if (loud.length === 0) return;
  }
  const names = new Set(loud.map(({ kind, name, writer }) => `${kind} ${name} by ${writer}`));
  throw new Violation(`a converged cluster goes on writing: ${[...names].join(', ')}`, kernel.now, true);
}

function until(world: World, timeoutMs: number, holds: () => boolean, what: string): void {
  const { kernel } = world;
  for (const end = kernel.now + timeoutMs; !holds(); kernel.runUntil(kernel.now + STEP_MS)) {
    if (kernel.now >= end) throw new Violation(`${what} after ${timeoutMs / 1000} s`, kernel.now);
  }
}

function stamp(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(3).padStart(8)}s`;
}
