import type { RestartPolicy } from './pod-spec.ts';

/** Waiting times between restarts, milliseconds. */
export interface Backoff {
  readonly firstMs: number;
  readonly maxMs: number;
  /** A run of this length forgets earlier crashes. */
  readonly resetMs: number;
}

/** As Kubernetes (first restart at once, then doubling), but capped lower: a person is waiting in front of it. */
export const LOCAL_BACKOFF: Backoff = { firstMs: 10_000, maxMs: 30_000, resetMs: 600_000 };

/** A failed image pull shows as ErrImagePull this long, then as ImagePullBackOff. */
const PULL_ERROR_SHOWN_MS = 1_000;

/** How a run ended. Times in milliseconds since 1970. */
export interface Exit {
  readonly exitCode: number;
  readonly signal: number | undefined;
  readonly reason: string;
  readonly message: string;
  readonly startedAt: number;
  readonly finishedAt: number;
}

export type ContainerState =
  | { readonly kind: 'waiting'; readonly reason: string; readonly message: string; readonly retryAt: number }
  | { readonly kind: 'starting' }
  | { readonly kind: 'running'; readonly startedAt: number }
  | { readonly kind: 'terminated'; readonly exit: Exit };

/** One container of a pod: what it is, what it was, and what is asked of it. */
export interface Container {
  readonly state: ContainerState;
  readonly restartCount: number;
  readonly last: Exit | undefined;
  /** Waiting time before the next restart after a crash; 0 before the first crash. */
  readonly backoffMs: number;
  /** Set while the run is asked to end; `final` when the pod goes, else it starts again (liveness). */
  readonly stop: { readonly killAt: number; readonly killed: boolean; readonly final: boolean } | undefined;
}

export type ContainerEvent =
  | { readonly type: 'tick' }
  | { readonly type: 'started' }
  /** `retryMs` absent: the backoff decides. */
  | { readonly type: 'startFailed'; readonly reason: string; readonly message: string; readonly retryMs?: number }
  | {
      readonly type: 'exited';
      readonly exitCode: number;
      readonly signal: number | undefined;
      readonly message: string;
    }
  | { readonly type: 'stop'; readonly graceMs: number; readonly final: boolean };

/** What of the pod's spec rules its containers' lives. */
export interface Policy {
  readonly image: string;
  readonly restart: RestartPolicy;
  readonly backoff: Backoff;
}

export type ContainerAction = 'start' | 'terminate' | 'kill';

export interface Step {
  readonly container: Container;
  readonly actions: readonly ContainerAction[];
}

/** A container that has not run in this launcher; `before` carries over what an earlier launcher had recorded. */
export function newContainer(now: number, before?: { restartCount: number; last: Exit | undefined }): Container {
  return {
    state: { kind: 'waiting', reason: 'ContainerCreating', message: '', retryAt: now },
    restartCount: before?.restartCount ?? 0,
    last: before?.last,
    backoffMs: 0,
    stop: undefined,
  };
}

/** Advances one container. The shell performs the actions and reports back by events. */
export function stepContainer(container: Container, event: ContainerEvent, now: number, policy: Policy): Step {
  switch (event.type) {
    case 'tick':
      return tick(container, now, policy.image);
    case 'started': {
      const running: Container = { ...container, state: { kind: 'running', startedAt: now } };
      // Asked to stop while its process was being made: the signal goes out now.
      return { container: running, actions: container.stop === undefined ? [] : ['terminate'] };
    }
    case 'startFailed':
      return { container: startFailed(container, event, now, policy.backoff), actions: [] };
    case 'exited':
      return { container: exited(container, event, now, policy), actions: [] };
    case 'stop':
      return stop(container, event, now);
  }
}

/** When `tick` has something to do next; undefined when only an event can change anything. */
export function nextTick(container: Container): number | undefined {
  if (container.stop !== undefined && isLive(container))
    return container.stop.killed ? undefined : container.stop.killAt;
  if (container.state.kind !== 'waiting') return undefined;
  const { reason, retryAt } = container.state;
  return reason === 'ErrImagePull' ? Math.min(retryAt, retryAt - container.backoffMs + PULL_ERROR_SHOWN_MS) : retryAt;
}

/** A process exists or is being made. */
export const isLive = (container: Container): boolean =>
  container.state.kind === 'running' || container.state.kind === 'starting';

