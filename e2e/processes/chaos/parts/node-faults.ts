import { type Row, tell, times } from '../report.ts';
import type { Stage } from '../stage.ts';
import { between, doFault, type Measured, pick } from './faults.ts';

/** Of three kills one is a crash that is over at once. */
const BRIEF_EVERY = 3;
const DOWN_MS = { min: 9_000, max: 14_000 };
const PAUSE_MS = 20_000;
const PARTITION_MS = 20_000;
const KNOWN_DEAD_S = 5;
const WRITES_AGAIN_S = 10;
const AGREE_S = 5;

/** kill -9 of random nodes under load. */
export async function kills(stage: Stage, count: number): Promise<Measured[]> {
  const measured: Measured[] = [];
  for (let i = 0; i < count; i++) {
    const node = pick(stage.rig.nodes);
    const brief = i % BRIEF_EVERY === BRIEF_EVERY - 1;
    measured.push(
      await doFault(stage, {
        what: `kill ${i + 1}/${count}${brief ? ', back at once' : ''}`,
        nodes: [node],
        durationMs: brief ? 0 : between(DOWN_MS.min, DOWN_MS.max),
        begin: () => stage.rig.kill(node),
        end: () => stage.rig.release(node),
      }),
    );
  }
  return measured;
}

/** SIGSTOP of random nodes for 20 s: longer than it takes to believe them dead. */
export async function pauses(stage: Stage, count: number): Promise<Measured[]> {
  const measured: Measured[] = [];
  for (let i = 0; i < count; i++) {
    const node = pick(stage.rig.nodes);
    measured.push(
      await doFault(stage, {
        what: `pause ${i + 1}/${count}`,
        nodes: [node],
        durationMs: PAUSE_MS,
        begin: () => stage.rig.pause(node),
        end: async () => stage.rig.resumeAll(),
      }),
    );
  }
  return measured;
}

/** 2|3, at random; the operator is with the majority, or reaches both sides. */
export async function partitions(stage: Stage, count: number): Promise<Measured[]> {
  const measured: Measured[] = [];
  for (let i = 0; i < count; i++) {
    const shuffled = stage.rig.nodes.toSorted(() => Math.random() - 0.5);
    const minority = shuffled.slice(0, 2);
    const operator = i % 2 === 0 ? 'right' : 'both';
    measured.push(
      await doFault(stage, {
        what: `partition ${i + 1}/${count}, operator ${operator === 'both' ? 'reaches both' : 'with the majority'}`,
        nodes: minority,
        durationMs: PARTITION_MS,
        begin: () => stage.rig.partition(minority, shuffled.slice(2), operator),
        end: () => stage.rig.heal(),
      }),
    );
  }
  return measured;
}

const all = (measured: readonly Measured[], value: (one: Measured) => readonly number[]): number[] =>
  measured.flatMap(value);

const some = (measured: readonly Measured[], value: (one: Measured) => number | undefined): number[] =>
  measured.flatMap((one) => value(one) ?? []);

/** The lines of a kind of fault. */
export function faultRows(measured: readonly Measured[], kind: 'kill' | 'pause' | 'partition'): Row[] {
  const long = measured.filter(({ detection }) => detection !== undefined);
  const brief = measured.filter(({ detection }) => detection === undefined);
  return [
    times(
      'known dead by every other node',
      some(long, (one) => one.detection),
      KNOWN_DEAD_S,
    ),
    times(
      'another primary in Shard.status',
      all(long, (one) => one.promotions),
    ),
    times(
      'shards that lost their primary: no write acknowledged for',
      all(long, (one) => one.primaryGaps),
      WRITES_AGAIN_S,
    ),
    ...(brief.length === 0
      ? []
      : [
          times(
            '  the node back at once',
            all(brief, (one) => one.primaryGaps),
            WRITES_AGAIN_S,
          ),
        ]),
    times(
      'other shards: no write acknowledged for',
      all(measured, (one) => one.otherGaps),
    ),
    times(
      kind === 'kill' ? 'started again: known alive by all' : 'over: all nodes agree on members',
      some(measured, (one) => one.agreement),
      kind === 'partition' ? AGREE_S : undefined,
    ),
    times(
      'over: every shard has all copies in sync',
      measured.map((one) => one.whole),
    ),
    tell('faults done', String(measured.length)),
  ];
}
