import { describe, expect, test } from '@jest/globals';
import type { Mutation } from './sim-types.ts';
import { SimWorld } from './sim-world.ts';

const SEEDS = Number(process.env['ANNULUS_SIM_SEEDS'] ?? 150);
const FIRST_SEED = Number(process.env['ANNULUS_SIM_FIRST'] ?? 1);
const FAULTY_MS = 20_000;

/** Runs one seed; gives the world, or the Error with the seed in it. */
function run(seed: number, mutation: Mutation = {}): SimWorld {
  const world = new SimWorld(seed, 2 + (seed % 3), mutation);
  try {
    world.run(FAULTY_MS);
  } catch (error) {
    throw new Error(`seed ${seed} (ANNULUS_SIM_FIRST=${seed} ANNULUS_SIM_SEEDS=1): ${String(error)}`);
  }
  return world;
}

function findsFault(mutation: Mutation): boolean {
  for (let seed = 1; seed <= 200; seed++) {
    try {
      run(seed, mutation);
    } catch {
      return true;
    }
  }
  return false;
}

describe('primary and copies under crashes, cuts, lost answers and failovers', () => {
  test(`${SEEDS} seeds: nothing acknowledged is ever missing from a copy in sync or a primary read, and all converges`, () => {
    let acknowledged = 0;
    let reads = 0;
    let handovers = 0;
    for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
      const world = run(seed);
      acknowledged += world.acknowledged.length;
      reads += world.reads;
      handovers += world.handovers;
      if (!world.converged) throw new Error(`seed ${seed}: faults are over, but the copies do not become equal`);
    }
    // Not by acknowledging nothing.
    expect(acknowledged).toBeGreaterThan(SEEDS * 20);
    expect(reads).toBeGreaterThan(SEEDS * 20);
    expect(handovers).toBeGreaterThan(SEEDS / 10);
  });

  test.each([{ noTermCheck: true }, { ackBeforeReplica: true }, { forgetTracked: true }, { readUnconfirmed: true }])(
    'the simulation notices %p',
    (mutation) => {
      expect(findsFault(mutation)).toBe(true);
    },
  );
});
