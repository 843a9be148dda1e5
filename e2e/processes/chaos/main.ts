// make chaos: faults, moves and splits under load with real processes, as a table. ARGS: names of parts; counts by variables.
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { TestNetwork } from './network.ts';
import { PARTS, type PartName, runParts } from './parts/parts.ts';
import { type PartResult, table } from './report.ts';
import { RESULTS } from './stage.ts';

const say = (line: string): void => void process.stdout.write(`${line}\n`);

function wanted(args: readonly string[]): PartName[] {
  const names = args.flatMap((arg) => arg.split(/[ ,]+/)).filter((arg) => arg !== '');
  const unknown = names.filter((name) => !PARTS.some((part) => part === name));
  if (unknown.length > 0) throw new Error(`no part ${unknown.join(', ')}; there are ${PARTS.join(', ')}`);
  return PARTS.filter((part) => names.length === 0 || names.includes(part));
}

async function main(): Promise<void> {
  const parts = wanted(process.argv.slice(2));
  const whyNot = await TestNetwork.whyNot();
  if (whyNot !== undefined) say(`NO PARTITIONS: ${whyNot}; that part is left out`);
  const began = performance.now();
  const results: PartResult[] = [];
  await runParts(parts, whyNot === undefined, (result) => {
    results.push(result);
    say(table([result]));
  });
  const seconds = Math.round((performance.now() - began) / 1000);
  mkdirSync(RESULTS, { recursive: true });
  const file = join(RESULTS, `${new Date().toISOString().replaceAll(':', '-')}.json`);
  const machine = { cpus: availableParallelism(), node: process.version };
  writeFileSync(file, JSON.stringify({ seconds, machine, results }, null, 2));
  say('');
  say(table(results));
  say('');
  say(`${seconds} s on ${machine.cpus} CPUs; ${file}`);
  if (whyNot !== undefined) say(`NO PARTITIONS: ${whyNot}`);
  if (results.every(({ rows }) => rows.every((row) => row.kept))) return;
  say('A PROMISE IS BROKEN');
  process.exitCode = 1;
}

try {
  await main();
} catch (error) {
  say(error instanceof Error ? (error.stack ?? error.message) : String(error));
  process.exitCode = 1;
}
