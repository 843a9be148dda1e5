/** A member that is being asked whether it lives. */
export interface Probe {
  seq: number;
  target: string;
  sentAt: number;
  /** Then other members are asked to try; Infinity once they were. */
  askAt: number;
  /** Then it has failed. */
  endAt: number;
  helpers: number;
  /** Helpers that said that they had no answer either: they live, so our own network does. */
  nacks: Set<string>;
}

/** Another node's probe that this one tries in its place. */
export interface Relay {
  seq: number;
  /** Who asked, and its own seq. */
  origin: string;
  originSeq: number;
  target: string;
  /** Then it is told that there was no answer. */
  nackAt: number;
}

const MAX_RELAYS = 256;

/** Probes under way, this node's own and those for others. */
export class Probes {
  #own = new Map<number, Probe>();
  #relays = new Map<number, Relay>();

  add(probe: Probe): void {
    this.#own.set(probe.seq, probe);
  }

  /** The probe of a member that is under way. */
  of(target: string): Probe | undefined {
    for (const probe of this.#own.values()) if (probe.target === target) return probe;
    return undefined;
  }

  get(seq: number): Probe | undefined {
    return this.#own.get(seq);
  }

  /** The member answered: its probe, if there was one, is over. */
  answered(seq: number, target: string): Probe | undefined {
    const probe = this.#own.get(seq);
    if (probe?.target !== target) return undefined;
    this.#own.delete(seq);
    return probe;
  }

  /** Probes whose helpers are to be asked now. */
  toAsk(now: number): Probe[] {
    return [...this.#own.values()].filter((probe) => probe.askAt <= now);
  }

  /** Takes out the probes that have failed. */
  failed(now: number): Probe[] {
    const over = [...this.#own.values()].filter((probe) => probe.endAt <= now);
    for (const { seq } of over) this.#own.delete(seq);
    return over;
  }

  /** False when too many are under way. */
  addRelay(relay: Relay): boolean {
    if (this.#relays.size >= MAX_RELAYS) return false;
    this.#relays.set(relay.seq, relay);
    return true;
  }

  answeredRelay(seq: number, target: string): Relay | undefined {
    const relay = this.#relays.get(seq);
    if (relay?.target !== target) return undefined;
    this.#relays.delete(seq);
    return relay;
  }

  /** Takes out the relays that had no answer. */
  failedRelays(now: number): Relay[] {
    const over = [...this.#relays.values()].filter((relay) => relay.nackAt <= now);
    for (const { seq } of over) this.#relays.delete(seq);
    return over;
  }

  /** Forgets a member that is no longer of the cluster. */
  drop(target: string): void {
    for (const [seq, probe] of this.#own) if (probe.target === target) this.#own.delete(seq);
  }

  /** This process stood still for so long: no one is late. */
  shift(milliseconds: number): void {
    for (const probe of this.#own.values()) {
      probe.askAt += milliseconds;
      probe.endAt += milliseconds;
    }
    for (const relay of this.#relays.values()) relay.nackAt += milliseconds;
  }
}
