import type { ShardCopy } from '#crds/v1alpha1/index.ts';
import { hash64 } from '#model/hash.ts';
import { isFresh, reportOf } from '../control/sights.ts';
import type { ShardConfig } from '../controllers/shard/config.ts';
import type { ShardInput } from '../controllers/shard/shard-input.ts';
import { healthOf } from './health.ts';

/**
 * The node whose in-sync copy is to become the primary: reported ready just now, its node neither dead nor doubted, and the highest seqNo of
 * those. Where they are equal a hash decides, so that the primaries of a dead node are spread over the others.
 */
export function bestHeir(config: ShardConfig, input: ShardInput): string | undefined {
  const heirs = config.copies
    .filter((copy) => copy.inSync && copy.role !== 'Primary' && whyNotHeir(copy, input) === undefined)
    .map(({ node, allocationId }) => ({
      node,
      seqNo: reportOf(input.nodes.get(node), input.shard.metadata.name, allocationId)?.seqNo ?? 0,
      lot: hash64(`${input.shard.metadata.name}/${node}`),
    }));
  return heirs.sort((a, b) => b.seqNo - a.seqNo || (a.lot < b.lot ? -1 : 1))[0]?.node;
}

/** Why an in-sync copy can't take over now, for people; undefined when it can. */
export function whyNotHeir({ node, allocationId }: ShardCopy, input: ShardInput): string | undefined {
  const { state, why } = healthOf(input.health, node);
  if (state === 'Dead' || state === 'Suspect') return `its node is ${state.toLowerCase()}: ${why}`;
  const sight = input.nodes.get(node);
  if (sight === undefined || !sight.connected) return 'the operator has no connection to its node';
  if (!isFresh(sight, input.now)) return 'its node has not reported lately';
  const report = reportOf(sight, input.shard.metadata.name, allocationId);
  if (report === undefined) return 'its node has not reported it yet';
  if (report.state === 'READY') return undefined;
  return report.message === '' ? `it is ${report.state.toLowerCase()}` : `it is ${report.state}: ${report.message}`;
}
