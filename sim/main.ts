import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Outcome } from './run-seed.ts';

/**
 * `make sim`: runs seeds in child processes and tells how it goes. SEEDS=1000 FIRST=1 JOBS=2; SEED=n TRACE=1 replays one with its timeline;
 * KEEP_GOING=1 does not stop at the first failure; MUTANT=name puts a bug in.
 */
const env = (name: string, fallback: number): number => Number(process.env[name] ?? fallback);
const one = process.env['SEED'];
const seeds = one === undefined ? env('SEEDS', 100) : 1;
const first = one === undefined ? env('FIRST', 1) : Number(one);
const jobs = Math.min(seeds, env('JOBS', 1));
const keepGoing = process.env['KEEP_GOING'] === '1';
const mutant = process.env['MUTANT'] ?? '';
const PROGRESS_MS = 5_000;

const out = (line: string): void => void process.stdout.write(`${line}\n`);
const began = performance.now();
const totals = { done: 0, failed: 0, events: 0, acknowledged: 0, virtualMs: 0 };
let said = began;
let running = jobs;
const children: ChildProcess[] = [];

for (let job = 0; job < jobs; job++) run(job);

/** Every `jobs`-th seed, so that the first failure of all is found soon. */
function run(job: number): void {
  const count = Math.floor((seeds - job + jobs - 1) / jobs);
  const child = spawn(
    process.execPath,
    [
      '--no-warnings',
      fileURLToPath(new URL('worker.ts', import.meta.url)),
      String(first + job),
      String(count),
      String(jobs),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (!line.startsWith('{"seed":')) return out(line);
    const outcome = JSON.parse(line) as Outcome;
    tell(outcome);
    if (!outcome.ok && !keepGoing) stop();
  });
  children.push(child);
  child.on('exit', (code) => {
    if (code !== 0 && code !== null) process.exitCode = 1;
    if (--running === 0) finish();
  });
}

function tell({ seed, ok, problem, state, events, acknowledgements, virtualMs }: Outcome): void {
  totals.done++;
  totals.events += events;
  totals.acknowledged += acknowledgements;
  totals.virtualMs += virtualMs;
  if (!ok) {
    totals.failed++;
    const replay = `make sim SEED=${seed} TRACE=1${mutant === '' ? '' : ` MUTANT=${mutant}`}`;
    out(`\nseed ${seed} FAILED ${problem}\n${state}\nreplay: ${replay}\n`);
  }
  const now = performance.now();
  if (now - said < PROGRESS_MS) return;
  said = now;
  const rate = totals.done / ((now - began) / 1000);
  const left = Math.ceil((seeds - totals.done) / rate);
  out(`${totals.done} of ${seeds} seeds, ${rate.toFixed(1)}/s, ${totals.failed} failed, about ${left} s left`);
}

function stop(): void {
  for (const child of children) child.kill();
}

function finish(): void {
  const seconds = (performance.now() - began) / 1000;
  const { done, failed, events, acknowledged, virtualMs } = totals;
  out(
    `${done} seeds in ${seconds.toFixed(1)} s (${(done / seconds).toFixed(1)}/s): ${failed} failed; ${acknowledged} writes acknowledged, ${events} events in ${Math.round(virtualMs / 60_000)} virtual minutes`,
  );
  if (failed > 0 || done < seeds) process.exitCode = 1;
}
