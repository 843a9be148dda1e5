/** `node e2e/processes/launch.ts HOME [MANIFEST ...]`: the embedded mode as a process that a test may kill. Prints one JSON line when it is up. */
import { readFileSync } from 'node:fs';
import { startLocal } from '#local/launcher.ts';
import { applyManifests, parseManifests } from '#local/manifests.ts';
import { PORTS } from '#model/ports.ts';

const [home, ...manifests] = process.argv.slice(2);
if (!home) throw new Error('usage: node e2e/processes/launch.ts HOME [MANIFEST ...]');
const local = await startLocal({
  home,
  apiPort: 0,
  ports: [{ servicePort: PORTS.rest, localPort: 0 }],
  // A test that kills processes on purpose waits for nothing.
  backoff: { firstMs: 200, maxMs: 1000, resetMs: 60_000 },
});
for (const file of manifests) await applyManifests(local.store, parseManifests(readFileSync(file, 'utf8')));
process.stdout.write(`${JSON.stringify({ port: local.ports[0], kubeconfig: local.kubeconfig })}\n`);
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void local.close().then(() => process.exit(0)));
}
