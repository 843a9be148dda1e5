import type { Json } from '#local/kube-api/json.ts';
import type { PartResult } from '../report.ts';
import { Stage } from '../stage.ts';
import { handoverRows, handovers } from './handovers.ts';
import { loadRows } from './load-rows.ts';
import { migration } from './migration.ts';
import { faultRows, kills, partitions, pauses } from './node-faults.ts';
import { operatorKills, operatorRows } from './operator-kills.ts';
import { scale } from './scale.ts';
import { split } from './split.ts';

/** Those on one cluster of 5 nodes and under one load. */
const FAULTS = ['handover', 'kills', 'pauses', 'partitions', 'operator'] as const;
export const PARTS = [...FAULTS, 'migration', 'split', 'scale'] as const;
export type PartName = (typeof PARTS)[number];
type Fault = (typeof FAULTS)[number];

/** How often each fault is done, by the variable of that name. */
function count(name: string, fallback: number): number {
  const given = Number(process.env[name] || fallback);
  if (Number.isInteger(given) && given >= 0) return given;
  throw new Error(`${name} is "${process.env[name] ?? ''}", not a whole number`);
}

/** Runs the parts; `told` is called with each result. A part that can't be brought to its end is a broken promise. */
export async function runParts(
  parts: readonly PartName[],
  network: boolean,
  told: (result: PartResult) => void,
): Promise<void> {
  const faults = FAULTS.filter((part) => parts.includes(part) && (part !== 'partitions' || network));
  const attempt = async (part: string, run: () => Promise<Omit<PartResult, 'part'>>): Promise<void> => {
    try {
      told({ part, ...(await run()) });
    } catch (error) {
      const measured = error instanceof Error ? error.message : String(error);
      told({ part, rows: [{ what: 'came to its end', measured, promise: 'yes', kept: false }], data: null });
      if (error instanceof Error) process.stdout.write(`${error.stack ?? ''}\n`);
    }
  };
  if (faults.length > 0) {
    await attempt('all of these on one cluster of 5 nodes, 3 copies, under one load', () =>
      runFaults(faults, network, attempt),
    );
  }
  if (parts.includes('migration')) await attempt('migration of 100,000 word vectors under load', migration);
  if (parts.includes('split')) await attempt('split and merge under load', split);
  if (parts.includes('scale')) await attempt('scale and drain under load', scale);
}

async function runFaults(
  parts: readonly Fault[],
  network: boolean,
  attempt: (part: string, run: () => Promise<Omit<PartResult, 'part'>>) => Promise<void>,
): Promise<Omit<PartResult, 'part'>> {
  const stage = await Stage.open({ nodes: 5, copies: 3, shards: 4, network });
  try {
    stage.start();
    for (const part of parts) await attempt(TITLES[part], () => runFault(stage, part));
    await stage.heal();
    const check = await stage.check();
    return { rows: loadRows(stage, check), data: json({ ...check, findings: stage.findings }) };
  } catch (error) {
    stage.keep('failed');
    throw error;
  } finally {
    await stage.close();
  }
}

const TITLES: Readonly<Record<Fault, string>> = {
  handover: 'planned handover of a primary',
  kills: 'kill -9 of random nodes',
  pauses: 'SIGSTOP of random nodes for 20 s',
  partitions: 'partition 2|3 for 20 s',
  operator: 'kill -9 of the operator',
};

async function runFault(stage: Stage, part: Fault): Promise<Omit<PartResult, 'part'>> {
  switch (part) {
    case 'handover': {
      const measured = await handovers(stage, count('HANDOVERS', 20));
      return { rows: handoverRows(measured), data: json(measured) };
    }
    case 'kills': {
      const measured = await kills(stage, count('KILLS', 50));
      return { rows: faultRows(measured, 'kill'), data: json(measured) };
    }
    case 'pauses': {
      const measured = await pauses(stage, count('PAUSES', 10));
      return { rows: faultRows(measured, 'pause'), data: json(measured) };
    }
    case 'partitions': {
      const measured = await partitions(stage, count('PARTITIONS', 10));
      return { rows: faultRows(measured, 'partition'), data: json(measured) };
    }
    case 'operator': {
      const measured = await operatorKills(stage, count('OPERATOR_KILLS', 10));
      return { rows: operatorRows(measured), data: json(measured) };
    }
  }
}

const json = (value: unknown): Json => JSON.parse(JSON.stringify(value)) as Json;
