import type { Shard } from '#crds/v1alpha1/index.ts';
import { physicalCluster, wantedNodes } from '../../collections.ts';
import { isTrue, type Blocked, type Verdict } from '../../conditions.ts';
import { deadNodes, healthOf } from '../../failover/health.ts';
import { isDiskFull } from '../../control/sights.ts';
import { isMoving } from '../../migration/migration.ts';
import type { ClusterInput } from './cluster-input.ts';
import { NODES_HOLD_COPIES } from './drain-progress.ts';

/** Why the spec can't be obeyed; undefined when it can. */
export function judgeAccepted({ cluster, clusters }: ClusterInput): Blocked | undefined {
  const { spec } = cluster;
  if (spec.type !== 'Logical') return undefined;
  const host = clusters.find((candidate) => candidate.metadata.name === spec.host);
  if (host === undefined) {
    return { reason: 'HostNotFound', message: `host: there is no VectorCluster ${spec.host ?? ''} in this namespace` };
  }
  if (host.spec.type === 'Logical') {
    return {
      reason: 'HostIsLogical',
      message: `host: ${host.metadata.name} is Logical itself and has no nodes; name its host`,
    };
  }
  return undefined;
}

/** Conditions Accepted, Available, Progressing and Degraded. */
export function judgeCluster(input: ClusterInput, refusal: Blocked | undefined, blocked: Blocked[]): Verdict[] {
  const accepted: Verdict =
    refusal === undefined
      ? { type: 'Accepted', status: 'True', reason: 'Accepted', message: '' }
      : { type: 'Accepted', status: 'False', ...refusal };
  if (refusal !== undefined) {
    const message = 'the cluster is not accepted';
    return [
      accepted,
      { type: 'Available', status: 'False', reason: 'NotAccepted', message },
      { type: 'Progressing', status: 'False', reason: 'NotAccepted', message },
      { type: 'Degraded', status: 'False', reason: 'NotAccepted', message },
    ];
  }
  if (input.cluster.spec.type === 'Logical') return [accepted, ...judgeLogical(input)];
  return [accepted, judgeAvailable(input), judgeProgressing(input, blocked), judgeDegraded(input)];
}

function judgeLogical({ cluster, clusters }: ClusterInput): Verdict[] {
  const host = physicalCluster(cluster, (name) => clusters.find((candidate) => candidate.metadata.name === name));
  const up = isTrue(host?.status?.conditions, 'Available');
  const message = up ? '' : `host ${cluster.spec.host ?? ''} is not available: ${host?.status?.message ?? ''}`;
  return [
    { type: 'Available', status: up ? 'True' : 'False', reason: up ? 'HostAvailable' : 'HostNotAvailable', message },
    { type: 'Progressing', status: 'False', reason: 'Converged', message: '' },
    { type: 'Degraded', status: 'False', reason: 'AsExpected', message: '' },
  ];
}

function judgeAvailable(input: ClusterInput): Verdict {
  const ready = readyNodes(input);
  const verdict = (status: Verdict['status'], reason: string, message: string): Verdict => ({
    type: 'Available',
    status,
    reason,
    message,
  });
  if (ready === 0) return verdict('False', 'NoNodesReady', podTrouble(input) ?? 'no node is ready yet');
  const down = input.shards.filter((shard) => shard.status?.phase === 'Unavailable');
  if (down.length === 0) return verdict('True', 'AsExpected', '');
  const message = `${down.length} of ${input.shards.length} shards not available; ${down[0]!.metadata.name}: ${down[0]!.status?.message ?? ''}`;
  return verdict('False', 'ShardsUnavailable', message);
}

function judgeProgressing(input: ClusterInput, blocked: Blocked[]): Verdict {
  const verdict = (status: Verdict['status'], reason: string, message: string): Verdict => ({
    type: 'Progressing',
    status,
    reason,
    message,
  });
  if (input.cluster.spec.paused === true)
    return verdict('False', 'Paused', 'spec.paused is true: the operator changes nothing');
  const wanted = wantedNodes(input.cluster);
  const ready = readyNodes(input);
  if (ready < wanted) return verdict('True', 'NodesStarting', `${ready} of ${wanted} nodes ready`);
  const fresh = input.shards.filter((shard) => isBeingCreated(shard));
  if (fresh.length > 0) return verdict('True', 'ShardsCreating', `${fresh.length} shards are being created`);
  const moving = input.shards.filter((shard) => isMoving(shard.status?.migration)).length;
  const refused = blocked.find(({ reason }) => reason === 'ReplicasWouldNotFit');
  if (refused !== undefined) return verdict('False', refused.reason, refused.message);
  const draining = blocked.find(({ reason }) => reason === NODES_HOLD_COPIES);
  if (draining !== undefined) return verdict(moving > 0 ? 'True' : 'False', draining.reason, draining.message);
  if (moving > 0) return verdict('True', 'CopiesMoving', `${moving} shards move a copy`);
  const joining = input.shards.filter((shard) => shard.status?.copies?.some((copy) => copy.role === 'Joining'));
  if (joining.length > 0) return verdict('True', 'CopiesJoining', `${joining.length} shards recover a copy`);
  const first = blocked[0];
  return first === undefined ? verdict('False', 'Converged', '') : verdict('False', first.reason, first.message);
}

