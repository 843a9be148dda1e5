import { expect, test } from '@jest/globals';
import type { JsonObject } from './kube/json.ts';
import { makePod } from './testing/fixtures.ts';

const container = (state: JsonObject): JsonObject => ({ containerStatuses: [{ name: 'node-agent', state }] });

test.each<[string, JsonObject, boolean]>([
  ['a running container', container({ running: { startedAt: '2026-01-01T00:00:00Z' } }), true],
  ['a container that ended', container({ terminated: { exitCode: 137 } }), false],
  ['a container that waits to be started again', container({ waiting: { reason: 'CrashLoopBackOff' } }), false],
  ['a pod that is not scheduled yet', { phase: 'Pending' }, false],
  ['a pod that was evicted', { phase: 'Failed', reason: 'Evicted' }, false],
  // Its machine is lost: Kubernetes repeats what it knew last.
  ['a pod that Kubernetes knows nothing of', { phase: 'Unknown', ...container({ running: {} }) }, true],
  ['a pod without a word on its containers', {}, true],
])('%s', (_name, status, running) => {
  expect(makePod(0, status).running).toBe(running);
});
