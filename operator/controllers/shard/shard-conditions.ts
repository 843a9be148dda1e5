import type { Condition } from '#crds/v1alpha1/index.ts';
import type { Verdict } from '../../conditions.ts';
import { reportOf } from '../../control/sights.ts';
import { whyNoPrimary } from '../../failover/fail-over.ts';
import { healthOf } from '../../failover/health.ts';
import type { ShardConfig } from './config.ts';
import { faultOf } from './repair.ts';
import type { ShardInput } from './shard-input.ts';

/** A node that is away for less keeps the conditions as they were: the operator may just have restarted. */
export const AWAY_GRACE_MS = 15_000;

/** Conditions Placed, Available and FullyReplicated for a configuration. */
export function judgeShard(config: ShardConfig, input: ShardInput): Verdict[] {
  return [
    { type: 'Placed', ...judgePlaced(config, input) },
    { type: 'Available', ...judgeAvailable(config, input) },
    { type: 'FullyReplicated', ...judgeReplicated(config, input) },
  ];
}

type Judgement = Omit<Verdict, 'type'>;

function no(reason: string, message: string): Judgement {
  return { status: 'False', reason, message };
}

function yes(reason: string, message = ''): Judgement {
  return { status: 'True', reason, message };
}

function judgePlaced(config: ShardConfig, input: ShardInput): Judgement {
  if (config.copies.length > 0) return yes('Placed');
  if (input.cluster === undefined) {
    return no('ClusterNotFound', `VectorCluster ${input.shard.spec.cluster} does not exist in this namespace`);
  }
  const blocked = input.placement.blocked[0];
  return no(blocked?.reason ?? 'Pending', blocked?.message ?? 'the shard is about to be placed');
}

function judgeAvailable(config: ShardConfig, input: ShardInput): Judgement {
  if (config.copies.length === 0) return no('NotPlaced', 'the shard has no copies yet');
  const before = input.shard.status?.conditions?.find((condition) => condition.type === 'Available');
  if (config.primaryTerm === 0) {
    const missing = config.copies
      .filter(
        (copy) => reportOf(input.nodes.get(copy.node), input.shard.metadata.name, copy.allocationId) === undefined,
      )
      .map((copy) => copy.node);
    return no('Creating', `waiting for the first copies${missing.length === 0 ? '' : ` on ${missing.join(', ')}`}`);
  }
  const primary = config.copies.find((copy) => copy.role === 'Primary');
  if (primary === undefined) return no('NoPrimary', 'the shard has no primary');
  const orphaned = whyNoPrimary(config, input);
  if (orphaned !== undefined) return no(orphaned.reason, orphaned.message);
  const fault = faultOf(primary, input);
  if (fault !== undefined) return no('NoInSyncCopy', lastCopyText(primary.node, fault, config));
  const sight = input.nodes.get(primary.node);
  if (sight === undefined || isAway(primary.node, input)) {
    return no('PrimaryNotReady', `the primary's node ${primary.node} is not ready`);
  }
  const report = reportOf(sight, input.shard.metadata.name, primary.allocationId);
  if (report?.state === 'READY') return yes('PrimaryReady');
  if (report !== undefined)
    return no('PrimaryStarting', `the primary on ${primary.node} is ${report.state.toLowerCase()}`);
  if (before !== undefined && !isLong(sight.since, input)) return keep(before);
  return {
    status: 'Unknown',
    reason: 'PrimaryNotConnected',
    message: sight.connected
      ? `${primary.node} has not reported its copy yet`
      : `the operator has no connection to ${primary.node}, which holds the primary`,
  };
}

function lastCopyText(node: string, fault: string, config: ShardConfig): string {
  const inSync = config.copies.filter((copy) => copy.inSync);
  const why =
    inSync.length > 1
      ? 'no other in-sync copy is ready to take over'
      : 'it is the last in-sync copy, which is never replaced by an empty one; bring its volume back, or delete the collection and load it again';
  return `${node} (primary) reports ${fault}: ${why}`;
}

function judgeReplicated(config: ShardConfig, input: ShardInput): Judgement {
  const wanted = input.shard.spec.replicationFactor;
  const inSync = config.copies.filter((copy) => copy.inSync).length;
  const faulty = config.copies.map((copy) => [copy.node, faultOf(copy, input)] as const).find(([, fault]) => fault);
  if (faulty) return no('CopyFaulty', `${faulty[0]} reports ${faulty[1]}`);
  const away = config.copies.map((copy) => copy.node).filter((node) => isAway(node, input));
  const awayText = away.length === 0 ? '' : `; node ${away.join(', ')} is not ready`;
  if (inSync >= wanted && away.length > 0) {
    return no('NodeAway', `the copy on ${away.join(', ')} cannot be reached: its node is not ready`);
  }
  if (inSync >= wanted && config.copies.length === wanted) return yes('AllInSync');
  if (inSync >= wanted) return yes('TooManyCopies', `${config.copies.length} copies, ${wanted} wanted`);
  const joining = config.copies.filter((copy) => copy.role === 'Joining').map((copy) => copy.node);
  if (joining.length > 0)
    return no('Recovering', `${inSync} of ${wanted} copies in sync; ${joining.join(', ')} joining${awayText}`);
  const blocked = input.placement.blocked[0];
  if (blocked !== undefined) return no(blocked.reason, `${inSync} of ${wanted} copies in sync: ${blocked.message}`);
  return no('Recovering', `${inSync} of ${wanted} copies in sync`);
}

/** Dead, neither connected nor ready for longer than the grace, or no node of the cluster any more. */
function isAway(node: string, input: ShardInput): boolean {
  if (healthOf(input.health, node).state === 'Dead') return true;
  const sight = input.nodes.get(node);
  return sight === undefined || (!sight.connected && !sight.podReady && isLong(sight.since, input));
}

function isLong(since: number, input: ShardInput): boolean {
  return input.now - since >= AWAY_GRACE_MS;
}

function keep({ status, reason, message }: Condition): Judgement {
  return { status, reason, message };
}
