import type { MemberReport } from '#proto/control-messages.ts';
import { FRESH_MS, isFresh, type NodeSight } from '../control/sights.ts';
import type { ClusterHealth, NodeHealth } from './health.ts';

/** What Kubernetes says of a node's pod. A pod whose machine is lost still counts as Running: Kubernetes does not know better. */
export type PodState = 'Running' | 'NotRunning' | 'Absent';

/** Everything that the judgement follows from. */
export interface HealthInput {
  /** Nodes that the cluster should have, and those beyond that still have a pod: a majority is a majority of these. */
  nodes: readonly string[];
  /** Nodes that hold copies although they are no nodes of the cluster any more: judged, without a vote. */
  former: readonly string[];
  sights: ReadonlyMap<string, NodeSight>;
  pods: ReadonlyMap<string, PodState>;
  /** The judgement before this one. */
  before: ClusterHealth;
  now: number;
}

/** A pod that does not run for so long is dead: a container that is restarted at once is back by then. */
export const POD_DOWN_MS = 5_000;

type Word = MemberReport['state'];

/**
 * Judges every node. Nodes vote by gossip, as far as they are heard: a fresh report over an open stream. Only the majority side votes: heard
 * nodes that do not call one another dead, more than half of all. Kubernetes' word (pod gone, container not running) counts where no
 * majority calls the node alive. A lost stream alone never makes a node dead. Pure.
 */
export function judgeHealth(input: HealthInput): ClusterHealth {
  const { nodes, former, before, now } = input;
  const quorum = Math.floor(nodes.length / 2) + 1;
  const voters = heardNodes(input);
  const side = majoritySide(voters, quorum);
  const judged = new Map<string, NodeHealth>();
  for (const node of new Set([...nodes, ...former])) {
    const down = downSince(node, input);
    const verdict = judgeNode({ node, total: nodes.length, quorum, side, heard: voters.size, down, now });
    const old = before.nodes.get(node);
    // A clock that was set back must not make anybody wait for the old time.
    const since = old?.state === verdict.state ? Math.min(old.since, now) : now;
    judged.set(node, { ...verdict, since, ...(down === undefined ? {} : { downSince: down.since }) });
  }
  const nextAt = nextChange(input, judged);
  return { majority: side.size >= quorum, nodes: judged, ...(nextAt === undefined ? {} : { nextAt }) };
}

/** Nodes with a fresh report that says something of the others, and what it says. A single node has no others. */
function heardNodes({ nodes, sights, now }: HealthInput): Map<string, ReadonlyMap<string, Word>> {
  const heard = new Map<string, ReadonlyMap<string, Word>>();
  for (const node of nodes) {
    const sight = sights.get(node);
    if (sight?.report === undefined || !isFresh(sight, now)) continue;
    const { members } = sight.report;
    // Empty while gossip is not running yet.
    if (members.length === 0 && nodes.length > 1) continue;
    heard.set(node, new Map(members.map((member) => [member.node, member.state])));
  }
  return heard;
}

type Voters = ReadonlyMap<string, ReadonlyMap<string, Word>>;

/** The largest group of voters connected by pairs that do not call one another dead; empty when it is no majority. */
function majoritySide(voters: Voters, quorum: number): Voters {
  const left = new Set(voters.keys());
  const apart = (a: string, b: string): boolean => voters.get(a)?.get(b) === 'DEAD' || voters.get(b)?.get(a) === 'DEAD';
  for (const first of voters.keys()) {
    if (!left.delete(first)) continue;
    const group = [first];
    for (let i = 0; i < group.length; i++) {
      for (const other of left) {
        if (apart(group[i]!, other)) continue;
        left.delete(other);
        group.push(other);
      }
    }
    if (group.length >= quorum) return new Map(group.map((node) => [node, voters.get(node)!]));
  }
  return new Map();
}

interface Case {
  node: string;
  total: number;
  quorum: number;
  side: Voters;
  /** How many nodes are heard. */
  heard: number;
  down: Down | undefined;
  now: number;
}

function judgeNode({ node, total, quorum, side, heard, down, now }: Case): Pick<NodeHealth, 'state' | 'why'> {
  const count = { ALIVE: 0, SUSPECT: 0, DEAD: 0, MEMBER_STATE_UNSPECIFIED: 0 };
  for (const [voter, words] of side) {
    const word = voter === node ? 'ALIVE' : words.get(node);
    if (word !== undefined) count[word] += 1;
  }
  if (count.DEAD >= quorum) return { state: 'Dead', why: `${count.DEAD} of ${total} nodes call it dead` };
  if (count.ALIVE >= quorum) return { state: 'Alive', why: `${count.ALIVE} of ${total} nodes call it alive` };
  if (down !== undefined) {
    return { state: now - down.since >= POD_DOWN_MS ? 'Dead' : 'Suspect', why: down.why };
  }
  const doubts = count.SUSPECT + count.DEAD;
  if (doubts > 0) return { state: 'Suspect', why: `${doubts} of ${total} nodes doubt that it lives` };
  if (side.size > 0) return { state: 'Unknown', why: 'too few nodes know it yet' };
  return { state: 'Unknown', why: `only ${heard} of ${total} nodes tell the operator what they know of the others` };
}

interface Down {
  since: number;
  why: string;
}

/** Kubernetes says that the node can't be running, and it is not connected either. */
function downSince(node: string, { sights, pods, before, now }: HealthInput): Down | undefined {
  const pod = pods.get(node) ?? 'Absent';
  if (pod === 'Running' || sights.get(node)?.connected === true) return undefined;
  const why = pod === 'Absent' ? 'its pod is gone' : 'its container is not running';
  return { since: Math.min(before.nodes.get(node)?.downSince ?? now, now), why };
}

/** The first moment at which a report goes stale or a pod has been down long enough. */
function nextChange({ sights, now }: HealthInput, judged: ReadonlyMap<string, NodeHealth>): number | undefined {
  const times = [...judged].flatMap(([node, { downSince: down }]) => {
    const sight = sights.get(node);
    const stale = sight?.connected === true && sight.reportAt !== undefined ? [sight.reportAt + FRESH_MS] : [];
    return down === undefined ? stale : [...stale, down + POD_DOWN_MS];
  });
  const next = Math.min(...times.filter((time) => time > now));
  return Number.isFinite(next) ? next : undefined;
}
