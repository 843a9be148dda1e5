import { messageBytes, MAX_BODY_BYTES, rumourBytes } from './codec.ts';
import { MAX_RUMOURS, type GossipMessage, type Rumour } from './messages.ts';

/** Nodes of which something changed lately, and how often that was passed on. */
export class News {
  #sent = new Map<string, number>();

  get empty(): boolean {
    return this.#sent.size === 0;
  }

  add(node: string): void {
    this.#sent.set(node, 0);
  }

  drop(node: string): void {
    this.#sent.delete(node);
  }

  /** Least often told first. */
  nodes(): string[] {
    return [...this.#sent].sort((a, b) => a[1] - b[1]).map(([node]) => node);
  }

  /** Counts one transmission; after `limit` of them it is no news any more. */
  told(node: string, limit: number): void {
    const sent = this.#sent.get(node);
    if (sent === undefined) return;
    if (sent + 1 >= limit) this.#sent.delete(node);
    else this.#sent.set(node, sent + 1);
  }
}

/**
 * Fills a datagram with rumours, in their order, each node's once, as far as they fit. `first` may be about the receiver itself: it is to
 * hear that it is suspected. Else the receiver knows best about itself, and the sender speaks for itself anyway.
 */
export function pack(
  message: Omit<GossipMessage, 'rumours'>,
  first: Rumour | null,
  candidates: Iterable<Rumour>,
): GossipMessage {
  const rumours = first === null ? [] : [first];
  const inside = new Set([message.to, message.sender.node]);
  let left = MAX_BODY_BYTES - messageBytes(message) - (first === null ? 0 : rumourBytes(first));
  if (left < 0) return { ...message, rumours: [] };
  for (const rumour of candidates) {
    if (rumours.length === MAX_RUMOURS) break;
    const bytes = rumourBytes(rumour);
    if (bytes > left || inside.has(rumour.node)) continue;
    left -= bytes;
    inside.add(rumour.node);
    rumours.push(rumour);
  }
  return { ...message, rumours };
}
