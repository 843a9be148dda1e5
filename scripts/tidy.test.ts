import { describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { ERRORS } from '#model/errors.ts';
import { errorPage } from './error-page.ts';

const ROOT = resolve(import.meta.dirname, '..');
const MAX_LINES = 400;

/** Tracked files and new ones that are not ignored, as paths from the root. */
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: ROOT,
  encoding: 'utf8',
})
  .split('\n')
  .filter((path) => path !== '' && existsSync(join(ROOT, path)));
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const code = files.filter((path) => path.endsWith('.ts'));
const isTest = (path: string): boolean => /\.test\.ts$|\/testing\/|\/fixtures\/|\/soak-|\/test-/.test(path);

interface Import {
  readonly from: string;
  /** Path from the root for our own modules, else the module's name. */
  readonly to: string;
  readonly typeOnly: boolean;
}

/** Every static and dynamic import of a file. */
function importsOf(path: string): Import[] {
  const pattern =
    /^\s*(?:import|export)\s+(type\s)?(?:[^'"]*?from\s+)?['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)/gm;
  return [...read(path).matchAll(pattern)].map(([, typeOnly, fixed, dynamic]) => {
    const name = fixed ?? dynamic ?? '';
    const to = name.startsWith('#')
      ? name.slice(1)
      : name.startsWith('.')
        ? relative(ROOT, resolve(ROOT, dirname(path), name))
        : name;
    return { from: path, to, typeOnly: typeOnly !== undefined };
  });
}
const imports = code.flatMap(importsOf);
const topOf = (path: string): string => path.split('/')[0] ?? '';

describe('imports point one way', () => {
  /** What each top folder may import besides itself. */
  const ground = ['crds', 'model', 'proto'];
  const programs = ['operator', 'node-agent', 'client'];
  const ends = ['local', 'sim', 'e2e', 'bench'];
  const allowed: Readonly<Record<string, readonly string[]>> = {
    crds: ['model'],
    model: ['crds'],
    proto: ground,
    operator: ground,
    'node-agent': ground,
    client: ground,
    console: ground,
    ...Object.fromEntries(ends.map((folder) => [folder, [...ground, ...programs, ...ends]])),
    scripts: [...ground, ...programs, ...ends],
  };
  const folders = new Set(Object.keys(allowed));
  /** A test may use what stands above it: a real server, the demo's data. */
  const allowedOf = (path: string): readonly string[] =>
    isTest(path) ? [...(allowed[topOf(path)] ?? []), 'local', 'scripts'] : (allowed[topOf(path)] ?? []);

  test('between top folders', () => {
    const bad = imports.filter(({ from, to }) => {
      const target = topOf(to);
      return (
        folders.has(topOf(from)) && folders.has(target) && target !== topOf(from) && !allowedOf(from).includes(target)
      );
    });
    expect(bad.map(({ from, to }) => `${from} imports ${to}`)).toEqual([]);
  });

  test('within the repository by relative path inside a top folder, by alias across', () => {
    const text = (path: string): string[] =>
      [...read(path).matchAll(/from '(\.\.?\/[^']+)'/g)].map(([, name]) => name ?? '');
    const across = code.flatMap((path) =>
      text(path)
        .filter((name) => topOf(relative(ROOT, resolve(ROOT, dirname(path), name))) !== topOf(path))
        .map((name) => `${path} imports ${name}`),
    );
    expect(across).toEqual([]);
  });

  test('only operator/ and e2e/ use @kubernetes/client-node', () => {
    const users = imports.filter(({ to }) => to.startsWith('@kubernetes/client-node')).map(({ from }) => from);
    expect(users.filter((path) => !/^(operator|e2e)\//.test(path))).toEqual([]);
  });

  test('every imported file is there', () => {
    const missing = imports.filter(({ to }) => folders.has(topOf(to)) && !existsSync(join(ROOT, to)));
    expect(missing.map(({ from, to }) => `${from} imports ${to}`)).toEqual([]);
  });
});

describe('pure files', () => {
  const PURE = [
    /^model\//,
    /^operator\/placement\//,
    /^operator\/build\//,
    /\.plan\.ts$/,
    /\.machine\.ts$/,
    /-machine\.ts$/,
  ];
  const pure = code.filter((path) => !isTest(path) && PURE.some((pattern) => pattern.test(path)));
  const IO = /^(?:node:)?(?:fs|net|http|https|http2|dgram|dns|child_process|worker_threads|timers|sqlite|tls)(?:\/|$)/;
  const IMPURE =
    /\b(?:Date\.now|Math\.random|performance\.now|process\.(?:env|hrtime|uptime))\b|\b(?:setTimeout|setInterval|setImmediate|queueMicrotask|randomUUID|randomBytes|fetch)\(|\bnew Date\(\)/;

  test('there are some', () => expect(pure.length).toBeGreaterThan(20));

  test('import no I/O and no timers', () => {
    const bad = imports.filter(({ from, to, typeOnly }) => !typeOnly && pure.includes(from) && IO.test(to));
    expect(bad.map(({ from, to }) => `${from} imports ${to}`)).toEqual([]);
  });

  test('use no clock and no randomness: now and chance are arguments', () => {
    const withoutComments = (path: string): string => read(path).replaceAll(/\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, '');
    const bad = pure.filter((path) => IMPURE.test(withoutComments(path)));
    expect(bad).toEqual([]);
  });
});

test(`no source file is over ${MAX_LINES} lines`, () => {
  const long = files
    .filter((path) => /\.(ts|js|sh)$/.test(path))
    .map((path) => ({ path, lines: read(path).trimEnd().split('\n').length }))
    .filter(({ lines }) => lines > MAX_LINES);
  expect(long).toEqual([]);
});

test('every Makefile target says in `make help` what it does', () => {
  const makefile = read('Makefile');
  const targets = [...makefile.matchAll(/^([a-z][a-z-]*):/gm)].map(([, name]) => name);
  const help = execFileSync('make', ['--no-print-directory', 'help'], { cwd: ROOT, encoding: 'utf8' });
  expect(targets.length).toBeGreaterThan(5);
  expect(targets.filter((name) => !help.includes(`make ${name ?? ''} `))).toEqual([]);
});

test('every error code is documented, as the table has it now', () => {
  const page = read('docs/errors.md');
  expect(Object.keys(ERRORS).filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
  expect(page === errorPage() ? 'fresh' : 'stale: run make generate').toBe('fresh');
});

test('nothing names this machine: no home folders, no registry hosts', () => {
  const machine =
    /(?:^|[\s"'`=(:])\/(?:root|home\/[a-z]+|Users|work)\/|registry\.npmjs\.org|https?:\/\/(?:10|192\.168)\.\d/m;
  const text = files.filter((path) => /\.(?:ts|js|json|md|ya?ml|sh|proto|txt)$|Makefile$|^\.ci\//.test(path));
  const bad = text.filter((path) => path !== 'scripts/tidy.test.ts' && machine.test(read(path)));
  expect(bad).toEqual([]);
});
