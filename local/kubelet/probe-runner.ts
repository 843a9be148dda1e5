import { setTimeout as sleep } from 'node:timers/promises';
import type { ContainerSpec, ProbeSpec } from './pod-spec.ts';
import { newProbe, probeAnswered } from './probe.machine.ts';
import type { ProbeState } from './probe.machine.ts';
import { probe } from './prober.ts';

export type ProbeKind = 'startup' | 'readiness' | 'liveness';

/** What a run's probes report. */
export interface ProbeListener {
  started(): void;
  ready(ready: boolean): void;
  /** A probe failed as often as its threshold: for startup and liveness the container is to be killed. */
  failed(kind: ProbeKind, message: string): void;
}

/** Probes one run of a container until the signal aborts: startup first, then readiness and liveness side by side. */
export async function runProbes(
  container: ContainerSpec,
  podIP: string,
  listener: ProbeListener,
  signal: AbortSignal,
): Promise<void> {
  const ask = (spec: ProbeSpec) => probe(spec, podIP, (name) => container.ports[name]);
  const loop = async (
    kind: ProbeKind,
    spec: ProbeSpec,
    passingFirst: boolean,
    onAnswer: (now: ProbeState, before: ProbeState, message: string) => 'go on' | 'done',
  ): Promise<void> => {
    let state = newProbe(spec, passingFirst, Date.now());
    while (!signal.aborted) {
      await sleep(Math.max(0, state.nextAt - Date.now()), undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      const answer = await ask(spec);
      if (signal.aborted) return;
      const before = state;
      state = probeAnswered(state, spec, answer.ok, Date.now());
      const atThreshold = !answer.ok && state.failures === spec.failureThreshold;
      if (atThreshold && (kind !== 'readiness' || before.passing)) listener.failed(kind, answer.message);
      if (onAnswer(state, before, answer.message) === 'done') return;
    }
  };
  if (container.startup !== undefined) {
    await loop('startup', container.startup, false, (now) => (now.passing ? 'done' : 'go on'));
    if (signal.aborted) return;
  }
  listener.started();
  const loops: Promise<void>[] = [];
  if (container.readiness === undefined) listener.ready(true);
  else {
    const report = (now: ProbeState, before: ProbeState): 'go on' => {
      if (now.passing !== before.passing) listener.ready(now.passing);
      return 'go on';
    };
    loops.push(loop('readiness', container.readiness, false, report));
  }
  if (container.liveness !== undefined) {
    loops.push(loop('liveness', container.liveness, true, (now) => (now.passing ? 'go on' : 'done')));
  }
  await Promise.all(loops);
}
