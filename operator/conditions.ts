import type { Condition } from '#crds/v1alpha1/index.ts';
import type { EventNote } from './kube/events.ts';

/** A condition as a plan says it: when its status last changed is found out when it is merged. */
export type Verdict = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

/** A step that the plan wants but may not take now; the reason is constant in the code (G3). */
export interface Blocked {
  reason: string;
  message: string;
}

const MAX_MESSAGE = 4096;

/**
 * Conditions with these verdicts, in their order. lastTransitionTime changes only with status. `now` is RFC 3339.
 * Verdicts fill in for all conditions: others are dropped.
 */
export function mergeConditions(
  before: Condition[] | undefined,
  verdicts: Verdict[],
  generation: number | undefined,
  now: string,
): Condition[] {
  return verdicts.map((verdict) => {
    const old = before?.find((condition) => condition.type === verdict.type);
    return {
      type: verdict.type,
      status: verdict.status,
      ...(generation === undefined ? {} : { observedGeneration: generation }),
      lastTransitionTime: old !== undefined && old.status === verdict.status ? old.lastTransitionTime : now,
      reason: verdict.reason,
      message: verdict.message.slice(0, MAX_MESSAGE),
    };
  });
}

/**
 * Notes for conditions whose status or reason changed: what `kubectl describe` tells as history. A new object's first
 * conditions are no news, unless it is refused. A warning is a change from good to bad, not from one bad to another.
 */
export function transitionNotes(
  before: Condition[] | undefined,
  after: Condition[] | undefined,
  isBad: (condition: Condition) => boolean,
): EventNote[] {
  return (after ?? []).flatMap((condition): EventNote[] => {
    const old = before?.find((candidate) => candidate.type === condition.type);
    const refused = condition.type === 'Accepted' && condition.status === 'False';
    if (old === undefined ? !refused : old.status === condition.status && old.reason === condition.reason) return [];
    const worse = isBad(condition) && (refused || (old !== undefined && !isBad(old)));
    const message = condition.message || `${condition.type} is ${condition.status}`;
    return [{ type: worse ? 'Warning' : 'Normal', reason: condition.reason, message }];
  });
}

/** True when the condition of this type has status True. */
export function isTrue(conditions: Condition[] | undefined, type: string): boolean {
  return conditions?.some((condition) => condition.type === type && condition.status === 'True') ?? false;
}

/** RFC 3339 in whole seconds, as Kubernetes writes times. */
export function timeText(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}
