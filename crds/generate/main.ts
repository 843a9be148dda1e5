import { ROOT, readTypes, stalePaths, writeOutputs } from './files.ts';
import { generate } from './generate.ts';
import { SourceProblem } from './problems.ts';

/** `node crds/generate/main.ts [--check]`: writes the generated files, or says which are stale and fails. */
function main(): number {
  const outputs = generate(readTypes(ROOT));
  if (process.argv.includes('--check')) {
    const stale = stalePaths(ROOT, outputs);
    for (const path of stale) process.stderr.write(`${path} is stale: run make generate\n`);
    return stale.length > 0 ? 1 : 0;
  }
  for (const path of writeOutputs(ROOT, outputs)) process.stdout.write(`wrote ${path}\n`);
  return 0;
}

try {
  process.exitCode = main();
} catch (error) {
  if (!(error instanceof SourceProblem)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
