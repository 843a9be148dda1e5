import type { KubeObject, KubeObjectInput } from '../kube-api/api-types.ts';
import { asArray, asNumber, asObject, asString } from '../kube-api/json.ts';
import { stringMap } from './pod-spec.ts';
import { parsePodSpec } from './pod-spec.ts';
import { hasLabels } from './resources.ts';
import { isReady } from './statefulset.plan.ts';

/** A port of a Service. */
export interface ServicePort {
  readonly name: string;
  readonly port: number;
  readonly protocol: string;
  readonly targetPort: number | string;
}

/** Where connections to one port of a Service may go. */
export interface Backend {
  readonly host: string;
  readonly port: number;
}

export function servicePorts(service: KubeObject): ServicePort[] {
  return asArray(service.spec?.['ports']).map((item) => {
    const from = asObject(item);
    const port = asNumber(from['port']) ?? 0;
    const target = from['targetPort'];
    return {
      name: asString(from['name']),
      port,
      protocol: asString(from['protocol']) || 'TCP',
      targetPort: typeof target === 'number' || (typeof target === 'string' && target !== '') ? target : port,
    };
  });
}

/** Pods that a Service selects, in the order of their names; a Service without selector selects none. */
export function selectedPods(service: KubeObject, pods: readonly KubeObject[]): KubeObject[] {
  const selector = stringMap(service.spec?.['selector']);
  if (Object.keys(selector).length === 0) return [];
  return pods
    .filter((pod) => pod.metadata.namespace === service.metadata.namespace && hasLabels(pod, selector))
    .filter((pod) => asString(pod.status?.['podIP']) !== '')
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
}

/** The number behind a target port, which may be the name of a container's port. */
export function targetPortOf(pod: KubeObject, port: ServicePort): number | undefined {
  if (typeof port.targetPort === 'number') return port.targetPort;
  for (const container of parsePodSpec(pod.spec).containers) {
    const found = container.ports[port.targetPort];
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Ready pods behind one port of a Service; pods that are stopping take no new connections. */
export function backendsOf(service: KubeObject, port: ServicePort, pods: readonly KubeObject[]): Backend[] {
  return selectedPods(service, pods)
    .filter((pod) => isReady(pod) && pod.metadata.deletionTimestamp === undefined)
    .flatMap((pod) => {
      const number = targetPortOf(pod, port);
      return number === undefined ? [] : [{ host: asString(pod.status?.['podIP']), port: number }];
    });
}

/** The EndpointSlice that says the same to readers of the API; undefined for a Service without selector. */
export function planEndpointSlice(service: KubeObject, pods: readonly KubeObject[]): KubeObjectInput | undefined {
  if (Object.keys(stringMap(service.spec?.['selector'])).length === 0) return undefined;
  const selected = selectedPods(service, pods);
  const anyway = service.spec?.['publishNotReadyAddresses'] === true;
  const first = selected[0];
  const ports = servicePorts(service).map((port) => ({
    name: port.name,
    port: (first === undefined ? undefined : targetPortOf(first, port)) ?? port.port,
    protocol: port.protocol,
  }));
  const endpoints = selected.map((pod) => {
    const terminating = pod.metadata.deletionTimestamp !== undefined;
    const serving = isReady(pod);
    return {
      addresses: [asString(pod.status?.['podIP'])],
      conditions: { ready: anyway || (serving && !terminating), serving, terminating },
      hostname: asString(pod.spec?.['hostname']) || pod.metadata.name,
      nodeName: asString(pod.spec?.['nodeName']),
      targetRef: {
        kind: 'Pod',
        namespace: pod.metadata.namespace ?? '',
        name: pod.metadata.name,
        uid: pod.metadata.uid,
      },
    };
  });
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `${service.metadata.name}-local`,
      namespace: service.metadata.namespace ?? '',
      labels: {
        'kubernetes.io/service-name': service.metadata.name,
        'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
      },
      ownerReferences: [
        {
          apiVersion: 'v1',
          kind: 'Service',
          name: service.metadata.name,
          uid: service.metadata.uid,
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    addressType: 'IPv4',
    ports,
    endpoints,
  };
}
