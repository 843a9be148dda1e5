import type { MembershipSettings } from '#model/cluster-map.ts';
import { MAX_SUSPECTERS, type Rumour, type Vitals } from './messages.ts';
import { suspicionMs } from './timing.ts';

export type MemberState = 'Alive' | 'Suspect' | 'Dead';

/** What this node believes of another one. */
export interface Member {
  readonly node: string;
  state: MemberState;
  /** Dead by its own word: it stopped. */
  left: boolean;
  /** False until anything was heard of it since this process started: then Alive is no more than a hope. */
  heard: boolean;
  incarnation: number;
  revision: number;
  vitals: Vitals;
  /** When `state` began. */
  since: number;
  /** Who found it missing, in this incarnation. */
  suspecters: Set<string>;
  /** Not before then is it pinged again out of turn. */
  nudgeAt: number;
}

export function newMember(node: string, zone: string, now: number): Member {
  return {
    node,
    state: 'Alive',
    left: false,
    heard: false,
    incarnation: 0,
    revision: 0,
    vitals: { shards: 0, cpuPercent: 0, memoryMiB: 0, zone, mapVersion: 0 },
    since: now,
    suspecters: new Set(),
    nudgeAt: 0,
  };
}

/** What a rumour means for a member: `confirm` adds a suspecter to a suspicion. */
export type Verdict = 'nothing' | 'alive' | 'suspect' | 'confirm' | 'left';

/**
 * The order of claims: a higher incarnation wins; within one, Left beats Dead beats Suspect beats Alive. Another node's Dead counts as its
 * suspicion only: a member is Dead here when it did not answer here in time, so that the operator's majority is of independent witnesses.
 */
export function judge(member: Member, rumour: Rumour): Verdict {
  const newer = rumour.incarnation - member.incarnation;
  switch (rumour.state) {
    case 'Alive':
      return newer > 0 ? 'alive' : 'nothing';
    case 'Left':
      return newer >= 0 && !member.left ? 'left' : 'nothing';
    case 'Suspect':
    case 'Dead':
      if (newer > 0 || (newer === 0 && member.state === 'Alive')) return 'suspect';
      if (newer < 0 || member.state === 'Dead') return 'nothing';
      return rumour.by.some((node) => !member.suspecters.has(node)) ? 'confirm' : 'nothing';
  }
}

/** When a suspected member will be Dead. */
export function deadAt(member: Member, settings: MembershipSettings, nodes: number): number {
  return member.since + suspicionMs(settings, nodes, member.suspecters.size - 1);
}

/** Takes over what the node says of itself, if it is newer. */
export function takeVitals(member: Member, { incarnation, revision, vitals }: Rumour): void {
  if (incarnation < member.incarnation || (incarnation === member.incarnation && revision <= member.revision)) return;
  member.revision = revision;
  member.vitals = vitals;
}

/** The claim to pass on about a member; null while nothing is known of it. */
export function rumourOf(member: Member, self: string): Rumour | null {
  const { node, state, left, heard, incarnation, revision, vitals } = member;
  if (!heard && state === 'Alive') return null;
  if (left) return { node, incarnation, state: 'Left', by: [], revision, vitals };
  if (state === 'Alive') return { node, incarnation, state, by: [], revision, vitals };
  const by =
    state === 'Dead' ? [self, ...[...member.suspecters].filter((name) => name !== self)] : [...member.suspecters];
  return { node, incarnation, state, by: by.slice(0, MAX_SUSPECTERS), revision, vitals };
}
