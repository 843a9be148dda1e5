// Everything that CI checks, in one go: node scripts/test.ts [--checks-only] [jest arguments]
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
const MODULES = join(ROOT, 'node_modules');

interface Step {
  readonly name: string;
  readonly args: readonly string[];
}

const CHECKS: readonly Step[] = [
  { name: 'generated files', args: ['crds/generate/main.ts', '--check'] },
  { name: 'error page', args: ['scripts/generate-error-page.ts', '--check'] },
  { name: 'types', args: [join(MODULES, 'typescript', 'bin', 'tsc'), '--noEmit'] },
  {
    name: 'lint',
    args: [
      join(MODULES, 'eslint', 'bin', 'eslint.js'),
      '.',
      '--max-warnings',
      '0',
      '--cache',
      '--cache-location',
      join(MODULES, '.cache', 'eslint'),
    ],
  },
  {
    name: 'format',
    args: [join(MODULES, 'prettier', 'bin', 'prettier.cjs'), '--check', '--log-level', 'warn', '--cache', '.'],
  },
];

/** Runs one step with its output on the terminal; true when it passed. */
function run({ name, args }: Step): boolean {
  const begun = Date.now();
  const { status } = spawnSync(process.execPath, args, { cwd: ROOT, stdio: 'inherit' });
  const passed = status === 0;
  console.log(`${passed ? 'ok' : 'FAILED'}  ${name} (${((Date.now() - begun) / 1000).toFixed(1)} s)`);
  return passed;
}

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

function runJest(patterns: readonly string[]): Counts {
  const folder = mkdtempSync(join(tmpdir(), 'annulus-test-'));
  const report = join(folder, 'jest.json');
  const jest = ['--experimental-vm-modules', '--no-warnings', join(MODULES, 'jest', 'bin', 'jest.js')];
  const ok = run({ name: 'tests', args: [...jest, '--json', `--outputFile=${report}`, ...patterns] });
  // A crash of the runner itself leaves no report and counts as one failure.
  const counts = existsSync(report) ? readReport(report) : { passed: 0, failed: 1, skipped: 0 };
  rmSync(folder, { recursive: true, force: true });
  return !ok && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}

function readReport(path: string): Counts {
  const report: unknown = JSON.parse(readFileSync(path, 'utf8'));
  const count = (name: string): number => {
    const value: unknown = typeof report === 'object' && report !== null ? Reflect.get(report, name) : undefined;
    return typeof value === 'number' ? value : 0;
  };
  return {
    passed: count('numPassedTests'),
    // A file that does not even load has no failed tests, but is a failure.
    failed: count('numFailedTests') + count('numRuntimeErrorTestSuites'),
    skipped: count('numPendingTests') + count('numTodoTests'),
  };
}

const args = process.argv.slice(2);
const checksOnly = args.includes('--checks-only');
const patterns = args.filter((arg) => arg !== '--checks-only');
const steps = patterns.length > 0 ? [] : CHECKS.map(run);
const total: Counts = checksOnly ? { passed: 0, failed: 0, skipped: 0 } : runJest(patterns);
total.passed += steps.filter(Boolean).length;
total.failed += steps.filter((passed) => !passed).length;
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed > 0 ? 1 : 0;
