import type { KubeObject } from '../kube-api/api-types.ts';
import { asObject } from '../kube-api/json.ts';
import type { JsonObject } from '../kube-api/json.ts';
import { stringMap } from './pod-spec.ts';
import { hasLabels } from './resources.ts';
import { isReady } from './statefulset.plan.ts';

/** Status of a PodDisruptionBudget over the pods that it selects by matchLabels. */
export function planBudgetStatus(budget: KubeObject, pods: readonly KubeObject[]): JsonObject {
  const spec = budget.spec ?? {};
  const selector = stringMap(asObject(spec['selector'])['matchLabels']);
  const selected = pods.filter(
    (pod) => pod.metadata.namespace === budget.metadata.namespace && hasLabels(pod, selector),
  );
  const expected = selected.length;
  const healthy = selected.filter(isReady).length;
  const share = (value: unknown): number | undefined => {
    if (typeof value === 'number') return value;
    const percent = typeof value === 'string' ? /^(\d+)%$/.exec(value)?.[1] : undefined;
    return percent === undefined ? undefined : Math.ceil((Number(percent) * expected) / 100);
  };
  const unavailable = share(spec['maxUnavailable']);
  const desired = unavailable === undefined ? (share(spec['minAvailable']) ?? 1) : Math.max(0, expected - unavailable);
  return {
    observedGeneration: budget.metadata.generation ?? 1,
    expectedPods: expected,
    currentHealthy: healthy,
    desiredHealthy: desired,
    disruptionsAllowed: expected === 0 ? 0 : Math.max(0, healthy - desired),
  };
}
