// The embedded mode as a program: node local/main.ts [apply.yaml …]; ends with SIGINT or SIGTERM.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { startLocal } from './launcher.ts';
import { applyManifests, parseManifests } from './manifests.ts';

const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function main(files: readonly string[]): Promise<void> {
  const home = resolve(process.env['ANNULUS_HOME'] ?? '.annulus');
  const local = await startLocal({ home });
  const end = new Promise<void>((done) => {
    process.once('SIGINT', () => done());
    process.once('SIGTERM', () => done());
  });
  for (const file of files) {
    await applyManifests(local.store, parseManifests(readFileSync(file, 'utf8')));
    say(`applied ${file}`);
  }
  say(`Kubernetes API  ${local.apiUrl}`);
  say(`kubeconfig      ${local.kubeconfig}`);
  say(`client Service  ${local.ports.map((port) => `127.0.0.1:${port}`).join(', ')}`);
  say('Ctrl-C ends it; the data stays.');
  await end;
  say('stopping');
  await local.close();
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`annulus: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
