import type { VectorClusterStatus } from '#crds/v1alpha1/index.ts';
import { wantedNodes } from '../../collections.ts';
import type { Blocked } from '../../conditions.ts';
import { at, numberAt, type JsonObject } from '../../kube/json.ts';
import type { KubeObject } from '../../kube/object.ts';
import { scaleDownRefusal } from '../../placement/scale-down.ts';
import { decideWrite, without } from '../../status-write.ts';
import { childNames } from '../../build/common.ts';
import { templateHash } from '../../build/pod-template.ts';
import { claimedSize, isUpToDate, secretName, wantedChildren } from './children.ts';
import type { ClusterInput } from './cluster-input.ts';
import { judgeAccepted } from './cluster-conditions.ts';
import { buildClusterStatus } from './cluster-status.ts';
import { drainProgress, heldNodes } from './drain-progress.ts';

export type ClusterAction =
  /** Make the Secret with new random keys; an existing one is never touched. */
  | { type: 'createKeys' }
  | { type: 'applyChild'; object: KubeObject }
  | { type: 'deleteChild'; object: KubeObject }
  | { type: 'writeStatus'; status: VectorClusterStatus };

export interface ClusterPlan {
  actions: ClusterAction[];
  blocked: Blocked[];
  requeueAfterMs?: number;
}

/** Members of the status that the map publisher writes. */
export const FOREIGN_STATUS = ['mapVersion', 'mapHash'];

/** Decides which child objects a cluster needs, and its status. */
export function planCluster(input: ClusterInput, lastWriteAt: number): ClusterPlan {
  const { cluster } = input;
  const blocked: Blocked[] = [];
  const actions: ClusterAction[] = [];
  const refusal = judgeAccepted(input);
  if (refusal !== undefined) blocked.push(refusal);
  const deleting = cluster.metadata.deletionTimestamp !== undefined;
  const hasPods = cluster.spec.type !== 'Logical';
  if (refusal === undefined && hasPods && !deleting && cluster.spec.paused !== true) {
    actions.push(...planChildren(input, blocked));
  }
  if (hasPods) blocked.push(...outdatedPods(input));
  const status = buildClusterStatus(input, refusal, blocked);
  const strip = (member: JsonObject): JsonObject => without(member, ['points', 'bytes']);
  const decision = decideWrite(cluster.status, status, { strip, foreign: FOREIGN_STATUS, lastWriteAt, now: input.now });
  if (decision.write) actions.push({ type: 'writeStatus', status });
  const waits = [decision.write ? undefined : decision.afterMs, input.adviceChangesInMs];
  const requeueAfterMs = Math.min(...waits.filter((wait) => wait !== undefined));
  return { actions, blocked, ...(Number.isFinite(requeueAfterMs) ? { requeueAfterMs } : {}) };
}

function planChildren(input: ClusterInput, blocked: Blocked[]): ClusterAction[] {
  const { cluster, children, config, podMonitors } = input;
  const actions: ClusterAction[] = [];
  if (!children.has(`Secret/${secretName(cluster)}`)) actions.push({ type: 'createKeys' });
  const existing = children.get(`StatefulSet/${childNames.statefulSet(cluster.metadata.name)}`);
  const storageSize = claimedSize(existing);
  const wanted = wantedChildren({
    cluster,
    config: { ...config, ...(storageSize === undefined ? {} : { storageSize }) },
    replicas: allowedReplicas(input, existing, blocked),
    podMonitors,
  });
  const size = cluster.spec.storage?.size;
  if (storageSize !== undefined && size !== undefined && size !== storageSize) {
    blocked.push({
      reason: 'StorageResizeNotYetSupported',
      message: `storage.size is ${size}, the claims keep ${storageSize}: resizing comes with a later version`,
    });
  }
  for (const object of wanted) {
    const actual = children.get(`${object.kind}/${object.metadata.name}`);
    const fine = isUpToDate(actual, object) || (actual !== undefined && input.settled(actual, object));
    if (!fine) actions.push({ type: 'applyChild', object });
  }
  // Wanted first, then what is no longer wanted (G9).
  const names = new Set(wanted.map((object) => `${object.kind}/${object.metadata.name}`));
  for (const [key, object] of children) {
    if (object.kind === 'PodMonitor' && !names.has(key)) actions.push({ type: 'deleteChild', object });
  }
  return actions;
}

/** Nodes that hold copies stay until migrations have emptied them; those of a cluster that was made again come back first. */
function allowedReplicas(input: ClusterInput, existing: KubeObject | undefined, blocked: Blocked[]): number {
  const { cluster, shards, moves } = input;
  const wanted = wantedNodes(cluster);
  const replicas = at(existing, 'spec', 'replicas') === undefined ? wanted : numberAt(existing, 'spec', 'replicas');
  const held = heldNodes(cluster, shards);
  const present = Math.max(wanted, replicas, held);
  const refusal = scaleDownRefusal(cluster, present, shards);
  if (refusal !== undefined) {
    blocked.push(refusal);
    return present;
  }
  if (held > wanted) blocked.push(drainProgress(cluster, shards, moves));
  return Math.max(wanted, held);
}

/** Pods made from an older template go on as they are until they are restarted. */
function outdatedPods({ cluster, pods }: ClusterInput): Blocked[] {
  const wanted = templateHash(cluster);
  const old = pods
    .filter((pod) => pod.templateHash !== '' && pod.templateHash !== wanted)
    .map((pod) => pod.metadata.name);
  if (old.length === 0) return [];
  const message = `${old.sort().join(', ')} run an older pod template: delete them one at a time, each when all shards are in sync (rolling restarts come with a later version)`;
  return [{ reason: 'NodesOutdated', message }];
}
