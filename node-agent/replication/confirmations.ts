import { isAwaited, type CopyProgress } from './copy-progress.ts';
import * as limits from './limits.ts';
import type { Ready } from './messages.ts';

interface Round {
  id: number;
  reads: number[];
  /** Copies still to be heard, by allocationId. */
  waits: Map<string, { asked: boolean; retryAt: number }>;
}

/**
 * Reads that wait until every awaited copy has said that it knows no newer primary: whoever could have been promoted is among these copies,
 * so nothing was acknowledged elsewhere before the read began. One round is under way, later reads wait for the next. Pure.
 */
export class Confirmations {
  #next: number[] = [];
  #round: Round | null = null;
  #lastRound = 0;

  get waiting(): number {
    return this.#next.length + (this.#round?.reads.length ?? 0);
  }

  ask(read: number): void {
    this.#next.push(read);
  }

  giveUp(read: number): void {
    this.#next = this.#next.filter((known) => known !== read);
    if (!this.#round) return;
    this.#round.reads = this.#round.reads.filter((known) => known !== read);
    if (this.#round.reads.length === 0) this.#round = null;
  }

  /** Takes all reads that wait, to be refused. */
  takeAll(): number[] {
    const reads = [...(this.#round?.reads ?? []), ...this.#next];
    this.#round = null;
    this.#next = [];
    return reads;
  }

  /** True while a read waits for the copy's answer. */
  waitsFor(copy: string): boolean {
    return this.#round?.waits.has(copy) ?? false;
  }

  confirmed(copy: string, round: number): void {
    if (this.#round?.id === round) this.#round.waits.delete(copy);
  }

  unconfirmed(copy: string, round: number, now: number): void {
    const wait = this.#round?.id === round ? this.#round.waits.get(copy) : undefined;
    if (!wait) return;
    wait.asked = false;
    wait.retryAt = now + limits.CONFIRM_RETRY_MS;
  }

  /** Asks whom it must, and lets reads go that wait for nobody any more. */
  settle(copies: readonly CopyProgress[], emit: (ready: Ready) => void, now: number): void {
    for (;;) {
      this.#round ??= this.#begin(copies);
      const round = this.#round;
      if (!round) return;
      for (const copy of round.waits.keys()) {
        if (!copies.some((known) => known.allocationId === copy && isAwaited(known))) round.waits.delete(copy);
      }
      for (const { allocationId: copy, node } of copies) {
        const wait = round.waits.get(copy);
        if (!wait || wait.asked || now < wait.retryAt) continue;
        wait.asked = true;
        emit({ type: 'confirm', copy, node, round: round.id });
      }
      if (round.waits.size > 0) return;
      emit({ type: 'serveReads', reads: round.reads });
      this.#round = null;
    }
  }

  #begin(copies: readonly CopyProgress[]): Round | null {
    if (this.#next.length === 0) return null;
    const reads = this.#next;
    this.#next = [];
    const awaited = copies.filter(isAwaited).map((copy) => copy.allocationId);
    return { id: ++this.#lastRound, reads, waits: new Map(awaited.map((id) => [id, { asked: false, retryAt: 0 }])) };
  }
}
