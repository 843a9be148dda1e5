import { expect, test } from '@jest/globals';
import { LOCAL_BACKOFF, newContainer, stepContainer } from './container.machine.ts';
import type { Container } from './container.machine.ts';
import { parsePodSpec } from './pod-spec.ts';
import { planPodStatus, recordedContainer } from './pod-status.plan.ts';
import { newProbe, probeAnswered } from './probe.machine.ts';

const [spec] = parsePodSpec({ containers: [{ name: 'node', image: 'annulus' }] }).containers;
const T0 = Date.UTC(2026, 0, 1);

function status(container: Container, ready: boolean, now: number, before?: ReturnType<typeof planPodStatus>) {
  if (spec === undefined) throw new Error('no container');
  return planPodStatus({
    uid: 'u',
    containers: [{ spec, container, started: ready, ready }],
    restart: 'Always',
    podIP: '127.70.0.1',
    startTime: T0,
    now,
    before,
  });
}
const policy = { image: 'annulus', restart: 'Always', backoff: LOCAL_BACKOFF } as const;
const running = (now: number): Container =>
  stepContainer(
    stepContainer(newContainer(T0), { type: 'tick' }, now, policy).container,
    { type: 'started' },
    now,
    policy,
  ).container;

test('a pod is Pending, Running, Ready, and transition times move only with the status', () => {
  const pending = status(newContainer(T0), false, T0);
  expect(pending['phase']).toBe('Pending');
  const unready = status(running(T0), false, T0 + 5_000, pending);
  expect(unready).toMatchObject({
    phase: 'Running',
    conditions: [
      { type: 'PodScheduled', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' },
      { type: 'Initialized' },
      { type: 'ContainersReady', status: 'False' },
      { type: 'Ready', status: 'False', message: 'containers with unready status: [node]' },
    ],
  });
  const ready = status(running(T0), true, T0 + 9_000, unready);
  expect(ready).toMatchObject({
    conditions: [{}, {}, {}, { type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:09Z' }],
    containerStatuses: [{ ready: true, restartCount: 0, state: { running: { startedAt: '2026-01-01T00:00:00Z' } } }],
  });
  expect(status(running(T0), true, T0 + 60_000, ready)).toEqual(ready);
});

test('a crash shows in lastState with code and last words', () => {
  const exit = { type: 'exited', exitCode: 3, signal: undefined, message: 'no disk' } as const;
  const crashed = stepContainer(running(T0), exit, T0 + 1_000, policy).container;
  expect(status(crashed, false, T0 + 1_000)).toMatchObject({
    phase: 'Running',
    containerStatuses: [
      { restartCount: 1, lastState: { terminated: { exitCode: 3, reason: 'Error', message: 'no disk' } } },
    ],
  });
});

test('a new launcher counts the lost run as a restart', () => {
  const before = status(running(T0), true, T0);
  expect(recordedContainer(before, 'node', T0 + 9_000)).toMatchObject({
    restartCount: 1,
    last: { exitCode: 137, reason: 'ContainerStatusUnknown' },
  });
  expect(recordedContainer(undefined, 'node', T0)).toEqual({ restartCount: 0, last: undefined });
});

test('probes count to their thresholds', () => {
  const probe = {
    handler: { kind: 'tcp', host: '', port: 1 },
    initialDelaySeconds: 2,
    periodSeconds: 10,
    timeoutSeconds: 1,
    successThreshold: 2,
    failureThreshold: 3,
  } as const;
  let state = newProbe(probe, false, 0);
  expect(state.nextAt).toBe(2_000);
  state = probeAnswered(state, probe, true, 2_000);
  expect(state).toMatchObject({ passing: false, nextAt: 2_500 });
  state = probeAnswered(state, probe, true, 2_500);
  expect(state).toMatchObject({ passing: true, nextAt: 12_500 });
  for (const now of [1, 2]) state = probeAnswered(state, probe, false, now);
  expect(state.passing).toBe(true);
  expect(probeAnswered(state, probe, false, 3).passing).toBe(false);
});
