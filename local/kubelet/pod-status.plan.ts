import type { JsonObject } from '../kube-api/json.ts';
import { asArray, asNumber, asObject, asString } from '../kube-api/json.ts';
import type { Container, Exit } from './container.machine.ts';
import type { ContainerSpec, RestartPolicy } from './pod-spec.ts';

/** A container with what its probes say. */
export interface ObservedContainer {
  readonly spec: ContainerSpec;
  readonly container: Container;
  readonly started: boolean;
  readonly ready: boolean;
}

export interface PodStatusInput {
  readonly uid: string;
  readonly containers: readonly ObservedContainer[];
  readonly restart: RestartPolicy;
  readonly podIP: string;
  /** Milliseconds since 1970. */
  readonly startTime: number;
  readonly now: number;
  /** The status that the API has, for transition times. */
  readonly before: JsonObject | undefined;
}

/** An instant in the API's format: seconds, UTC. */
export const apiTime = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;

/** The whole status of a pod; equal input (but for `now`) gives equal output, so that nothing is written twice. */
export function planPodStatus(input: PodStatusInput): JsonObject {
  const { containers } = input;
  const unready = containers.filter((item) => !item.ready).map((item) => item.spec.name);
  const phase = phaseOf(containers, input.restart);
  const gone = phase === 'Succeeded' || phase === 'Failed';
  const ready: Wish =
    unready.length === 0
      ? { status: true }
      : gone
        ? { status: false, reason: phase === 'Succeeded' ? 'PodCompleted' : 'PodFailed' }
        : {
            status: false,
            reason: 'ContainersNotReady',
            message: `containers with unready status: [${unready.join(' ')}]`,
          };
  const conditions = [
    condition('PodScheduled', { status: true }, input),
    condition('Initialized', { status: true }, input),
    condition('ContainersReady', ready, input),
    condition('Ready', ready, input),
  ];
  return {
    phase,
    hostIP: '127.0.0.1',
    hostIPs: [{ ip: '127.0.0.1' }],
    podIP: input.podIP,
    podIPs: [{ ip: input.podIP }],
    startTime: apiTime(input.startTime),
    qosClass: qosClass(containers),
    conditions,
    containerStatuses: containers.map((item) => containerStatus(item, input.uid)),
  };
}

interface Wish {
  readonly status: boolean;
  readonly reason?: string;
  readonly message?: string;
}

function condition(type: string, wish: Wish, input: PodStatusInput): JsonObject {
  const status = wish.status ? 'True' : 'False';
  const earlier = asArray(input.before?.['conditions'])
    .map(asObject)
    .find((item) => item['type'] === type);
  const kept = earlier?.['status'] === status ? asString(earlier['lastTransitionTime']) : '';
  return {
    type,
    status,
    lastProbeTime: null,
    lastTransitionTime: kept || apiTime(input.now),
    ...(wish.reason === undefined ? {} : { reason: wish.reason }),
    ...(wish.message === undefined ? {} : { message: wish.message }),
  };
}

function phaseOf(containers: readonly ObservedContainer[], restart: RestartPolicy): string {
  const states = containers.map((item) => item.container.state);
  const exits = states.flatMap((state) => (state.kind === 'terminated' ? [state.exit] : []));
  if (exits.length === states.length && exits.length > 0) {
    if (restart === 'Always') return 'Running';
    return exits.every((exit) => exit.exitCode === 0) ? 'Succeeded' : 'Failed';
  }
  // Pending until every container has run once.
  const neverRan = containers.some(
    ({ container }) => (container.state.kind === 'waiting' || container.state.kind === 'starting') && !container.last,
  );
  return neverRan ? 'Pending' : 'Running';
}

function containerStatus(item: ObservedContainer, uid: string): JsonObject {
  const { spec, container } = item;
  const { state, last } = container;
  const id = `local://${uid}/${spec.name}/${container.restartCount}`;
  const ran = state.kind === 'running' || state.kind === 'terminated' || last !== undefined;
  return {
    name: spec.name,
    image: spec.image,
    imageID: ran ? `local://${spec.image}` : '',
    ...(ran ? { containerID: id } : {}),
    ready: item.ready,
    started: item.started,
    restartCount: container.restartCount,
    state: currentState(container, id),
    lastState: last === undefined ? {} : { terminated: terminated(last, id) },
  };
}

function currentState({ state }: Container, id: string): JsonObject {
  switch (state.kind) {
    case 'starting':
      return { waiting: { reason: 'ContainerCreating' } };
    case 'waiting':
      return { waiting: { reason: state.reason, ...(state.message === '' ? {} : { message: state.message }) } };
    case 'running':
      return { running: { startedAt: apiTime(state.startedAt) } };
    case 'terminated':
      return { terminated: terminated(state.exit, id) };
  }
}

function terminated(exit: Exit, containerID: string): JsonObject {
  return {
    exitCode: exit.exitCode,
    ...(exit.signal === undefined ? {} : { signal: exit.signal }),
    reason: exit.reason,
    ...(exit.message === '' ? {} : { message: exit.message }),
    startedAt: apiTime(exit.startedAt),
    finishedAt: apiTime(exit.finishedAt),
    containerID,
  };
}

/** Burstable as soon as anything is requested or limited; Guaranteed when limits equal requests for both resources. */
function qosClass(containers: readonly ObservedContainer[]): string {
  const any = containers.some(({ spec }) => Object.keys({ ...spec.limits, ...spec.requests }).length > 0);
  if (!any) return 'BestEffort';
  const whole = containers.every(({ spec }) =>
    ['cpu', 'memory'].every((name) => {
      const limit = spec.limits[name];
      return limit !== undefined && (spec.requests[name] ?? limit) === limit;
    }),
  );
  return whole ? 'Guaranteed' : 'Burstable';
}

/** What an earlier launcher recorded of a container: its restarts, and how its last run ended as far as known. */
export function recordedContainer(
  status: JsonObject | undefined,
  name: string,
  now: number,
): { restartCount: number; last: Exit | undefined } {
  const found = asArray(status?.['containerStatuses'])
    .map(asObject)
    .find((item) => item['name'] === name);
  const restartCount = asNumber(found?.['restartCount']) ?? 0;
  const state = asObject(found?.['state']);
  const parse = (value: unknown): Exit | undefined => {
    const from = asObject(value);
    const exitCode = asNumber(from['exitCode']);
    if (exitCode === undefined) return undefined;
    return {
      exitCode,
      signal: asNumber(from['signal']),
      reason: asString(from['reason']),
      message: asString(from['message']),
      startedAt: Date.parse(asString(from['startedAt'])),
      finishedAt: Date.parse(asString(from['finishedAt'])),
    };
  };
  const ended = parse(state['terminated']);
  if (ended !== undefined) return { restartCount: restartCount + 1, last: ended };
  const running = asObject(state['running']);
  if (running['startedAt'] === undefined)
    return { restartCount, last: parse(asObject(found?.['lastState'])['terminated']) };
  const lost: Exit = {
    exitCode: 137,
    signal: undefined,
    reason: 'ContainerStatusUnknown',
    message: 'The container could not be located when the launcher started again',
    startedAt: Date.parse(asString(running['startedAt'])),
    finishedAt: now,
  };
  return { restartCount: restartCount + 1, last: lost };
}
