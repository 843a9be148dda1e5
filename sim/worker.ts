import { installHooks } from './hooks.ts';
import { MUTANTS } from './mutants.ts';

/** One process of the simulator: `worker.ts <first> <count> <step>` prints a JSON line for each seed. MUTANT and TRACE come from the environment. */
const [first = 1, count = 1, step = 1] = process.argv.slice(2).map(Number);
const name = process.env['MUTANT'] ?? '';
const mutant = MUTANTS[name];
if (name !== '' && mutant === undefined) {
  throw new Error(`no mutant ${name}: there are ${Object.keys(MUTANTS).join(', ')}`);
}
const traced = process.env['TRACE'] !== undefined;
installHooks(mutant?.patches);
// A stack is made for every refused call; the replay of a failure has them.
Error.stackTraceLimit = traced ? 30 : 0;

const { runSeed } = await import('./run-seed.ts');
const { realImmediate } = await import('./virtual/globals.ts');

const out = (line: string): void => void process.stdout.write(`${line}\n`);
let done = 0;

/** A seed a turn of the real event loop: the kernel must not run inside a promise's reaction. */
function next(): void {
  if (done >= count) return;
  const outcome = runSeed(first + done * step, traced ? out : null);
  out(JSON.stringify(outcome));
  done++;
  // For mutants: a broken promise counts, being slow to converge does not.
  if (process.env['UNTIL_VIOLATION'] !== undefined && !outcome.ok && !outcome.liveness) return;
  realImmediate(next);
}

realImmediate(next);
