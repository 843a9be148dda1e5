import { Project } from 'ts-morph';
import { crdFileName, crdYaml } from './crd.ts';
import { jsonSchemas } from './json-schema.ts';
import { readApiVersion, readKinds } from './kinds.ts';
import { referencePage } from './reference.ts';
import { withDefaultsModule } from './with-defaults.ts';

/** Where the API types stand, and the files made of them (paths from the repository's root). */
const TYPES = 'crds/v1alpha1';
const CHART_CRDS = 'helm/annulus/crds';

/** The standard types that API types may use. The real library takes a quarter of a second to read and says no more of them. */
const LIBRARY = `
  interface Object {} interface Function {} interface CallableFunction {} interface NewableFunction {} interface IArguments {}
  interface Boolean {} interface Number {} interface String {} interface RegExp {}
  interface Array<T> { length: number; [index: number]: T } interface ReadonlyArray<T> { length: number; readonly [index: number]: T }
  type Record<K extends string, T> = { [P in K]: T };
`;

/**
 * Makes every generated file from the API types, in memory.
 *
 * @param sources the API types: file name to text
 * @returns path from the repository's root to content
 * @throws SourceProblem with file and line
 */
export function generate(sources: ReadonlyMap<string, string>): Map<string, string> {
  const project = new Project({ useInMemoryFileSystem: true, compilerOptions: { strict: true, noLib: true } });
  project.createSourceFile('library.d.ts', LIBRARY);
  const files = [...sources].map(([name, text]) => project.createSourceFile(name, text)).sort(byName);
  const api = readApiVersion(files);
  const kinds = readKinds(files, api);
  const outputs = new Map<string, string>();
  for (const kind of kinds) {
    const yaml = crdYaml(kind, api);
    outputs.set(`crds/${crdFileName(kind, api)}`, yaml);
    outputs.set(`${CHART_CRDS}/${crdFileName(kind, api)}`, yaml);
  }
  outputs.set(`${TYPES}/schemas.json`, `${JSON.stringify(jsonSchemas(kinds), null, 2)}\n`);
  outputs.set('crds/with-defaults.ts', withDefaultsModule(files, './v1alpha1/index.ts'));
  outputs.set('docs/reference.md', referencePage(kinds, api));
  return outputs;
}

function byName(a: { getBaseName(): string }, b: { getBaseName(): string }): number {
  return a.getBaseName() < b.getBaseName() ? -1 : 1;
}
