import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { readTypes, ROOT, stalePaths } from './files.ts';
import { generate } from './generate.ts';

const FIXTURES = join(import.meta.dirname, 'fixtures');
const GOLDEN = join(import.meta.dirname, 'golden');

describe('golden files', () => {
  const sources = new Map(readdirSync(FIXTURES).map((name) => [name, readFileSync(join(FIXTURES, name), 'utf8')]));
  const outputs = generate(sources);
  const goldens = [
    'crds/example.dev_widgets.yaml',
    'crds/v1alpha1/schemas.json',
    'crds/with-defaults.ts',
    'docs/reference.md',
  ];

  test.each(goldens)('%s of the fixture is as recorded (UPDATE_GOLDEN=1 records it anew)', (path) => {
    // Recorded source is no source: it must not be compiled.
    const golden = join(GOLDEN, basename(path).replace(/\.ts$/, '.ts.txt'));
    if (process.env['UPDATE_GOLDEN'] === '1') {
      mkdirSync(GOLDEN, { recursive: true });
      writeFileSync(golden, outputs.get(path) ?? '');
    }
    expect(outputs.get(path)).toBe(readFileSync(golden, 'utf8'));
  });

  test('nothing else is made, and the chart gets the same definitions', () => {
    expect([...outputs.keys()].sort()).toEqual([...goldens, 'helm/annulus/crds/example.dev_widgets.yaml'].sort());
    expect(outputs.get('helm/annulus/crds/example.dev_widgets.yaml')).toBe(
      outputs.get('crds/example.dev_widgets.yaml'),
    );
  });
});

test('the committed files are what the API types say: if not, run make generate', () => {
  expect({ stale: stalePaths(ROOT, generate(readTypes(ROOT))), cure: 'run make generate' }).toEqual({
    stale: [],
    cure: 'run make generate',
  });
});
