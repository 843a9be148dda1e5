/** What is said of a node. Left: the node itself said that it stops. */
export type ClaimState = 'Alive' | 'Suspect' | 'Dead' | 'Left';

/** How a node is doing, as it says itself. */
export interface Vitals {
  /** Copies on the node. */
  shards: number;
  /** Of the processors that the node may use, 0..100. */
  cpuPercent: number;
  memoryMiB: number;
  zone: string;
  mapVersion: number;
}

/** A claim about one node. A higher incarnation beats a lower one; only the node itself ever raises it. */
export interface Rumour {
  node: string;
  incarnation: number;
  state: ClaimState;
  /** Suspect and Dead: who found so by probing, the first ones. */
  by: string[];
  /** Counts the changes of `vitals` within an incarnation. */
  revision: number;
  vitals: Vitals;
}

/**
 * ping -> ack; pingRequest (probe `about` for me) -> ack or nack about it; gossip carries rumours only. An ack and a nack have the seq of
 * what they answer.
 */
export type MessageKind = 'ping' | 'ack' | 'pingRequest' | 'nack' | 'gossip';

/** One datagram. */
export interface GossipMessage {
  kind: MessageKind;
  seq: number;
  /** Node that it is meant for: an address may have passed to another one. */
  to: string;
  /** pingRequest, ack, nack: the node probed. Else empty. */
  about: string;
  /** The sender, about itself: Alive or Left. */
  sender: Rumour;
  rumours: Rumour[];
}

/** The first suspect and the confirmations that are of use. */
export const MAX_SUSPECTERS = 4;
/** Rumours of one datagram beside the sender's own. */
export const MAX_RUMOURS = 16;
