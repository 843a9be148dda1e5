/** The fields of a coordination.k8s.io Lease that leader election uses. */
export interface LeaseRecord {
  holder: string;
  renewTime: string;
  transitions: number;
  resourceVersion: string;
}

export const LEASE_MS = 15_000;
export const RENEW_DEADLINE_MS = 10_000;
/** Between renewals that succeed; leaves two more tries before the deadline. */
export const RENEW_MS = 5_000;
export const RETRY_MS = 2_000;

/** What to do with the lease now. */
export type LeaseStep = 'create' | 'take' | 'renew' | 'wait' | 'lost';

/**
 * Leader election by a Lease (the scheme of client-go): a lease may be taken when its record has not changed for 15 s *by
 * our own clock*; a leader that could not renew for 10 s has lost and must exit. Pure: times are arguments (ms of a monotonic clock).
 */
export class LeaseMachine {
  readonly #me: string;
  #seen: { record: string; at: number } | undefined;
  #leading = false;
  #renewedAt = 0;

  constructor(me: string) {
    this.#me = me;
  }

  get leading(): boolean {
    return this.#leading;
  }

  /** The lease was read (`undefined`: there is none). */
  decide(lease: LeaseRecord | undefined, now: number): LeaseStep {
    if (lease === undefined) return this.#leading && this.#overdue(now) ? this.#lose() : 'create';
    const record = `${lease.holder}@${lease.renewTime}`;
    if (this.#seen?.record !== record) this.#seen = { record, at: now };
    if (lease.holder === this.#me) return this.#leading && this.#overdue(now) ? this.#lose() : 'renew';
    if (this.#leading) return this.#lose();
    return lease.holder === '' || now - this.#seen.at >= LEASE_MS ? 'take' : 'wait';
  }

  /** Our write of the lease, sent at `now`, was accepted. */
  written(now: number): void {
    this.#leading = true;
    this.#renewedAt = now;
  }

  /** The lease could not be read or written. */
  failed(now: number): LeaseStep {
    return this.#leading && this.#overdue(now) ? this.#lose() : 'wait';
  }

  #overdue(now: number): boolean {
    return now - this.#renewedAt >= RENEW_DEADLINE_MS;
  }

  #lose(): 'lost' {
    this.#leading = false;
    return 'lost';
  }
}