function judgeDegraded(input: ClusterInput): Verdict {
  const verdict = (reason: string, message: string): Verdict => ({ type: 'Degraded', status: 'True', reason, message });
  const refused = [...input.sights.values()].find((sight) => sight.refused !== undefined);
  if (refused !== undefined) return verdict('NodeRefused', `${refused.node} refuses the operator: ${refused.refused}`);
  if (input.unreadable.length > 0) {
    const message = `${input.unreadable[0]} (of ${input.unreadable.length}) cannot be read by this operator, maybe an older one than made it: nodes keep their last map`;
    return verdict('ObjectsUnreadable', message);
  }
  const trouble = podTrouble(input);
  const dead = deadHolders(input);
  if (dead !== undefined) return verdict('NodesDead', [dead, trouble].filter(Boolean).join('; '));
  if (trouble !== undefined) return verdict('PodsFailing', trouble);
  const full = fullDisk(input);
  if (full !== undefined) return verdict('DiskFull', full);
  const thin = input.shards.filter((shard) => {
    const inSync = (shard.status?.copies ?? []).filter((copy) => copy.inSync).length;
    return (shard.status?.primaryTerm ?? 0) > 0 && inSync < shard.spec.replicationFactor;
  });
  if (thin.length > 0) {
    const message = `${thin.length} of ${input.shards.length} shards miss copies; ${thin[0]!.metadata.name}: ${thin[0]!.status?.message ?? ''}`;
    return verdict('CopiesMissing', message);
  }
  const wanted = wantedNodes(input.cluster);
  const ready = readyNodes(input);
  if (ready < wanted && hadAllNodes(input)) return verdict('NodesNotReady', `${ready} of ${wanted} nodes ready`);
  return { type: 'Degraded', status: 'False', reason: 'AsExpected', message: '' };
}

/** Nodes that hold copies and are believed dead. One that never held any is only not there yet. */
function deadHolders({ health, shards }: ClusterInput): string | undefined {
  const copies = shards.flatMap((shard) => shard.status?.copies ?? []);
  const dead = deadNodes(health).filter((node) => copies.some((copy) => copy.node === node));
  if (dead.length === 0) return undefined;
  const names = dead.map((node) => `${node} (${healthOf(health, node).why})`).join(', ');
  const orphaned = shards.filter((shard) => dead.includes(shard.status?.primary ?? '')).length;
  const rest =
    orphaned === 0
      ? 'every shard has a living primary'
      : `${orphaned} of ${shards.length} shards have no living primary`;
  return `dead: ${names}; ${rest}`;
}

/** A node that refuses writes because its disk is nearly full. */
function fullDisk({ sights }: ClusterInput): string | undefined {
  for (const { node, connected, report } of sights.values()) {
    if (!connected || !isDiskFull(report)) continue;
    return `the disk of ${node} is nearly full: writes to its shards are refused, deletes work; delete points or give it a larger volume`;
  }
  return undefined;
}

/** Without a first term, or with its first primary still opening. */
function isBeingCreated({ status }: Shard): boolean {
  return (status?.primaryTerm ?? 0) === 0 || status?.phase === 'Creating';
}

/** True when nodes that are missing now were there before: a cluster that is starting or growing is not degraded. */
function hadAllNodes({ cluster }: ClusterInput): boolean {
  const { conditions } = cluster.status ?? {};
  if (isTrue(conditions, 'Degraded')) return true;
  const progressing = conditions?.find((condition) => condition.type === 'Progressing');
  const settled = progressing?.status === 'False' && progressing.observedGeneration === cluster.metadata.generation;
  return settled && isTrue(conditions, 'Available');
}

/** Data pods that Kubernetes calls ready. */
export function readyNodes({ pods }: ClusterInput): number {
  return pods.filter((pod) => pod.ready && !pod.deleting).length;
}

/** Which pods can't run and why, in Kubernetes' words. */
function podTrouble({ pods }: ClusterInput): string | undefined {
  const failing = pods
    .filter((pod) => pod.problem !== undefined)
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  const first = failing[0];
  if (first?.problem === undefined) return undefined;
  const more = failing.length > 1 ? ` (and ${failing.length - 1} more)` : '';
  return `Pod ${first.metadata.name}${more}: ${first.problem.reason}: ${first.problem.message}`;
}
