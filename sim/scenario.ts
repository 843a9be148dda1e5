import type { Change } from './changes.ts';
import type { Random } from './random.ts';
import type { Shape } from './world.ts';

/** What a seed plays: the cluster, how long things go wrong, and what people change meanwhile. */
export interface Scenario {
  shape: Shape;
  faultyMs: number;
  faults: boolean;
  writeEveryMs: number;
  changes: Change[];
  changeEveryMs: number;
}

/** Follows from the seed alone. */
export function scenarioOf(random: Random): Scenario {
  const nodes = random.pick([3, 3, 3, 4, 5, 5, 6]);
  const replicationFactor = random.pick([1, 2, 2, 3, 3, 3]);
  const changes: Change[] = [];
  for (const change of ['scale', 'reshard', 'replicationFactor', 'migrate', 'cordon'] as const) {
    if (random.chance(0.3)) changes.push(change);
  }
  return {
    shape: { nodes, shards: random.pick([1, 1, 2, 2, 3]), replicationFactor, operators: random.pick([1, 2, 2]) },
    faultyMs: random.pick([15_000, 30_000, 45_000]),
    faults: random.chance(0.9),
    writeEveryMs: random.pick([40, 100, 250]),
    changes,
    changeEveryMs: random.pick([4_000, 12_000]),
  };
}
