import type { KubeObject } from '#local/kube-api/api-types.ts';
import { asArray, asNumber, asObject, asString } from '#local/kube-api/json.ts';
import type { JsonObject } from '#local/kube-api/json.ts';

/** What the demo sees while it waits. */
export interface Sight {
  readonly cluster: KubeObject | undefined;
  readonly collection: KubeObject | undefined;
  readonly pods: readonly KubeObject[];
  /** Restarts that a pod had when the waiting began; what earlier starts went through does not count. */
  readonly restartsBefore: ReadonlyMap<string, number>;
  /** The operator's last words, when it ended by itself. */
  readonly operatorTrouble: { readonly restarts: number; readonly message: string } | undefined;
}

export type Readiness =
  | { readonly kind: 'ready' }
  | { readonly kind: 'waiting'; readonly for: string }
  /** Waiting longer helps nobody; the sentence says why. */
  | { readonly kind: 'hopeless'; readonly why: string };

/** An operator that ended this often will not come up. */
const MAX_OPERATOR_RESTARTS = 3;
/** Reasons of a waiting container that a person must cure. */
const INCURABLE = new Set(['ErrImagePull', 'ImagePullBackOff', 'CreateContainerConfigError']);
const MAX_CRASHES = 3;
/** Of somebody else's text in a line of ours. */
const MAX_CHARACTERS = 300;

/** Whether cluster and collection can be used, and if not, what is being waited for. */
export function planReadiness(sight: Sight): Readiness {
  const trouble = sight.operatorTrouble;
  if (trouble !== undefined && trouble.restarts >= MAX_OPERATOR_RESTARTS) {
    return {
      kind: 'hopeless',
      why: `the operator ended ${trouble.restarts} times, last: ${tellingLine(trouble.message)}`,
    };
  }
  for (const pod of sight.pods) {
    const why = podTrouble(pod, sight.restartsBefore.get(pod.metadata.name) ?? 0);
    if (why !== undefined) return { kind: 'hopeless', why };
  }
  const cluster = condition(sight.cluster, 'Available');
  const accepted = condition(sight.cluster, 'Accepted');
  if (accepted?.['status'] === 'False')
    return { kind: 'hopeless', why: `the cluster was refused: ${oneLine(asString(accepted['message']))}` };
  if (cluster?.['status'] !== 'True') return { kind: 'waiting', for: clusterWait(sight) };
  // After a restart the cluster's status is still that of before; the kubelet's word on the pods is of now.
  const wanted = asNumber(sight.cluster?.spec?.['nodes']) ?? 0;
  const ready = sight.pods.filter((pod) => condition(pod, 'Ready')?.['status'] === 'True').length;
  if (ready < wanted) return { kind: 'waiting', for: `${ready} of ${wanted} nodes ready` };
  if (condition(sight.collection, 'Available')?.['status'] !== 'True') {
    return { kind: 'waiting', for: oneLine(asString(sight.collection?.status?.['message'])) || 'the collection' };
  }
  return { kind: 'ready' };
}

function clusterWait(sight: Sight): string {
  const status = sight.cluster?.status ?? {};
  const nodes = asObject(status['nodes']);
  const ready = asNumber(nodes['ready']) ?? 0;
  const desired = asNumber(nodes['desired']) ?? asNumber(sight.cluster?.spec?.['nodes']) ?? 0;
  const message = oneLine(asString(status['message'])) || 'the operator';
  return `${message} [nodes ${ready}/${desired}, shards ${asString(asObject(status['shards'])['summary']) || '0/0'}]`;
}

function condition(object: KubeObject | undefined, type: string): JsonObject | undefined {
  return asArray(object?.status?.['conditions'])
    .map(asObject)
    .find((each) => each['type'] === type);
}

function podTrouble(pod: KubeObject, restartsBefore: number): string | undefined {
  for (const container of asArray(pod.status?.['containerStatuses']).map(asObject)) {
    const waiting = asObject(asObject(container['state'])['waiting']);
    const reason = asString(waiting['reason']);
    if (INCURABLE.has(reason))
      return `${pod.metadata.name} cannot start: ${reason}: ${oneLine(asString(waiting['message']))}`;
    if (reason === 'CrashLoopBackOff' && restartsOf(pod) - restartsBefore >= MAX_CRASHES) {
      const last = asObject(asObject(container['lastState'])['terminated']);
      return `${pod.metadata.name} keeps crashing, last: ${tellingLine(asString(last['message']))}`;
    }
  }
  return undefined;
}

/** Restarts of a pod's containers. */
export function restartsOf(pod: KubeObject): number {
  const statuses = asArray(pod.status?.['containerStatuses']).map(asObject);
  return statuses.reduce((sum, status) => sum + (asNumber(status['restartCount']) ?? 0), 0);
}

/** The line of a crash's output that says most: the first that names an error, else the last. */
function tellingLine(text: string): string {
  const lines = text.trim().split('\n');
  return (lines.find((line) => /error|cannot|not found/i.test(line)) ?? lines.at(-1) ?? '')
    .trim()
    .slice(0, MAX_CHARACTERS);
}

const oneLine = (text: string): string => text.replaceAll(/\s+/g, ' ').slice(0, MAX_CHARACTERS);
