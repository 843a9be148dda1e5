import type { ProbeSpec } from './pod-spec.ts';

/** While a probe has not answered as wanted yet, it is asked this often at least, so that starts are noticed quickly. */
export const EAGER_PERIOD_MS = 500;

/** Counts of one probe of one run of a container; thresholds as in the Kubernetes API. */
export interface ProbeState {
  readonly passing: boolean;
  readonly successes: number;
  readonly failures: number;
  readonly nextAt: number;
}

/** Liveness starts as passing, startup and readiness as not. */
export function newProbe(spec: ProbeSpec, passing: boolean, now: number): ProbeState {
  return { passing, successes: 0, failures: 0, nextAt: now + spec.initialDelaySeconds * 1000 };
}

/** Takes in one answer and says when to ask next. */
export function probeAnswered(state: ProbeState, spec: ProbeSpec, ok: boolean, now: number): ProbeState {
  const successes = ok ? state.successes + 1 : 0;
  const failures = ok ? 0 : state.failures + 1;
  let passing = state.passing;
  if (successes >= spec.successThreshold) passing = true;
  if (failures >= spec.failureThreshold) passing = false;
  const period = spec.periodSeconds * 1000;
  return { passing, successes, failures, nextAt: now + (passing ? period : Math.min(period, EAGER_PERIOD_MS)) };
}
