import { setTimeout as sleep } from 'node:timers/promises';
import { type Row, times } from '../report.ts';
import type { Stage } from '../stage.ts';
import { beWhole, between, doFault, type Measured, pick } from './faults.ts';

const QUIET_MS = 4_000;
const DOWN_MS = 14_000;

export interface OperatorKills {
  /** Seconds without an acknowledged write of each shard, the operator alone being killed. */
  readonly alone: number[];
  /** The operator and a node killed in one moment. */
  readonly withNode: Measured[];
}

/** The operator is killed: by itself, when nothing may change for clients, and together with a node. */
export async function operatorKills(stage: Stage, count: number): Promise<OperatorKills> {
  const { rig, writers } = stage;
  const alone: number[] = [];
  const withNode: Measured[] = [];
  for (let i = 0; i < count; i++) {
    if (i % 2 === 0) {
      await beWhole(stage);
      const began = performance.now();
      await rig.signalOperator('SIGKILL');
      await sleep(QUIET_MS + between(0, 2_000));
      const gaps = rig.shards.all().map(({ metadata }) => writers.gap(metadata.name, began, performance.now()) / 1000);
      alone.push(...gaps);
      continue;
    }
    const node = pick(rig.nodes);
    withNode.push(
      await doFault(stage, {
        what: `operator and node killed ${i + 1}/${count}`,
        nodes: [node],
        durationMs: DOWN_MS,
        begin: async () => {
          await rig.signalOperator('SIGKILL');
          await rig.kill(node);
        },
        end: () => rig.release(node),
      }),
    );
  }
  return { alone, withNode };
}

export function operatorRows({ alone, withNode }: OperatorKills): Row[] {
  return [
    times('operator killed: no write acknowledged for', alone),
    times(
      '  and a node with it: known dead',
      withNode.flatMap(({ detection }) => detection ?? []),
    ),
    times(
      '  another primary in Shard.status',
      withNode.flatMap(({ promotions }) => promotions),
    ),
    times(
      '  no write acknowledged for',
      withNode.flatMap(({ primaryGaps }) => primaryGaps),
    ),
  ];
}
