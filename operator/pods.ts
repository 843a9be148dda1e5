import type { ObjectMeta } from '#crds/v1alpha1/index.ts';
import { CLUSTER_LABEL, TEMPLATE_HASH_LABEL } from './build/common.ts';
import { at, isObject, numberAt, objectsAt, textAt, type JsonObject } from './kube/json.ts';
import type { KubeObject } from './kube/object.ts';

/** What the operator reads of a data pod. */
export interface Pod {
  metadata: ObjectMeta;
  /** VectorCluster that the pod belongs to. */
  cluster: string;
  /** Kubernetes node it runs on; '' while unscheduled. */
  nodeName: string;
  /** '' while it has none. */
  ip: string;
  ready: boolean;
  /** False when Kubernetes says that its container does not run; true also while it does not know (machine lost). */
  running: boolean;
  deleting: boolean;
  templateHash: string;
  /** What keeps the pod from running, if anything. */
  problem?: PodProblem;
}

export interface PodProblem {
  /** Kubernetes' own word, e.g. ImagePullBackOff, CrashLoopBackOff, Unschedulable. */
  reason: string;
  message: string;
}

/** Reads a pod's JSON. */
export function parsePod(object: KubeObject): Pod {
  const status = object['status'];
  const problem = findProblem(status);
  return {
    metadata: object.metadata,
    cluster: object.metadata.labels?.[CLUSTER_LABEL] ?? '',
    nodeName: textAt(object, 'spec', 'nodeName'),
    ip: textAt(status, 'podIP'),
    ready: objectsAt(status, 'conditions').some((c) => c['type'] === 'Ready' && c['status'] === 'True'),
    running: isRunning(status),
    deleting: object.metadata.deletionTimestamp !== undefined,
    templateHash: object.metadata.labels?.[TEMPLATE_HASH_LABEL] ?? '',
    ...(problem ? { problem } : {}),
  };
}

/** Ordinal of a StatefulSet's pod; -1 when the name is not `<cluster>-<number>`. */
export function ordinalOf(cluster: string, pod: string): number {
  const rest = pod.startsWith(`${cluster}-`) ? pod.slice(cluster.length + 1) : '';
  return /^(0|[1-9]\d*)$/.test(rest) ? Number(rest) : -1;
}

const NEVER_RUNS = new Set(['Pending', 'Failed', 'Succeeded']);

function isRunning(status: unknown): boolean {
  if (NEVER_RUNS.has(textAt(status, 'phase'))) return false;
  const containers = objectsAt(status, 'containerStatuses');
  return containers.length === 0 || containers.some((container) => isObject(at(container, 'state', 'running')));
}

/** Waiting reasons that are part of a normal start. */
const NORMAL = new Set(['', 'ContainerCreating', 'PodInitializing']);

function findProblem(status: unknown): PodProblem | undefined {
  const unscheduled = objectsAt(status, 'conditions').find(
    (condition) => condition['type'] === 'PodScheduled' && condition['status'] === 'False',
  );
  if (unscheduled)
    return { reason: textAt(unscheduled, 'reason') || 'Unschedulable', message: textAt(unscheduled, 'message') };
  for (const container of objectsAt(status, 'containerStatuses')) {
    const problem = containerProblem(container);
    if (problem) return problem;
  }
  if (textAt(status, 'phase') === 'Failed') {
    return { reason: textAt(status, 'reason') || 'Failed', message: textAt(status, 'message') };
  }
  return undefined;
}

function containerProblem(container: JsonObject): PodProblem | undefined {
  const reason = textAt(container, 'state', 'waiting', 'reason');
  if (!NORMAL.has(reason)) {
    const last = lastExit(container);
    return { reason, message: [textAt(container, 'state', 'waiting', 'message'), last].filter(Boolean).join('; ') };
  }
  const terminated = isObject(container['state']) ? container['state']['terminated'] : undefined;
  if (!isObject(terminated)) return undefined;
  return { reason: textAt(terminated, 'reason') || 'Terminated', message: exitText(terminated) };
}

function lastExit(container: JsonObject): string {
  const last = isObject(container['lastState']) ? container['lastState']['terminated'] : undefined;
  return isObject(last) ? `last exit: ${exitText(last)}` : '';
}

function exitText(terminated: JsonObject): string {
  const message = textAt(terminated, 'message').trim();
  const code = `exit code ${numberAt(terminated, 'exitCode')}`;
  return message === '' ? code : `${code}, ${message}`;
}
