import type { CopyProgress } from './copy-progress.ts';
import * as limits from './limits.ts';
import type { ChangeAnswer, Ready } from './messages.ts';

/** Asks the operator to make the promised copy the primary, once this one is drained, and again while it says nothing or no. Pure. */
export class Handover {
  #asked: { configVersion: number; copy: string; answered: boolean; retryAt: number } | null = null;

  /** The map promises nothing any more. */
  reset(): void {
    this.#asked = null;
  }

  ask(target: CopyProgress, configVersion: number, emit: (ready: Ready) => void, now: number): void {
    const { allocationId: copy, node } = target;
    const asked = this.#asked;
    const same = asked?.configVersion === configVersion && asked.copy === copy;
    if (same && (!asked.answered || now < asked.retryAt)) return;
    this.#asked = { configVersion, copy, answered: false, retryAt: 0 };
    emit({ type: 'change', copy, node, action: 'handOver', reason: 'sealed and drained', configVersion });
  }

  /** True when the operator has made the copy the primary. */
  answered(copy: string, answer: ChangeAnswer, now: number): boolean {
    if (this.#asked?.copy !== copy) return false;
    this.#asked = { ...this.#asked, answered: true, retryAt: now + limits.HANDOVER_RETRY_MS };
    return answer.result === 'done';
  }
}
