import { buildConfigMap } from '../../build/config-map.ts';
import { childNames, type BuildConfig, type StoredCluster } from '../../build/common.ts';
import { buildNetworkPolicy } from '../../build/network-policy.ts';
import { buildPodDisruptionBudget } from '../../build/pod-disruption-budget.ts';
import { buildPodMonitor } from '../../build/pod-monitor.ts';
import { buildServiceAccount } from '../../build/service-account.ts';
import { buildClientService, buildHeadlessService } from '../../build/services.ts';
import { buildStatefulSet } from '../../build/stateful-set.ts';
import { covers, objectsAt, textAt } from '../../kube/json.ts';
import type { KubeObject } from '../../kube/object.ts';

/** A child object's place in the caches. */
export type ChildKind =
  | 'ServiceAccount'
  | 'Secret'
  | 'ConfigMap'
  | 'Service'
  | 'PodDisruptionBudget'
  | 'NetworkPolicy'
  | 'StatefulSet'
  | 'PodMonitor';

export interface ChildrenInput {
  cluster: StoredCluster;
  config: BuildConfig;
  /** Replicas that the StatefulSet may have now. */
  replicas: number;
  /** True when the API server knows PodMonitor. */
  podMonitors: boolean;
}

/** Every child object that should exist, but for the Secret, whose keys are random; the StatefulSet comes last. */
export function wantedChildren({ cluster, config, replicas, podMonitors }: ChildrenInput): KubeObject[] {
  const monitored = podMonitors && cluster.spec.monitoring?.podMonitor !== false;
  return [
    buildServiceAccount(cluster),
    buildConfigMap(cluster),
    buildHeadlessService(cluster),
    buildClientService(cluster),
    buildPodDisruptionBudget(cluster),
    buildNetworkPolicy(cluster, config),
    ...(monitored ? [buildPodMonitor(cluster)] : []),
    buildStatefulSet(cluster, config, replicas),
  ];
}

/** True when the child in the cache says everything that is wanted. */
export function isUpToDate(actual: KubeObject | undefined, wanted: KubeObject): boolean {
  return actual !== undefined && covers(actual, wanted);
}

/** Storage size in the claim template of an existing StatefulSet, which can't change. */
export function claimedSize(statefulSet: KubeObject | undefined): string | undefined {
  const template = objectsAt(statefulSet, 'spec', 'volumeClaimTemplates')[0];
  return textAt(template, 'spec', 'resources', 'requests', 'storage') || undefined;
}

/** Name of the Secret with the cluster's keys. */
export function secretName(cluster: StoredCluster): string {
  return childNames.secret(cluster.metadata.name);
}
