import type { VectorCluster } from '#crds/v1alpha1/index.ts';
import type { KubeObject } from './kube/object.ts';
import type { Store } from './kube/reflector.ts';
import type { Pod } from './pods.ts';

/** Failure domain of a data pod: its Kubernetes node's label; '' while unknown. */
export function zoneOf(pod: Pod | undefined, cluster: VectorCluster, nodes: Store<KubeObject>): string {
  if (pod === undefined || pod.nodeName === '') return '';
  const label = cluster.spec.topologyKey ?? 'topology.kubernetes.io/zone';
  return nodes.get('', pod.nodeName)?.metadata.labels?.[label] ?? '';
}
