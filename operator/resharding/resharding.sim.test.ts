import { describe, expect, test } from '@jest/globals';
import { ReshardingWorld, type ReshardingMutation } from './sim-resharding.ts';

const SEEDS = Number(process.env['ANNULUS_SIM_SEEDS'] ?? 30);
const FIRST_SEED = Number(process.env['ANNULUS_SIM_FIRST'] ?? 1);
const BUSY_MS = 60_000;
const QUIET_MS = 300_000;

function run(seed: number, mutation: ReshardingMutation = {}): ReshardingWorld {
  const world = new ReshardingWorld(seed * 7_919, mutation);
  try {
    world.run(BUSY_MS, QUIET_MS);
  } catch (error) {
    throw new Error(`seed ${seed} (ANNULUS_SIM_FIRST=${seed} ANNULUS_SIM_SEEDS=1): ${String(error)}`);
  }
  return world;
}

describe('a collection whose number of shards changes under writes, with operator crashes and late maps and reports', () => {
  test(`${SEEDS} seeds: the table is always whole, no acknowledged write is lost, and it ends`, () => {
    let switches = 0;
    const phases = new Set<string>();
    for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
      const world = run(seed);
      switches += world.switches;
      for (const phase of world.phases) phases.add(phase);
      expect(world.writes).toBeGreaterThan(50);
    }
    expect(switches).toBeGreaterThan(SEEDS / 2);
    expect([...phases].sort()).toEqual(
      ['Cleanup', 'Complete', 'Copying', 'Failed', 'Preparing', 'Switching', 'Syncing', 'Verifying'].sort(),
    );
  });

  test.each([{ unsealed: true }, { noWait: true }])('the simulation notices %p', (mutation) => {
    const found = Array.from({ length: 200 }, (_, i) => i + 1).some((seed) => {
      try {
        run(seed, mutation);
        return false;
      } catch {
        return true;
      }
    });
    expect(found).toBe(true);
  });
});
