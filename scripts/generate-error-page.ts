// node scripts/generate-error-page.ts [--check]: writes docs/errors.md, or says that it is stale and fails.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorPage } from './error-page.ts';

const path = join(import.meta.dirname, '..', 'docs', 'errors.md');
const wanted = errorPage();
let present = '';
try {
  present = readFileSync(path, 'utf8');
} catch {
  // Not there yet: stale.
}
if (present !== wanted) {
  if (process.argv.includes('--check')) {
    console.error('docs/errors.md is stale: run make generate');
    process.exitCode = 1;
  } else {
    writeFileSync(path, wanted);
    console.log('wrote docs/errors.md');
  }
}
