import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The repository's root. */
export const ROOT = join(import.meta.dirname, '..', '..');

/** Reads the API types: file name to text. */
export function readTypes(root: string): Map<string, string> {
  const folder = join(root, 'crds', 'v1alpha1');
  const names = readdirSync(folder).filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'));
  return new Map(names.sort().map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}

/** Paths whose content on disk is not what the types say now. */
export function stalePaths(root: string, outputs: ReadonlyMap<string, string>): string[] {
  return [...outputs].filter(([path, content]) => readOrEmpty(join(root, path)) !== content).map(([path]) => path);
}

/** Writes what changed and returns those paths. */
export function writeOutputs(root: string, outputs: ReadonlyMap<string, string>): string[] {
  const stale = stalePaths(root, outputs);
  for (const path of stale) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), outputs.get(path) ?? '');
  }
  return stale;
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
