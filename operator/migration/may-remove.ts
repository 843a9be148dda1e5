import type { ShardCopy } from '#crds/v1alpha1/index.ts';
import type { ShardConfig } from '../controllers/shard/config.ts';
import type { ShardInput } from '../controllers/shard/shard-input.ts';
import { isDead, isWell } from './observe.ts';

/** Whether a copy may go. Never: it is needed in place of one that is lost. */
export type RemovalVerdict = { kind: 'yes' } | { kind: 'wait' | 'never'; message: string };

/**
 * A copy goes only when as many others as the shard should have are in sync and known to be well now. A copy that is not in
 * sync protects nothing: it may go as soon as another one is well.
 */
export function mayRemove(leaving: ShardCopy, config: ShardConfig, input: ShardInput): RemovalVerdict {
  const { replicationFactor } = input.shard.spec;
  const others = config.copies.filter((copy) => copy.node !== leaving.node);
  const well = others.filter((copy) => isWell(copy, input)).length;
  if (leaving.role === 'Primary') return { kind: 'wait', message: `the copy on ${leaving.node} is the primary` };
  if (well >= (leaving.inSync ? replicationFactor : 1)) return { kind: 'yes' };
  const dead = others.filter((copy) => isDead(copy.node, input) || !input.nodes.has(copy.node));
  if (leaving.inSync && others.length - dead.length < replicationFactor) {
    const why = dead.length === 0 ? `${replicationFactor} copies are wanted` : `the one on ${dead[0]!.node} is lost`;
    return { kind: 'never', message: `both copies are needed: ${why}` };
  }
  const waitsFor = others.find((copy) => !isWell(copy, input));
  return { kind: 'wait', message: `waits for the copy on ${waitsFor?.node ?? 'another node'} to be in sync and ready` };
}
