import { errorFromWire, errorToWire, type ErrorCode } from '#model/errors.ts';
import type { CopyRef } from '../rpc/messages.ts';
import type { PeerClient } from '../rpc/peer-client.ts';
import type { Peers } from '../rpc/peers.ts';
import { AUDIT_BUCKETS } from './audit.ts';
import type { Ready, Step } from './messages.ts';

const CALL_TIMEOUT_MS = 30_000;
/** The copy reads all its rows, beside other work. A node that is gone is noticed by its stream, long before. */
const DIGEST_TIMEOUT_MS = 600_000;
/** Short: reads wait for it, and asking again does no harm. */
const CONFIRM_TIMEOUT_MS = 2_000;

type ReadyOf<T extends Ready['type']> = Extract<Ready, { type: T }>;
type WithoutSession<T> = T extends { copy: string; session: number } ? Omit<T, 'copy' | 'session'> : never;
type StepBody = WithoutSession<Step>;

export interface CopyCallsOptions {
  shard: string;
  uid: string;
  term: number;
  peers: Peers;
  step(step: Step): void;
}

/** A primary's calls to its copies. Each begins at once, because their order matters; what came of it becomes a step. */
export class CopyCalls {
  #options: CopyCallsOptions;

  constructor(options: CopyCallsOptions) {
    this.#options = options;
  }

  ref(allocationId: string, stream: number): CopyRef {
    const { shard: name, uid, term } = this.#options;
    return { shard: { name, uid }, allocationId, term, stream };
  }

  /** Turns the outcome of what `call` begins into a step of the copy's session. */
  ask<T>(ready: { copy: string; session: number }, call: () => Promise<T>, toStep: (answer: T) => StepBody): void {
    const { copy, session } = ready;
    const { step } = this.#options;
    Promise.try(call).then(
      (value) => step({ ...toStep(value), copy, session }),
      (error: unknown) => step({ ...refusedBy(error), copy, session }),
    );
  }

  locate(ready: ReadyOf<'locate'>): void {
    const body = { copy: this.ref(ready.copy, ready.session) };
    this.ask(
      ready,
      () => this.#peer(ready).call('locate', body, CALL_TIMEOUT_MS),
      (located) => ({ type: 'located', located }),
    );
  }

  send(ready: ReadyOf<'send'>): void {
    const { entries, checkpoint, trimBelow } = ready;
    const body = { copy: this.ref(ready.copy, ready.stream), entries, checkpoint, trimBelow };
    this.ask(
      ready,
      () => this.#peer(ready).call('replicate', body, CALL_TIMEOUT_MS),
      (position) => ({ type: 'applied', bytes: entries.byteLength, position }),
    );
  }

  verify(ready: ReadyOf<'verify'>): void {
    const body = { copy: this.ref(ready.copy, ready.stream), ...ready.digest };
    this.ask(
      ready,
      () => this.#peer(ready).call('verify', body, DIGEST_TIMEOUT_MS),
      ({ equal }) => ({ type: 'verified', equal }),
    );
  }

  audit(ready: ReadyOf<'audit'>): void {
    const { audit, seqNo, copy, session } = ready;
    const { step } = this.#options;
    const body = { copy: this.ref(copy, ready.stream), seqNo, buckets: AUDIT_BUCKETS };
    Promise.try(() => this.#peer(ready).call('audit', body, DIGEST_TIMEOUT_MS)).then(
      (read) => step({ type: 'audited', copy, session, audit, digests: read.seqNo === seqNo ? read.digests : null }),
      // Its stream finds out what is wrong.
      () => step({ type: 'audited', copy, session, audit, digests: null }),
    );
  }

  confirm(ready: ReadyOf<'confirm'>): void {
    const { copy, round } = ready;
    const { step } = this.#options;
    Promise.try(() => this.#peer(ready).call('confirm', { copy: this.ref(copy, 0) }, CONFIRM_TIMEOUT_MS)).then(
      () => step({ type: 'confirmed', copy, round }),
      (error: unknown) => {
        const { code, message } = refusedBy(error);
        step({ type: 'unconfirmed', copy, round, code, message });
      },
    );
  }

  #peer({ node }: { node: string }): PeerClient {
    return this.#options.peers.get(node);
  }
}

function refusedBy(error: unknown): Extract<StepBody, { type: 'refused' }> {
  const { code, message } = errorToWire(error);
  const known: ErrorCode = errorFromWire({ code, message }).code;
  // A gap is closed by asking where the copy is; any other conflict means that its log is not ours.
  const diverged = known === 'ANN_CONFLICT' && !message.startsWith('expected seqNo');
  return { type: 'refused', code: known, message, diverged };
}