function tick(container: Container, now: number, image: string): Step {
  const { state, stop: asked } = container;
  if (asked !== undefined && state.kind === 'running' && !asked.killed && now >= asked.killAt) {
    return { container: { ...container, stop: { ...asked, killed: true } }, actions: ['kill'] };
  }
  if (state.kind !== 'waiting' || asked !== undefined) return { container, actions: [] };
  if (now >= state.retryAt) return { container: { ...container, state: { kind: 'starting' } }, actions: ['start'] };
  if (state.reason === 'ErrImagePull' && now >= state.retryAt - container.backoffMs + PULL_ERROR_SHOWN_MS) {
    const message = `Back-off pulling image "${image}": ErrImagePull: ${state.message}`;
    return { container: { ...container, state: { ...state, reason: 'ImagePullBackOff', message } }, actions: [] };
  }
  return { container, actions: [] };
}

const doubled = (backoffMs: number, backoff: Backoff): number =>
  backoffMs === 0 ? backoff.firstMs : Math.min(backoff.maxMs, backoffMs * 2);

function startFailed(
  container: Container,
  failure: { readonly reason: string; readonly message: string; readonly retryMs?: number },
  now: number,
  backoff: Backoff,
): Container {
  const { reason, message, retryMs } = failure;
  if (container.stop?.final === true) {
    return { ...container, state: { kind: 'terminated', exit: container.last ?? neverRan(now) }, stop: undefined };
  }
  container = { ...container, stop: undefined };
  if (retryMs !== undefined) {
    return { ...container, state: { kind: 'waiting', reason, message, retryAt: now + retryMs } };
  }
  const backoffMs = Math.min(doubled(container.backoffMs, backoff), backoff.maxMs);
  return { ...container, backoffMs, state: { kind: 'waiting', reason, message, retryAt: now + backoffMs } };
}

function exited(
  container: Container,
  event: { readonly exitCode: number; readonly signal: number | undefined; readonly message: string },
  now: number,
  policy: Policy,
): Container {
  const startedAt = container.state.kind === 'running' ? container.state.startedAt : now;
  const exit: Exit = {
    exitCode: event.exitCode,
    signal: event.signal,
    reason: event.exitCode === 0 ? 'Completed' : 'Error',
    message: event.message,
    startedAt,
    finishedAt: now,
  };
  const over = container.stop?.final === true;
  const again = policy.restart === 'Always' || (policy.restart === 'OnFailure' && event.exitCode !== 0);
  if (over || !again) return { ...container, state: { kind: 'terminated', exit }, stop: undefined };
  const calm = now - startedAt >= policy.backoff.resetMs;
  const first = container.backoffMs === 0 || calm;
  // The first crash restarts at once and arms the waiting time for the second.
  const wait = first ? 0 : container.backoffMs;
  const message = first ? '' : `back-off ${Math.ceil(wait / 1000)}s restarting failed container`;
  return {
    ...container,
    state: { kind: 'waiting', reason: first ? 'ContainerCreating' : 'CrashLoopBackOff', message, retryAt: now + wait },
    restartCount: container.restartCount + 1,
    last: exit,
    backoffMs: first ? policy.backoff.firstMs : doubled(container.backoffMs, policy.backoff),
    stop: undefined,
  };
}

function stop(container: Container, event: { readonly graceMs: number; readonly final: boolean }, now: number): Step {
  const killAt = now + event.graceMs;
  const earlier = container.stop;
  if (!isLive(container)) {
    if (!event.final || container.state.kind === 'terminated') return { container, actions: [] };
    const exit = container.last ?? neverRan(now);
    return { container: { ...container, state: { kind: 'terminated', exit } }, actions: [] };
  }
  const asked = {
    killAt: earlier === undefined ? killAt : Math.min(earlier.killAt, killAt),
    killed: earlier?.killed ?? false,
    final: event.final || earlier?.final === true,
  };
  const signal = earlier === undefined && container.state.kind === 'running';
  return { container: { ...container, stop: asked }, actions: signal ? ['terminate'] : [] };
}

const neverRan = (now: number): Exit => ({
  exitCode: 137,
  signal: undefined,
  reason: 'ContainerStatusUnknown',
  message: 'The container never started',
  startedAt: now,
  finishedAt: now,
});
