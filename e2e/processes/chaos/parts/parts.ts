import type { Json } from '#local/kube-api/json.ts';
import type { FinalCheck } from '../final-check.ts';
import { type PartResult, type Row, none, tell, times } from '../report.ts';
import { Stage } from '../stage.ts';
import { quantile } from '../findings.ts';
import { faultRows, kills, partitions, pauses } from './node-faults.ts';
import { operatorKills, operatorRows } from './operator-kills.ts';

export const PARTS = ['kills', 'pauses', 'partitions', 'operator'] as const;
export type PartName = (typeof PARTS)[number];

/** How often each fault is done, by the variable of that name. */
function count(name: string, fallback: number): number {
  const given = Number(process.env[name] || fallback);
  if (Number.isInteger(given) && given >= 0) return given;
  throw new Error(`${name} is "${process.env[name] ?? ''}", not a whole number`);
}

/** Runs the parts; those that do harm share one cluster of 5 nodes and one load. */
export async function runParts(
  parts: readonly PartName[],
  network: boolean,
): Promise<{ results: PartResult[]; broken: boolean }> {
  const results: PartResult[] = [];
  const faults = parts.filter((part) => part !== 'partitions' || network);
  if (faults.length > 0) results.push(...(await runFaults(faults, network)));
  return { results, broken: results.some(({ rows }) => rows.some((row) => !row.kept)) };
}

async function runFaults(parts: readonly PartName[], network: boolean): Promise<PartResult[]> {
  const stage = await Stage.open({ nodes: 5, copies: 3, shards: 4, network });
  const results: PartResult[] = [];
  try {
    stage.start();
    for (const part of parts) results.push(await runFault(stage, part));
    await stage.whole();
    const check = await stage.check();
    results.push({
      part: 'all of these, one cluster and one load',
      rows: loadRows(stage, check),
      data: json({ ...check, findings: stage.findings }),
    });
    return results;
  } catch (error) {
    stage.keep('failed');
    throw error;
  } finally {
    await stage.close();
  }
}

async function runFault(stage: Stage, part: PartName): Promise<PartResult> {
  switch (part) {
    case 'kills': {
      const measured = await kills(stage, count('KILLS', 50));
      return {
        part: `kill -9 of random nodes: ${measured.length}`,
        rows: faultRows(measured, 'kill'),
        data: json(measured),
      };
    }
    case 'pauses': {
      const measured = await pauses(stage, count('PAUSES', 10));
      return { part: `SIGSTOP for 20 s: ${measured.length}`, rows: faultRows(measured, 'pause'), data: json(measured) };
    }
    case 'partitions': {
      const measured = await partitions(stage, count('PARTITIONS', 10));
      return {
        part: `partition 2|3: ${measured.length}`,
        rows: faultRows(measured, 'partition'),
        data: json(measured),
      };
    }
    case 'operator': {
      const measured = await operatorKills(stage, count('OPERATOR_KILLS', 10));
      return { part: 'operator killed', rows: operatorRows(measured), data: json(measured) };
    }
  }
}

/** What the load saw. */
function loadRows(stage: Stage, check: FinalCheck): Row[] {
  const { counts } = stage.findings;
  const { writers, readers, strict } = stage;
  const part = (failed: number, ok: number): string => `${failed} of ${ok + failed}`;
  return [
    none('acknowledged writes lost', counts.lost),
    none('wrong answers', counts.wrong),
    none('duplicates', counts.duplicate),
    none('right requests that were refused', counts.refused),
    tell('stale answers of reads with consistency one', String(counts.stale)),
    tell('late effects of writes without an answer', String(counts.late)),
    tell(`writes without acknowledgement`, part(writers.tally.failed, writers.tally.ok)),
    tell(`reads without an answer (strict reads: consistency=${strict})`, part(readers.tally.failed, readers.tally.ok)),
    times('acknowledged writes took', writers.tally.seconds),
    tell('  p99', `${(quantile(writers.tally.seconds, 0.99) * 1000).toFixed(0)} ms`),
    none(
      'shards whose copies differ at the end',
      check.unequal.length,
      `(${check.copies} copies, ${check.points} points)`,
    ),
  ];
}

const json = (value: unknown): Json => JSON.parse(JSON.stringify(value)) as Json;
