import { asObject } from '../json.ts';
import type { KindBehaviour, ScalePaths } from '../resource-def.ts';
import { POD } from './pod.ts';
import { SERVICE } from './service.ts';
import { DEPLOYMENT, STATEFUL_SET } from './workloads.ts';
import { CLAIM, VOLUME } from './volumes.ts';
import {
  CONFIG_MAP,
  ENDPOINT_SLICE,
  ENDPOINTS,
  STORAGE_CLASS,
  EVENT,
  NAMESPACE,
  NETWORK_POLICY,
  POD_DISRUPTION_BUDGET,
  SECRET,
} from './simple-kinds.ts';
import { CRD_BEHAVIOUR } from '../crd/crd-behaviour.ts';

const BEHAVIOURS: Readonly<Record<string, KindBehaviour>> = {
  '/Pod': POD,
  '/Service': SERVICE,
  '/Secret': SECRET,
  '/ConfigMap': CONFIG_MAP,
  '/Event': EVENT,
  '/Endpoints': ENDPOINTS,
  'discovery.k8s.io/EndpointSlice': ENDPOINT_SLICE,
  'storage.k8s.io/StorageClass': STORAGE_CLASS,
  '/Namespace': NAMESPACE,
  '/PersistentVolumeClaim': CLAIM,
  '/PersistentVolume': VOLUME,
  '/Node': { selectableFields: { 'spec.unschedulable': (o) => String(asObject(o.spec)['unschedulable'] === true) } },
  'apps/StatefulSet': STATEFUL_SET,
  'apps/Deployment': DEPLOYMENT,
  'events.k8s.io/Event': EVENT,
  'policy/PodDisruptionBudget': POD_DISRUPTION_BUDGET,
  'networking.k8s.io/NetworkPolicy': NETWORK_POLICY,
  'apiextensions.k8s.io/CustomResourceDefinition': CRD_BEHAVIOUR,
  'rbac.authorization.k8s.io/Role': { nameRule: 'path' },
  'rbac.authorization.k8s.io/RoleBinding': { nameRule: 'path' },
  'rbac.authorization.k8s.io/ClusterRole': { nameRule: 'path' },
  'rbac.authorization.k8s.io/ClusterRoleBinding': { nameRule: 'path' },
  'coordination.k8s.io/Lease': { noUnconditionalUpdate: true },
};

export const behaviourOf = (group: string, kind: string): KindBehaviour => BEHAVIOURS[`${group}/${kind}`] ?? {};

/** Built-in kinds with a scale subresource keep their numbers in the same places. */
export const scaleOf = (kind: string): ScalePaths | undefined =>
  kind === 'StatefulSet' || kind === 'Deployment'
    ? { spec: ['spec', 'replicas'], status: ['status', 'replicas'], selector: ['spec', 'selector'] }
    : undefined;
