import { installHooks } from './hooks.ts';
import { MUTANTS } from './mutants.ts';

/** One process of the simulator: `FIRST` and `SEEDS` say which seeds, `MUTANT` which bug is put in, `TRACE` prints the timeline. */
const env = (name: string, fallback: number): number => Number(process.env[name] ?? fallback);
const first = env('SEED', env('FIRST', 1));
const seeds = process.env['SEED'] === undefined ? env('SEEDS', 100) : 1;
const step = env('STEP', 1);
const mutant = process.env['MUTANT'] ?? '';
const keepGoing = process.env['KEEP_GOING'] === '1';
const json = process.env['JSON'] === '1';

const patches = mutant === '' ? [] : MUTANTS[mutant]?.patches;
if (patches === undefined) throw new Error(`no mutant ${mutant}: there are ${Object.keys(MUTANTS).join(', ')}`);
installHooks(patches);
Error.stackTraceLimit = process.env['TRACE'] === undefined ? 12 : 30;

const { runSeed } = await import('./run-seed.ts');
const { realNow, realImmediate } = await import('./virtual/globals.ts');

const out = (line: string): void => void process.stdout.write(`${line}\n`);
const trace = process.env['TRACE'] === undefined ? null : out;
const began = realNow();
let done = 0;
let failed = 0;
let said = began;

/** A seed a turn of the real event loop: the kernel must not run inside a promise's reaction. */
function next(): void {
  if (done >= seeds) return finish();
  const outcome = runSeed(first + done * step, trace);
  done++;
  if (json) out(JSON.stringify(outcome));
  else tell(outcome);
  if (!outcome.ok) {
    failed++;
    if (!keepGoing) return finish();
  }
  realImmediate(next);
}

function tell(outcome: ReturnType<typeof runSeed>): void {
  const { seed, ok, problem, state, acknowledgements, events, virtualMs, outcomes } = outcome;
  if (!ok) {
    out(`seed ${seed} FAILED ${problem}`);
    out(state);
    out(`replay: make sim SEED=${seed} TRACE=1${mutant === '' ? '' : ` MUTANT=${mutant}`}`);
  } else if (trace) {
    out(
      `seed ${seed} ok: ${acknowledgements} acknowledged, ${events} events in ${Math.round(virtualMs / 1000)} virtual s`,
    );
    out(JSON.stringify(outcomes));
  }
  const now = realNow();
  if (now - said < 5_000 || done === seeds) return;
  said = now;
  const rate = done / ((now - began) / 1000);
  out(
    `${done} of ${seeds} seeds, ${rate.toFixed(1)}/s, ${failed} failed, about ${Math.ceil((seeds - done) / rate)} s left`,
  );
}

function finish(): void {
  const seconds = (realNow() - began) / 1000;
  if (!json) out(`${done} seeds in ${seconds.toFixed(1)} s (${(done / seconds).toFixed(1)}/s), ${failed} failed`);
  process.exitCode = failed > 0 ? 1 : 0;
}

realImmediate(next);
