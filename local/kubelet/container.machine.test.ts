import { describe, expect, test } from '@jest/globals';
import { LOCAL_BACKOFF, newContainer, nextTick, stepContainer } from './container.machine.ts';
import type { Container, ContainerEvent, Policy } from './container.machine.ts';

const policy: Policy = { image: 'annulus:latest', restart: 'Always', backoff: LOCAL_BACKOFF };

function play(steps: readonly (readonly [now: number, event: ContainerEvent])[], rules: Policy = policy) {
  let container: Container = newContainer(0);
  const log: string[] = [];
  for (const [now, event] of steps) {
    const step = stepContainer(container, event, now, rules);
    container = step.container;
    log.push(...step.actions.map((action) => `${now}:${action}`));
  }
  return { container, log };
}

const tick: ContainerEvent = { type: 'tick' };
const started: ContainerEvent = { type: 'started' };
const crash: ContainerEvent = { type: 'exited', exitCode: 1, signal: undefined, message: 'boom' };

describe('restarts', () => {
  test('the first crash restarts at once, then the waiting time doubles up to the cap', () => {
    let container = newContainer(0);
    const waits: number[] = [];
    let now = 0;
    for (let crashes = 0; crashes < 6; crashes += 1) {
      now = nextTick(container) ?? now;
      for (const event of [tick, started]) container = stepContainer(container, event, now, policy).container;
      now += 100;
      container = stepContainer(container, crash, now, policy).container;
      waits.push((nextTick(container) ?? 0) - now);
    }
    expect(waits).toEqual([0, 10_000, 20_000, 30_000, 30_000, 30_000]);
    expect(container.restartCount).toBe(6);
    expect(container.last?.message).toBe('boom');
    expect(container.state).toMatchObject({
      kind: 'waiting',
      reason: 'CrashLoopBackOff',
      message: 'back-off 30s restarting failed container',
    });
  });

  test('a long run forgets earlier crashes', () => {
    const { container } = play([
      [0, tick],
      [0, started],
      [10, crash],
      [10, tick],
      [10, started],
      [10 + LOCAL_BACKOFF.resetMs, crash],
    ]);
    expect(nextTick(container)).toBe(10 + LOCAL_BACKOFF.resetMs);
  });

  test('OnFailure leaves a container that ended well, Never any', () => {
    const done: ContainerEvent = { type: 'exited', exitCode: 0, signal: undefined, message: '' };
    const run = [
      [0, tick],
      [0, started],
    ] as const;
    expect(play([...run, [5, done]], { ...policy, restart: 'OnFailure' }).container.state.kind).toBe('terminated');
    expect(play([...run, [5, crash]], { ...policy, restart: 'OnFailure' }).container.state.kind).toBe('waiting');
    expect(play([...run, [5, crash]], { ...policy, restart: 'Never' }).container.state.kind).toBe('terminated');
  });
});

describe('stopping', () => {
  const stop = (graceMs: number, final = true): ContainerEvent => ({ type: 'stop', graceMs, final });

  test('TERM, then KILL when the grace is over, once', () => {
    const { log, container } = play([
      [0, tick],
      [0, started],
      [100, stop(1000)],
      [500, tick],
      [1100, tick],
      [1200, tick],
    ]);
    expect(log).toEqual(['0:start', '100:terminate', '1100:kill']);
    const gone = stepContainer(container, { type: 'exited', exitCode: 137, signal: 9, message: '' }, 1300, policy);
    expect(gone.container.state).toMatchObject({ kind: 'terminated', exit: { exitCode: 137, signal: 9 } });
  });

  test('asked while its process is being made: the signal follows the start', () => {
    expect(
      play([
        [0, tick],
        [1, stop(1000)],
        [2, started],
      ]).log,
    ).toEqual(['0:start', '2:terminate']);
  });

  test('asked while its process is being made, and that fails: it is over', () => {
    const failed: ContainerEvent = { type: 'startFailed', reason: 'RunContainerError', message: 'no such file' };
    expect(
      play([
        [0, tick],
        [1, stop(1000)],
        [2, failed],
      ]).container.state.kind,
    ).toBe('terminated');
  });

  test('a waiting container just ends', () => {
    expect(play([[0, stop(1000)]]).container.state.kind).toBe('terminated');
  });

  test('a shorter grace wins over an earlier, longer one', () => {
    const { log } = play([
      [0, tick],
      [0, started],
      [0, stop(30_000)],
      [10, stop(0)],
      [10, tick],
    ]);
    expect(log).toEqual(['0:start', '0:terminate', '10:kill']);
  });

  test('killed by liveness it starts again', () => {
    const { container } = play([
      [0, tick],
      [0, started],
      [100, stop(1000, false)],
      [200, crash],
    ]);
    expect(container.state.kind).toBe('waiting');
    expect(container.stop).toBeUndefined();
  });
});

test('a missing image: ErrImagePull, then ImagePullBackOff, then again', () => {
  const failed: ContainerEvent = { type: 'startFailed', reason: 'ErrImagePull', message: 'not found' };
  let { container } = play([
    [0, tick],
    [0, failed],
  ]);
  expect(container.state).toMatchObject({ reason: 'ErrImagePull', message: 'not found' });
  expect(nextTick(container)).toBe(1_000);
  container = stepContainer(container, tick, 1_000, policy).container;
  expect(container.state).toMatchObject({
    reason: 'ImagePullBackOff',
    message: 'Back-off pulling image "annulus:latest": ErrImagePull: not found',
  });
  expect(nextTick(container)).toBe(10_000);
  expect(stepContainer(container, tick, 10_000, policy).actions).toEqual(['start']);
});
