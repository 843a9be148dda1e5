import { LEASE_MS } from './lease-machine.ts';

/** A moment by both clocks, ms: the monotonic one stands still while a machine sleeps, the other one may be set. */
export interface Instant {
  mono: number;
  wall: number;
}

/** A write on its way, and clocks that run at different speeds, must not reach into the next leader's time. */
export const LEASE_MARGIN_MS = 2_000;

/** The moment by the process's clocks. */
export function instant(): Instant {
  return { mono: performance.now(), wall: Date.now() };
}

/**
 * Proof that this process still leads: nobody else may take a lease before LEASE_MS have passed since its renewal was *sent*. A process that was
 * stopped and wakes up has no proof, whatever its timers and promises were about to do. Pure.
 */
export class LeaseProof {
  #renewed: Instant | undefined;

  /** A renewal that was sent at this moment has been accepted. */
  renewed(sentAt: Instant): void {
    this.#renewed = sentAt;
  }

  /** The lease was lost or given back. */
  ended(): void {
    this.#renewed = undefined;
  }

  /** True while nobody else can lead. */
  holds(now: Instant): boolean {
    if (this.#renewed === undefined) return false;
    const elapsed = Math.max(now.mono - this.#renewed.mono, now.wall - this.#renewed.wall);
    return elapsed < LEASE_MS - LEASE_MARGIN_MS;
  }
}
