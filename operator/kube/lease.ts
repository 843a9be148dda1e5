import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { KubeApi } from './api.ts';
import { errorText, isNotFound } from './errors.ts';
import { numberAt, textAt } from './json.ts';
import { instant, LeaseProof } from './lease-proof.ts';
import { LEASE_MS, LeaseMachine, RENEW_MS, RETRY_MS, type LeaseRecord, type LeaseStep } from './lease-machine.ts';
import type { KubeObject } from './object.ts';
import { RESOURCES } from './resources.ts';

export interface LeaseOptions {
  api: KubeApi;
  namespace: string;
  name: string;
  /** Unique identity of this process. */
  identity: string;
  log: Logger;
  /** Called once when leadership is lost: the process must exit, since another one may lead already. */
  onLost: () => void;
}

/** Holds the Lease: `acquire` resolves when this process leads, and renewal goes on until `release`. */
export class LeaderLease {
  readonly #options: LeaseOptions;
  readonly #machine: LeaseMachine;
  readonly #proof = new LeaseProof();
  readonly #stop = new AbortController();
  #lease: KubeObject | undefined;
  #loop: Promise<void> | undefined;

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#machine = new LeaseMachine(options.identity);
  }

  get leading(): boolean {
    return this.#machine.leading;
  }

  /** True while nobody else can lead: only then anything may be written. */
  get proven(): boolean {
    return this.#machine.leading && this.#proof.holds(instant());
  }

  /** Resolves when this process is the leader; rejects only when stopped. */
  async acquire(): Promise<void> {
    while (!this.#machine.leading) {
      this.#stop.signal.throwIfAborted();
      await this.#turn();
      if (!this.#machine.leading) await delay(RETRY_MS, undefined, { signal: this.#stop.signal });
    }
    this.#loop = this.#renew();
  }

  /** Gives the lease up, so that another process need not wait for it to run out. */
  async release(): Promise<void> {
    this.#stop.abort();
    await this.#loop;
    this.#proof.ended();
    if (!this.#machine.leading || this.#lease === undefined) return;
    try {
      await this.#options.api.replace(RESOURCES.Lease, this.#record(this.#lease, ''));
    } catch (error) {
      this.#options.log.warn({ err: errorText(error) }, 'lease not released: it runs out by itself');
    }
  }

  async #renew(): Promise<void> {
    for (let wait = RENEW_MS; !this.#stop.signal.aborted;) {
      try {
        await delay(wait, undefined, { signal: this.#stop.signal });
      } catch {
        return;
      }
      const step = await this.#turn();
      wait = step === 'renew' ? RENEW_MS : RETRY_MS;
      if (step === 'lost') return this.#options.onLost();
    }
  }

  async #turn(): Promise<LeaseStep> {
    const { api, namespace, name, identity, log } = this.#options;
    try {
      const lease = await this.#read();
      const sentAt = instant();
      const step = this.#machine.decide(lease === undefined ? undefined : toRecord(lease), sentAt.mono);
      if (step === 'wait' || step === 'lost') return step;
      this.#lease =
        step === 'create' || lease === undefined
          ? await api.create(RESOURCES.Lease, this.#record(newLease(namespace, name), identity))
          : await api.replace(RESOURCES.Lease, this.#record(lease, identity));
      // The lease runs from when it was sent, not from when the answer was read: the process may have been stopped in between.
      this.#machine.written(sentAt.mono);
      this.#proof.renewed(sentAt);
      return step;
    } catch (error) {
      log.warn({ err: errorText(error) }, 'lease not renewed');
      return this.#machine.failed(performance.now());
    }
  }

  async #read(): Promise<KubeObject | undefined> {
    try {
      return await this.#options.api.get(RESOURCES.Lease, this.#options.namespace, this.#options.name);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  #record(lease: KubeObject, holder: string): KubeObject {
    const now = microTime(Date.now());
    const before = toRecord(lease);
    const changed = before.holder !== holder && holder !== '';
    return {
      apiVersion: lease.apiVersion,
      kind: lease.kind,
      metadata: lease.metadata,
      spec: {
        holderIdentity: holder,
        leaseDurationSeconds: holder === '' ? 1 : LEASE_MS / 1000,
        acquireTime: changed ? now : textAt(lease, 'spec', 'acquireTime') || now,
        renewTime: now,
        leaseTransitions: before.transitions + (changed && before.holder !== '' ? 1 : 0),
      },
    };
  }
}

function newLease(namespace: string, name: string): KubeObject {
  return { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name, namespace } };
}

function toRecord(lease: KubeObject): LeaseRecord {
  return {
    holder: textAt(lease, 'spec', 'holderIdentity'),
    renewTime: textAt(lease, 'spec', 'renewTime'),
    transitions: numberAt(lease, 'spec', 'leaseTransitions'),
    resourceVersion: lease.metadata.resourceVersion ?? '',
  };
}

/** RFC 3339 with the six digits that MicroTime wants. */
function microTime(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000Z');
}
