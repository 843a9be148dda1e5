import type { Collection, CollectionStatus, Resharding, RoutingTable, Shard } from '#crds/v1alpha1/index.ts';
import { isStalled } from '../../resharding/fill.ts';
import { isUnderWay } from '../../resharding/types.ts';
import { isTrue, mergeConditions, timeText, type Blocked, type Verdict } from '../../conditions.ts';

/** What a collection's status tells. */
export interface CollectionView {
  collection: Collection;
  /** Its shards in the routing table; while there is none, those that will be. */
  shards: Shard[];
  routing: RoutingTable | undefined;
  resharding?: Resharding;
  /** First the refusal, if there is one. */
  blocked: Blocked[];
  accepted: boolean;
  now: number;
}

/** The whole status of a collection. */
export function buildCollectionStatus(view: CollectionView): CollectionStatus {
  const { collection, shards, routing, resharding } = view;
  const { generation } = collection.metadata;
  const verdicts = [judgeAccepted(view), judgeAvailable(view), judgeProgressing(view), judgeReplicated(view)];
  const worst = worstOf(verdicts);
  const active = routing === undefined ? [] : shards;
  return {
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    conditions: mergeConditions(collection.status?.conditions, verdicts, generation, timeText(view.now)),
    message: worst?.message ?? '',
    ...(routing === undefined ? {} : { routing, shards: routing.entries.length }),
    points: active.reduce((sum, shard) => sum + (shard.status?.points ?? 0), 0),
    ...(resharding === undefined ? {} : { resharding }),
  };
}

function judgeAccepted({ accepted, blocked }: CollectionView): Verdict {
  const refusal = blocked[0];
  if (accepted || refusal === undefined) return { type: 'Accepted', status: 'True', reason: 'Accepted', message: '' };
  return { type: 'Accepted', status: 'False', ...refusal };
}

function judgeAvailable({ shards, routing, accepted }: CollectionView): Verdict {
  const verdict = (status: Verdict['status'], reason: string, message: string): Verdict => ({
    type: 'Available',
    status,
    reason,
    message,
  });
  if (routing === undefined) {
    const active = shards.filter((shard) => (shard.status?.primaryTerm ?? 0) > 0).length;
    const waiting = shards.find((shard) => (shard.status?.primaryTerm ?? 0) === 0)?.status?.message;
    const why = waiting ? `: ${waiting}` : '';
    return accepted
      ? verdict('False', 'Creating', `${active} of ${shards.length} shards created${why}`)
      : verdict('False', 'NotAccepted', 'the collection is not accepted');
  }
  const down = shards.filter((shard) => !isTrue(shard.status?.conditions, 'Available'));
  const first = down[0];
  if (first === undefined) return verdict('True', 'AllShardsAvailable', '');
  const message = `${down.length} of ${shards.length} shards not available; ${first.metadata.name}: ${first.status?.message ?? ''}`;
  return verdict('False', 'ShardsUnavailable', message);
}

function judgeProgressing({ routing, resharding, blocked, accepted, now }: CollectionView): Verdict {
  if (isUnderWay(resharding)) {
    const reason = isStalled(resharding, now) ? 'ReshardingStalled' : 'Resharding';
    return { type: 'Progressing', status: 'True', reason, message: resharding.message ?? '' };
  }
  const blocker = accepted ? blocked[0] : undefined;
  if (blocker !== undefined) return { type: 'Progressing', status: 'False', ...blocker };
  return accepted && routing === undefined
    ? { type: 'Progressing', status: 'True', reason: 'Creating', message: 'the shards are being created' }
    : { type: 'Progressing', status: 'False', reason: 'Converged', message: '' };
}

function judgeReplicated({ shards }: CollectionView): Verdict {
  const thin = shards.filter((shard) => !isTrue(shard.status?.conditions, 'FullyReplicated'));
  const first = thin[0];
  if (first === undefined && shards.length > 0) {
    return { type: 'FullyReplicated', status: 'True', reason: 'AllInSync', message: '' };
  }
  const message =
    first === undefined
      ? 'no shards yet'
      : `${thin.length} of ${shards.length} shards miss copies; ${first.metadata.name}: ${first.status?.message ?? ''}`;
  return { type: 'FullyReplicated', status: 'False', reason: 'CopiesMissing', message };
}

/** The condition that a person should read first. */
function worstOf(verdicts: Verdict[]): Verdict | undefined {
  const wrong = (verdict: Verdict): boolean =>
    verdict.type === 'Progressing' ? verdict.message !== '' : verdict.status !== 'True';
  return verdicts.find(wrong);
}
