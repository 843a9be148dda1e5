import type { CopyRequest } from '#proto/control-messages.ts';
import { addToInSync, removeFromInSync, type ShardConfig } from './config.ts';

/** A primary's request, with the node that its stream came from. */
export interface PendingCopyRequest {
  from: string;
  request: CopyRequest;
}

/** The answer to one request, to be sent after the configuration was written. */
export interface Verdict {
  pending: PendingCopyRequest;
  ok: boolean;
  /** Constant when refused. */
  reason: string;
}

/**
 * Judges primaries' requests for changes of the in-sync set. All are judged against the configuration that they were made
 * for; those that fit are done together, in order.
 */
export function judgeRequests(
  before: ShardConfig,
  requests: PendingCopyRequest[],
): { config: ShardConfig; verdicts: Verdict[] } {
  let config = before;
  const verdicts = requests.map((pending): Verdict => {
    const refusal = refuse(before, pending);
    if (refusal !== null) return { pending, ok: false, reason: refusal };
    if (isDone(config, pending.request)) {
      // An earlier request to add the copy may still be on its way: a new version lets it fail.
      if (pending.request.action === 'REMOVE_FROM_IN_SYNC')
        config = { ...config, configVersion: before.configVersion + 1 };
      return { pending, ok: true, reason: '' };
    }
    if (pending.request.configVersion !== before.configVersion)
      return { pending, ok: false, reason: 'StaleConfigVersion' };
    const step = pending.request.action === 'REMOVE_FROM_IN_SYNC' ? removeFromInSync : addToInSync;
    const next = step(config, pending.request.node);
    if (next === null) return { pending, ok: false, reason: 'NotAllowed' };
    config = next;
    return { pending, ok: true, reason: '' };
  });
  return { config, verdicts };
}

function refuse(config: ShardConfig, { from, request }: PendingCopyRequest): string | null {
  const primary = config.copies.find((copy) => copy.role === 'Primary');
  const copy = config.copies.find((candidate) => candidate.node === request.node);
  if (request.action === 'COPY_ACTION_UNSPECIFIED') return 'UnknownAction';
  if (request.term !== config.primaryTerm || config.primaryTerm === 0) return 'StaleTerm';
  if (primary?.node !== from) return 'NotPrimary';
  if (copy === undefined || copy.allocationId !== request.allocationId) return 'UnknownCopy';
  if (copy.role === 'Primary') return 'LastInSyncReplica';
  return null;
}

/** The same request sent again after its answer was lost. */
function isDone(config: ShardConfig, request: CopyRequest): boolean {
  const copy = config.copies.find((candidate) => candidate.node === request.node);
  return copy?.inSync === (request.action === 'ADD_TO_IN_SYNC');
}
