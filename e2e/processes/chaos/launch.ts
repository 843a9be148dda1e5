/**
 * `node launch.ts HOME NETWORK [MANIFEST ...]`: the embedded mode as a process, in a test network (`-`: on loopback). Its parent holds pods
 * down and lets them go by messages. Says `{"kubeconfig": …}` when it is up; ends with its parent.
 */
import { readFileSync } from 'node:fs';
import { startLocal } from '#local/launcher.ts';
import { applyManifests, parseManifests } from '#local/manifests.ts';
import { TestNetwork } from './network.ts';

/** What the parent says. */
export interface LaunchRequest {
  readonly action: 'hold' | 'release';
  /** `namespace/name` */
  readonly pod: string;
}

const [home, network, ...manifests] = process.argv.slice(2);
if (home === undefined || network === undefined) throw new Error('usage: node launch.ts HOME NETWORK [MANIFEST ...]');
const held = new Set<string>();
process.on('message', ({ action, pod }: LaunchRequest) => {
  if (action === 'hold') held.add(pod);
  else held.delete(pod);
  process.send?.('done');
});
const local = await startLocal({
  home,
  apiPort: 0,
  ports: [],
  // A container that was killed on purpose starts again when it may, not when a backoff is over.
  backoff: { firstMs: 100, maxMs: 100, resetMs: 60_000 },
  mayStart: (pod) => !held.has(pod),
  ...(network === '-' ? {} : { network: new TestNetwork(network) }),
});
for (const file of manifests) await applyManifests(local.store, parseManifests(readFileSync(file, 'utf8')));
process.send?.({ kubeconfig: local.kubeconfig });
const end = (): void => void local.close().then(() => process.exit(0));
for (const event of ['SIGINT', 'SIGTERM', 'disconnect'] as const) process.once(event, end);
