import type { CopyRequest } from '#proto/control-messages.ts';
import { healthOf, type ClusterHealth } from '../../failover/health.ts';
import { addToInSync, handOver, removeFromInSync, type ShardConfig } from './config.ts';
import type { Step } from './repair.ts';

/** A primary's request, with the node that its stream came from. */
export interface PendingCopyRequest {
  from: string;
  request: CopyRequest;
  /** When the primary first asked for this, ms: it asks again while it is not answered. */
  since: number;
  /** When it last asked, ms. */
  at: number;
  /** The last time it was judged it was left waiting. */
  held?: boolean;
}

/** The answer to one request, to be sent after the configuration was written. */
export interface Verdict {
  pending: PendingCopyRequest;
  ok: boolean;
  /** Constant when refused. */
  reason: string;
}

/** What the judgement follows from beside the configuration. */
export interface RequestContext {
  requests: readonly PendingCopyRequest[];
  health: ClusterHealth;
  /** Nodes that the cluster should have. */
  nodes: number;
  /** The shard's status.handoverTo. */
  handoverTo: string | undefined;
  now: number;
}

export interface Judged {
  config: ShardConfig;
  verdicts: Verdict[];
  steps: Step[];
  /** Requests that wait from now on. */
  held: PendingCopyRequest[];
  /** When requests that wait unanswered are to be judged again although nothing changed. */
  askAgainMs?: number;
}

/**
 * While a majority is heard and it is unclear who is dead, a removal waits for so long at most, and is granted then. That loses nothing: what is
 * left of the set has every acknowledged write. Waiting only keeps the side of a partition that can't go on from taking the set over; so without
 * a majority it is granted only for a copy whose node is dead by the word of Kubernetes.
 */
export const REMOVAL_PATIENCE_MS = 30_000;
/** A primary that still wants an answer asks again before this (CHANGE_TIMEOUT_MS and CHANGE_RETRY_MS of the node). */
const ASKED_FOR_MS = 15_000;
/** Up to so many nodes have no majority without one of them: there removals do not wait. */
const MAX_WITHOUT_MAJORITY = 2;

/**
 * Judges primaries' requests for changes of the in-sync set or of the primary. All are judged against the configuration that they were made
 * for; those that fit are done together, in order. Requests that wait get no verdict. Pure.
 */
export function judgeRequests(before: ShardConfig, context: RequestContext): Judged {
  let config = before;
  const verdicts: Verdict[] = [];
  const steps: Step[] = [];
  const held: PendingCopyRequest[] = [];
  let askAgainMs: number | undefined;
  for (const pending of context.requests) {
    const { request } = pending;
    const answer = (ok: boolean, reason = ''): number => verdicts.push({ pending, ok, reason });
    const refusal = refuse(config, pending, context);
    if (refusal !== null) {
      answer(false, refusal);
    } else if (isDone(config, request)) {
      // An earlier request to add the copy may still be on its way: a new version lets it fail.
      if (request.action === 'REMOVE_FROM_IN_SYNC') config = { ...config, configVersion: before.configVersion + 1 };
      answer(true);
    } else if (request.configVersion !== before.configVersion) {
      answer(false, 'StaleConfigVersion');
    } else if (isUnclear(pending, context)) {
      const patience = context.health.majority ? pending.since + REMOVAL_PATIENCE_MS : Infinity;
      const end = Math.min(patience, pending.at + ASKED_FOR_MS);
      askAgainMs = Math.min(askAgainMs ?? Infinity, end - context.now);
      if (pending.held !== true) held.push(pending);
    } else if (pending.held === true && healthOf(context.health, request.node).state === 'Alive') {
      // The copy's node was only doubted: the primary may have heard of it meanwhile.
      answer(false, 'AskAgain');
    } else {
      const next = STEPS[request.action](config, request.node);
      if (next !== null && request.action === 'HAND_OVER') {
        const message = `${pending.from} has drained and handed over: ${request.node} is the primary now`;
        steps.push({ reason: 'PrimaryHandedOver', message });
      }
      config = next ?? config;
      answer(next !== null, next === null ? 'NotAllowed' : '');
    }
  }
  return { config, verdicts, steps, held, ...(askAgainMs === undefined ? {} : { askAgainMs }) };
}

const STEPS: Record<CopyRequest['action'], (config: ShardConfig, node: string) => ShardConfig | null> = {
  COPY_ACTION_UNSPECIFIED: () => null,
  REMOVE_FROM_IN_SYNC: removeFromInSync,
  ADD_TO_IN_SYNC: addToInSync,
  HAND_OVER: handOver,
};

function refuse(
  config: ShardConfig,
  { from, request, at }: PendingCopyRequest,
  context: RequestContext,
): string | null {
  if (context.now - at >= ASKED_FOR_MS) return 'Expired';
  const primary = config.copies.find((copy) => copy.role === 'Primary');
  const copy = config.copies.find((candidate) => candidate.node === request.node);
  if (request.action === 'COPY_ACTION_UNSPECIFIED') return 'UnknownAction';
  if (request.term !== config.primaryTerm || config.primaryTerm === 0) return 'StaleTerm';
  if (primary?.node !== from) return 'NotPrimary';
  if (copy === undefined || copy.allocationId !== request.allocationId) return 'UnknownCopy';
  if (copy.role === 'Primary') return 'LastInSyncReplica';
  // It is on the side that can't go on: another copy is about to become the primary.
  if (healthOf(context.health, from).state === 'Dead') return 'PrimaryDead';
  if (request.action === 'REMOVE_FROM_IN_SYNC') return null;
  if (healthOf(context.health, request.node).state === 'Dead') return 'NodeDead';
  if (request.action === 'ADD_TO_IN_SYNC') return null;
  if (context.handoverTo !== request.node) return 'NoHandoverWanted';
  return copy.inSync ? null : 'NotInSync';
}

/** The same request sent again after its answer was lost. A handover that was done has another term. */
function isDone(config: ShardConfig, request: CopyRequest): boolean {
  if (request.action === 'HAND_OVER') return false;
  const copy = config.copies.find((candidate) => candidate.node === request.node);
  return copy?.inSync === (request.action === 'ADD_TO_IN_SYNC');
}

/** A removal may be the beginning of a partition: who is to go on is known only when a majority has said who is dead. */
function isUnclear({ from, request, since }: PendingCopyRequest, { health, nodes, now }: RequestContext): boolean {
  if (request.action !== 'REMOVE_FROM_IN_SYNC' || nodes <= MAX_WITHOUT_MAJORITY) return false;
  if (healthOf(health, request.node).state === 'Dead') return false;
  if (health.majority && now - since >= REMOVAL_PATIENCE_MS) return false;
  // Alive is a majority's word: where none is heard, nobody is called so.
  return [from, request.node].some((node) => healthOf(health, node).state !== 'Alive');
}
