import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { MUTANTS } from './mutants.ts';
import type { Outcome } from './run-seed.ts';

const run = promisify(execFile);
const WORKER = fileURLToPath(new URL('worker.ts', import.meta.url));

async function outcomes(first: number, count: number, mutant = ''): Promise<Outcome[]> {
  const env = { ...process.env, MUTANT: mutant, ...(mutant === '' ? {} : { UNTIL_VIOLATION: '1' }) };
  const args = ['--no-warnings', WORKER, String(first), String(count), '1'];
  const { stdout } = await run(process.execPath, args, { env, maxBuffer: 64 * 1024 * 1024 });
  return stdout
    .split('\n')
    .filter((line) => line.startsWith('{"seed":'))
    .map((line) => JSON.parse(line) as Outcome);
}

describe('the simulator', () => {
  test('seeds pass, and acknowledge writes', async () => {
    const all = await outcomes(1, 6);
    expect(all.map(({ seed, problem }) => ({ seed, problem }))).toEqual(
      [1, 2, 3, 4, 5, 6].map((seed) => ({ seed, problem: '' })),
    );
    for (const { acknowledgements } of all) expect(acknowledgements).toBeGreaterThan(20);
  }, 120_000);

  test('a seed is the same run every time', async () => {
    const [once, again] = await Promise.all([outcomes(7, 1), outcomes(7, 1)]);
    expect(once).toEqual(again);
  }, 60_000);

  /** Each was found by the seed named with it; when the code has changed since, another one of the next 200 must. */
  test.each(Object.entries(MUTANTS).map(([name, { foundBy, about }]) => [name, foundBy, about] as const))(
    'finds %s from seed %i on: %s',
    async (name, seed) => {
      const found = await outcomes(seed, 200, name);
      expect(found.at(-1)).toMatchObject({ ok: false, liveness: false });
    },
    600_000,
  );

  test('nothing in it reads the real clock, timers or randomness', () => {
    const folder = fileURLToPath(new URL('.', import.meta.url));
    const files = readdirSync(folder).filter(
      (name) => name.endsWith('.ts') && !name.endsWith('.test.ts') && name !== 'main.ts',
    );
    const real = /Date\.now|Math\.random|performance\.now|setTimeout\(|new Date\(\)/;
    for (const file of files)
      expect([file, real.exec(readFileSync(`${folder}/${file}`, 'utf8'))?.[0]]).toEqual([file, undefined]);
  });
});
