import { describe, expect, test } from '@jest/globals';
import { FeedWorld, type FeedMutation } from './sim-feed.ts';

const SEEDS = Number(process.env['ANNULUS_SIM_SEEDS'] ?? 200);
const FIRST_SEED = Number(process.env['ANNULUS_SIM_FIRST'] ?? 1);
const FAULTY_MS = 10_000;
const QUIET_MS = 5_000;

function run(seed: number, mutation: FeedMutation = {}): FeedWorld {
  const world = new FeedWorld(seed, mutation);
  world.run(FAULTY_MS, QUIET_MS);
  const problem = world.problems[0] ?? (world.converged ? undefined : `it does not end: ${world.progress}`);
  if (problem !== undefined) {
    throw new Error(`seed ${seed} (ANNULUS_SIM_FIRST=${seed} ANNULUS_SIM_SEEDS=1): ${problem}`);
  }
  return world;
}

describe('a new shard is filled under failovers of both sides, lost answers and a trimmed log', () => {
  test(`${SEEDS} seeds: what is covered is there and stays; all is there in the end`, () => {
    let ready = 0;
    let failovers = 0;
    for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
      const world = run(seed);
      ready += world.ready;
      failovers += world.failovers;
    }
    // Not by never getting there, nor by quiet weather.
    expect(ready).toBeGreaterThan(SEEDS * 3);
    expect(failovers).toBeGreaterThan(SEEDS * 4);
  });

  test.each([{ aboveCheckpoint: true }, { skipTail: true }, { skipScan: true }, { blind: true }])(
    'the simulation notices %p',
    (mutation) => {
      const found = Array.from({ length: 200 }, (_, i) => i + 1).some((seed) => {
        try {
          run(seed, mutation);
          return false;
        } catch {
          return true;
        }
      });
      expect(found).toBe(true);
    },
  );
});
