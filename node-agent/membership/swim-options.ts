import type { MembershipSettings } from '#model/cluster-map.ts';
import type { MemberState } from './member.ts';
import type { GossipMessage } from './messages.ts';

export interface SwimOptions {
  self: string;
  /** Of this life; higher than in former ones if possible (a clock will do), otherwise the others' word of them is outbid. At least 1. */
  incarnation: number;
  settings: MembershipSettings;
  /** 0 <= x < 1. */
  random: () => number;
  now: number;
}

/** Something that the node's other parts want to know. */
export type MembershipEvent =
  | { type: 'state'; node: string; from: MemberState; to: MemberState; left: boolean }
  | { type: 'newerMap'; node: string; version: number }
  /** Others had doubted this node, which said no. */
  | { type: 'refuted'; by: string; incarnation: number }
  | { type: 'answered'; node: string; milliseconds: number };

/** What a Swim machine wants done. */
export interface SwimReady {
  sends: { to: string; message: GossipMessage }[];
  events: MembershipEvent[];
}
