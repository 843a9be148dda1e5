import type { PlannedMove, VectorClusterStatus } from '#crds/v1alpha1/index.ts';
import { PORTS } from '#model/ports.ts';
import { childNames, podSelector } from '../../build/common.ts';
import { wantedNodes } from '../../collections.ts';
import { isTrue, mergeConditions, timeText, type Blocked, type Verdict } from '../../conditions.ts';
import { blockOf } from '../shard/placement-advice.ts';
import { judgeCluster, readyNodes } from './cluster-conditions.ts';
import type { ClusterInput } from './cluster-input.ts';

const MAX_PLANNED = 64;

/** The whole status of a cluster but for the map's version and hash, which the map publisher writes. */
export function buildClusterStatus(
  input: ClusterInput,
  refusal: Blocked | undefined,
  blocked: Blocked[],
): VectorClusterStatus {
  const { cluster, shards } = input;
  const { name, namespace, generation } = cluster.metadata;
  const verdicts = judgeCluster(input, refusal, blocked);
  const common = {
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    conditions: mergeConditions(cluster.status?.conditions, verdicts, generation, timeText(input.now)),
    phase: phaseOf(input, verdicts),
    message: messageOf(verdicts),
  };
  if (cluster.spec.type === 'Logical') return common;
  const healthy = shards.filter((shard) => isTrue(shard.status?.conditions, 'FullyReplicated')).length;
  const plan = plannedMoves(input);
  return {
    ...common,
    nodes: { desired: wantedNodes(cluster), ready: readyNodes(input) },
    shards: { total: shards.length, healthy, summary: `${healthy}/${shards.length}` },
    // A shard that is filled holds points of others.
    points: sum(shards.map(({ status }) => (status?.feed === undefined ? status?.points : 0))),
    bytes: sum(shards.flatMap((shard) => shard.status?.copies ?? []).map((copy) => copy.bytes)),
    endpoints: [
      `http://${childNames.clientService(name)}.${namespace}.svc:${PORTS.rest}`,
      `grpc://${childNames.clientService(name)}.${namespace}.svc:${PORTS.grpc}`,
    ],
    ...(input.publicKey === undefined ? {} : { publicKey: input.publicKey, keyVersion: 1 }),
    ...(plan.length === 0 ? {} : { plan }),
    selector: Object.entries(podSelector(name))
      .map(([label, value]) => `${label}=${value}`)
      .join(','),
  };
}

function phaseOf(input: ClusterInput, verdicts: Verdict[]): NonNullable<VectorClusterStatus['phase']> {
  const is = (type: string): boolean => verdicts.some((verdict) => verdict.type === type && verdict.status === 'True');
  const { metadata, spec } = input.cluster;
  if (metadata.deletionTimestamp !== undefined) return 'Deleting';
  if (spec.paused === true) return 'Paused';
  if (!is('Accepted')) return 'Refused';
  if (!is('Available')) {
    if (spec.type === 'Logical') return 'Unavailable';
    return readyNodes(input) === 0 && !is('Degraded') ? 'Pending' : 'Unavailable';
  }
  if (is('Degraded')) return 'Degraded';
  return is('Progressing') ? 'Progressing' : 'Available';
}

/** The sentence that a person should read first. */
function messageOf(verdicts: Verdict[]): string {
  const find = (type: string): Verdict | undefined => verdicts.find((verdict) => verdict.type === type);
  const [accepted, available, degraded, progressing] = ['Accepted', 'Available', 'Degraded', 'Progressing'].map(find);
  if (accepted?.status === 'False') return accepted.message;
  if (degraded?.status === 'True') return degraded.message;
  if (available?.status !== 'True') return available?.message ?? '';
  return progressing?.message ?? '';
}

function plannedMoves({ moves }: ClusterInput): PlannedMove[] {
  return moves.wish.slice(0, MAX_PLANNED).map((move) => {
    const blocked = blockOf(move, moves);
    return {
      shard: move.shard,
      ...(move.from === undefined ? {} : { from: move.from }),
      ...(move.to === undefined ? {} : { to: move.to }),
      ...(blocked === undefined ? {} : { blocked }),
    };
  });
}

function sum(values: (number | undefined)[]): number {
  return values.reduce<number>((total, value) => total + (value ?? 0), 0);
}
